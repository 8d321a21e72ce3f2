"""IAM policies: parsed strictly, evaluated as AWS documents it. What it cannot evaluate it refuses, loudly.

Source: the IAM user guide's policy evaluation logic and the reference of policy elements; verdicts were compared with
an independent simulator when the rules were first worked out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

Context = Mapping[str, str | tuple[str, ...]]
"""Condition keys of a request and their values; keys are looked up without regard to case."""


class PolicyError(ValueError):
    """A policy document that AWS would call malformed, or that asks for something not imitated here."""


class Verdict(Enum):
    """What one set of statements says about a request."""

    ALLOW = "allow"
    DELEGATE = "delegate"  # allowed to the account: its own identity policies decide
    DENY = "deny"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: every ARN by which a policy may name him, and his account; ``federated`` for web identities."""

    arns: frozenset[str]
    account: str
    federated: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator applied to one key."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; an element that is absent is None."""

    allow: bool
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    principals: tuple[tuple[str, str], ...] | None
    not_principals: tuple[tuple[str, str], ...] | None
    conditions: tuple[Condition, ...]


ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


@lru_cache(maxsize=1024)
def parse(document: str, *, has_principal: bool) -> tuple[Statement, ...]:
    """Read a policy document.

    Args:
        document: its JSON text.
        has_principal: whether it is one that names principals (resource and trust policies).

    Raises:
        PolicyError: it is not JSON, or a statement is malformed or uses what is not imitated.
    """
    try:
        content = json.loads(document)
    except ValueError as error:
        raise PolicyError("the document is not JSON") from error
    if not isinstance(content, dict) or "Statement" not in content:
        raise PolicyError("the document has no Statement")
    if "${" in document:
        raise PolicyError("policy variables are not imitated")
    return tuple(_statement(entry, has_principal) for entry in _listed(content["Statement"]))


def _statement(entry: Any, has_principal: bool) -> Statement:
    if not isinstance(entry, dict):
        raise PolicyError("a statement is not an object")
    allowed = ELEMENTS | ({"Principal", "NotPrincipal"} if has_principal else set())
    if unknown := set(entry) - allowed:
        raise PolicyError(f"unknown element {min(unknown)}")
    if entry.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError("Effect must be Allow or Deny")
    if ("Action" in entry) == ("NotAction" in entry):
        raise PolicyError("a statement needs either Action or NotAction")
    if has_principal and ("Principal" in entry) == ("NotPrincipal" in entry):
        raise PolicyError("a statement needs either Principal or NotPrincipal")
    if not has_principal and ("Resource" in entry) == ("NotResource" in entry):
        raise PolicyError("a statement needs either Resource or NotResource")
    return Statement(
        allow=entry["Effect"] == "Allow",
        actions=_texts(entry, "Action"),
        not_actions=_texts(entry, "NotAction"),
        resources=_texts(entry, "Resource"),
        not_resources=_texts(entry, "NotResource"),
        principals=_principals(entry.get("Principal")),
        not_principals=_principals(entry.get("NotPrincipal")),
        conditions=tuple(_conditions(entry.get("Condition", {}))),
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _texts(entry: Mapping[str, Any], element: str) -> tuple[str, ...] | None:
    if element not in entry:
        return None
    values = _listed(entry[element])
    if not values or not all(isinstance(value, str) for value in values):
        raise PolicyError(f"{element} must be one or more strings")
    return tuple(values)


def _principals(value: Any) -> tuple[tuple[str, str], ...] | None:
    if value is None:
        return None
    if value == "*":
        return (("AWS", "*"),)
    if not isinstance(value, dict) or not value:
        raise PolicyError("Principal must be * or an object")
    if unknown := set(value) - {"AWS", "Federated", "Service"}:
        raise PolicyError(f"unknown kind of principal {min(unknown)}")
    return tuple((kind, str(name)) for kind, names in value.items() for name in _listed(names))


def _conditions(value: Any) -> Iterable[Condition]:
    if not isinstance(value, dict):
        raise PolicyError("Condition must be an object")
    for operator, tests in value.items():
        _operation(operator)
        if not isinstance(tests, dict):
            raise PolicyError(f"Condition {operator} must be an object")
        for key, expected in tests.items():
            texts = (str(item).lower() if isinstance(item, bool) else str(item) for item in _listed(expected))
            yield Condition(operator, key, tuple(texts))


@lru_cache(maxsize=4096)
def _pattern(glob: str, ignore_case: bool) -> re.Pattern[str]:
    body = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in glob)
    return re.compile(body, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _like(glob: str, text: str, *, ignore_case: bool = False) -> bool:
    return _pattern(glob, ignore_case).fullmatch(text) is not None


def _arn_like(glob: str, arn: str) -> bool:
    # Wildcards do not reach over the colons of an ARN's first five fields.
    globs, fields = glob.split(":", 5), arn.split(":", 5)
    return len(globs) == len(fields) and all(map(_like, globs, fields))


def _equals(expected: str, actual: str) -> bool:
    return expected == actual


def _equals_any_case(expected: str, actual: str) -> bool:
    return expected.lower() == actual.lower()


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _equals,
    "StringEqualsIgnoreCase": _equals_any_case,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": _equals_any_case,
    "NumericEquals": lambda expected, actual: float(expected) == float(actual),
    "NumericLessThan": lambda expected, actual: float(actual) < float(expected),
    "NumericLessThanEquals": lambda expected, actual: float(actual) <= float(expected),
    "NumericGreaterThan": lambda expected, actual: float(actual) > float(expected),
    "NumericGreaterThanEquals": lambda expected, actual: float(actual) >= float(expected),
    # ISO 8601 in UTC compares as text.
    "DateLessThan": lambda expected, actual: actual < expected,
    "DateGreaterThan": lambda expected, actual: actual > expected,
}
NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


def _operation(operator: str) -> tuple[str, str, bool, bool]:
    """Split an operator into set qualifier, base operator, whether it negates, whether a missing key passes it."""
    qualifier, _, name = operator.rpartition(":")
    if qualifier not in ("", "ForAnyValue", "ForAllValues"):
        raise PolicyError(f"unknown condition qualifier {qualifier}")
    if_exists = name.endswith("IfExists") and name != "Null"
    name = name.removesuffix("IfExists")
    negated = name in NEGATIONS
    base = NEGATIONS.get(name, name)
    if base not in OPERATORS and base != "Null":
        raise PolicyError(f"unknown condition operator {operator}")
    return qualifier, base, negated, if_exists


def _holds(condition: Condition, context: Context) -> bool:
    qualifier, base, negated, if_exists = _operation(condition.operator)
    found = next((value for key, value in context.items() if key.lower() == condition.key.lower()), None)
    if base == "Null":
        return (found is None) == (condition.values[0].lower() == "true")
    if found is None:
        return if_exists or negated or qualifier == "ForAllValues"
    actual = (found,) if isinstance(found, str) else found
    hits = [any(OPERATORS[base](expected, value) for expected in condition.values) != negated for value in actual]
    return all(hits) if qualifier == "ForAllValues" or (negated and not qualifier) else any(hits)


def _names(principal: tuple[str, str], caller: Caller) -> Verdict:
    """Say whether a principal element is the caller (ALLOW), his whole account (DELEGATE), or neither (SILENT)."""
    kind, name = principal
    if kind == "Federated":
        return Verdict.ALLOW if name == caller.federated else Verdict.SILENT
    if kind != "AWS":
        return Verdict.SILENT
    if name == "*" or name in caller.arns:
        return Verdict.ALLOW
    if caller.account and name in (caller.account, f"arn:aws:iam::{caller.account}:root"):
        return Verdict.DELEGATE
    return Verdict.SILENT


def _applies(statement: Statement, action: str, resource: str, context: Context, caller: Caller | None) -> Verdict:
    def acts(globs: tuple[str, ...]) -> bool:
        return any(_like(glob, action, ignore_case=True) for glob in globs)

    def covers(globs: tuple[str, ...]) -> bool:
        return any(_like(glob, resource) for glob in globs)

    if statement.actions is not None and not acts(statement.actions):
        return Verdict.SILENT
    if statement.not_actions is not None and acts(statement.not_actions):
        return Verdict.SILENT
    if statement.resources is not None and not covers(statement.resources):
        return Verdict.SILENT
    if statement.not_resources is not None and covers(statement.not_resources):
        return Verdict.SILENT
    if not all(_holds(condition, context) for condition in statement.conditions):
        return Verdict.SILENT
    if caller is None:
        return Verdict.ALLOW
    if statement.not_principals is not None:
        excluded = any(_names(one, caller) is not Verdict.SILENT for one in statement.not_principals)
        return Verdict.SILENT if excluded else Verdict.ALLOW
    return max((_names(one, caller) for one in statement.principals or ()), key=_weight, default=Verdict.SILENT)


def _weight(verdict: Verdict) -> int:
    return [Verdict.SILENT, Verdict.DELEGATE, Verdict.ALLOW, Verdict.DENY].index(verdict)


def evaluate(
    statements: Iterable[Statement], action: str, resource: str, context: Context, caller: Caller | None = None
) -> Verdict:
    """Say what a set of statements makes of a request: a matching Deny wins over every Allow.

    Args:
        statements: from one or more documents of one kind.
        action: ``service:Operation``; compared without regard to case.
        resource: the ARN asked for, or ``*`` for an action that takes none.
        context: the request's condition keys.
        caller: who asks, for documents with principals; None for identity policies, which belong to him already.
    """
    verdict = Verdict.SILENT
    for statement in statements:
        applies = _applies(statement, action, resource, context, caller)
        if applies is Verdict.SILENT:
            continue
        if not statement.allow:
            return Verdict.DENY
        verdict = max(verdict, applies, key=_weight)
    return verdict


RESTRICTING_OPERATORS = {"StringEquals", "StringEqualsIgnoreCase", "ArnEquals", "ArnLike", "StringLike"}
RESTRICTING_KEYS = {
    *("aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:sourceaccount", "aws:sourcearn"),
    *("aws:sourcevpc", "aws:sourcevpce", "aws:userid"),
}


def is_public(statements: Iterable[Statement]) -> bool:
    """Say whether an Allow names everybody without a condition that pins who it is."""
    return any(
        statement.allow
        and (statement.not_principals is not None or ("AWS", "*") in (statement.principals or ()))
        and not any(
            condition.operator in RESTRICTING_OPERATORS
            and condition.key.lower() in RESTRICTING_KEYS
            and "*" not in condition.values
            for condition in statement.conditions
        )
        for statement in statements
    )
