"""The policy evaluator against the rules of IAM's documentation, case by case."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.aws_server.policy import Caller, Context, PolicyError, Verdict, evaluate, is_public, parse

ACTION = "secretsmanager:GetSecretValue"
RESOURCE = "arn:aws:secretsmanager:us-east-1:123456789012:secret:mm-bot/prod/bybit/api_key-AbCdEf"
ROLE = "arn:aws:iam::123456789012:role/mm-bot"
CONTEXT: Context = {
    "aws:PrincipalArn": ROLE,
    "secretsmanager:VersionStage": "AWSCURRENT",
    "aws:TagKeys": ("team", "owner"),
}
ANY = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def verdict(*statements: dict[str, Any]) -> Verdict:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return evaluate(parse(document, has_principal=False), ACTION, RESOURCE, CONTEXT)


@pytest.mark.parametrize(
    ("change", "applies"),
    [
        ({}, True),
        ({"Action": "secretsmanager:*"}, True),
        ({"Action": "SECRETSMANAGER:getsecretvalue"}, True),
        ({"Action": "secretsmanager:Get?ecretValue"}, True),
        ({"Action": ["s3:*", "secretsmanager:Get*"]}, True),
        ({"Action": "secretsmanager:Put*"}, False),
        ({"Action": "s3:*"}, False),
        ({"Resource": RESOURCE}, True),
        ({"Resource": RESOURCE[:-6] + "??????"}, True),
        ({"Resource": RESOURCE[:-6] + "?????"}, False),
        ({"Resource": "arn:aws:secretsmanager:*:*:secret:mm-bot/prod/*"}, True),
        ({"Resource": "arn:aws:secretsmanager:*:*:secret:mm-bot/PROD/*"}, False),
        ({"Resource": "arn:aws:secretsmanager:*:*:secret:mm-bot/shadow/*"}, False),
        ({"Condition": {"StringEquals": {"secretsmanager:versionstage": "AWSCURRENT"}}}, True),
        ({"Condition": {"StringEquals": {"secretsmanager:VersionStage": ["A", "AWSCURRENT"]}}}, True),
        ({"Condition": {"StringEquals": {"secretsmanager:VersionStage": "AWSPREVIOUS"}}}, False),
        ({"Condition": {"StringEquals": {"secretsmanager:VersionId": "x"}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"secretsmanager:VersionId": "x"}}}, True),
        ({"Condition": {"StringEqualsIfExists": {"secretsmanager:VersionStage": "x"}}}, False),
        ({"Condition": {"StringNotEquals": {"secretsmanager:VersionId": "x"}}}, True),
        ({"Condition": {"StringNotEquals": {"secretsmanager:VersionStage": ["x", "AWSCURRENT"]}}}, False),
        ({"Condition": {"StringLike": {"secretsmanager:VersionStage": "AWS*"}}}, True),
        ({"Condition": {"StringNotLike": {"secretsmanager:VersionStage": "AWS*"}}}, False),
        ({"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/mm-*"}}}, True),
        ({"Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:*"}}}, False),
        ({"Condition": {"ArnNotEquals": {"aws:PrincipalArn": ROLE}}}, False),
        ({"Condition": {"ArnNotEquals": {"aws:PrincipalArn": ROLE + "-2"}}}, True),
        ({"Condition": {"Null": {"secretsmanager:VersionStage": "false"}}}, True),
        ({"Condition": {"Null": {"secretsmanager:VersionStage": True}}}, False),
        ({"Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}}}, True),
        ({"Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "team"}}}, False),
        ({"Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "owner", "note"]}}}, True),
        ({"Condition": {"ForAllValues:StringEquals": {"aws:RequestTag/none": "x"}}}, True),
        (
            {
                "Condition": {
                    "StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"},
                    "ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/other"},
                }
            },
            False,
        ),
    ],
)
def test_a_statement_applies(change: dict[str, Any], applies: bool) -> None:
    assert verdict({**ANY, **change}) is (Verdict.ALLOW if applies else Verdict.SILENT)
    assert verdict({**ANY, **change, "Effect": "Deny"}, ANY) is (Verdict.DENY if applies else Verdict.ALLOW)


def test_negated_elements() -> None:
    others = {"Effect": "Deny", "NotAction": "secretsmanager:Get*", "Resource": "*"}
    elsewhere = {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:secretsmanager:*:*:secret:mm-bot/prod/*"}
    assert verdict(ANY, others, elsewhere) is Verdict.ALLOW
    assert verdict(ANY, {**others, "NotAction": "secretsmanager:Put*"}) is Verdict.DENY
    assert verdict(ANY, {**elsewhere, "NotResource": "arn:aws:secretsmanager:*:*:secret:other*"}) is Verdict.DENY


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", Verdict.ALLOW),
        ({"AWS": "*"}, Verdict.ALLOW),
        ({"AWS": [ROLE, "arn:aws:iam::123456789012:user/x"]}, Verdict.ALLOW),
        ({"AWS": "arn:aws:iam::123456789012:root"}, Verdict.DELEGATE),
        ({"AWS": "123456789012"}, Verdict.DELEGATE),
        ({"AWS": "210987654321"}, Verdict.SILENT),
        ({"AWS": ROLE + "-2"}, Verdict.SILENT),
        ({"Service": "lambda.amazonaws.com"}, Verdict.SILENT),
    ],
)
def test_principals(principal: object, expected: Verdict) -> None:
    caller = Caller(frozenset({ROLE}), "123456789012")
    for element, effect in (("Principal", "Allow"), ("Principal", "Deny"), ("NotPrincipal", "Deny")):
        document = json.dumps({"Statement": {"Effect": effect, "Action": "*", "Resource": "*", element: principal}})
        found = evaluate(parse(document, has_principal=True), ACTION, RESOURCE, {}, caller)
        named = expected is not Verdict.SILENT
        if effect == "Allow":
            assert found is expected
        else:
            assert found is (Verdict.DENY if named == (element == "Principal") else Verdict.SILENT)


@pytest.mark.parametrize(
    "statement",
    [
        "not a statement",
        {},
        {"Effect": "Allow", "Action": "*"},
        {"Effect": "Allow", "Resource": "*"},
        {**ANY, "Effect": "allow"},
        {**ANY, "NotAction": "*"},
        {**ANY, "Principal": "*"},
        {**ANY, "Colour": "red"},
        {**ANY, "Action": []},
        {**ANY, "Action": 7},
        {**ANY, "Condition": {"StringEqual": {"a": "b"}}},
        {**ANY, "Condition": {"ForSomeValues:StringEquals": {"a": "b"}}},
        {**ANY, "Condition": {"StringEquals": "b"}},
        {**ANY, "Resource": "arn:aws:secretsmanager:*:*:secret:${aws:username}"},
    ],
)
def test_what_cannot_be_evaluated_is_refused(statement: object) -> None:
    with pytest.raises(PolicyError):
        parse(json.dumps({"Statement": [statement]}), has_principal=False)


def test_what_is_public() -> None:
    def public(**change: Any) -> bool:
        document = json.dumps({"Statement": {**ANY, "Principal": "*", **change}})
        return is_public(parse(document, has_principal=True))

    assert public()
    assert public(Condition={"StringNotEquals": {"aws:PrincipalAccount": "1"}})
    assert public(Condition={"StringLike": {"aws:PrincipalArn": "*"}})
    assert not public(Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})
    assert not public(Principal={"AWS": ROLE})
    assert not public(Effect="Deny")
