"""With enforcement on, signatures, identity policies and resource policies decide, as on AWS and unlike stock moto."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.aws.refusals import refused
from tests.aws_server.account import ACCOUNT
from tests.aws_server.process import AwsServer

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

SHADOW, PROD = "mm-bot/shadow/bybit/api_key", "mm-bot/prod/bybit/api_key"
ARN = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:"
BREAK_GLASS = f"arn:aws:iam::{ACCOUNT}:role/mm-break-glass"


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, on: str = "*", **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [f"secretsmanager:{action}" for action in actions], "Resource": on, **rest}


def deny(*actions: str, on: str = "*", **rest: Any) -> dict[str, Any]:
    return {**allow(*actions, on=on, **rest), "Effect": "Deny"}


FREEZE = policy(
    {
        **deny("GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage", "DeleteSecret"),
        "Sid": "MmFreeze",
        "Principal": "*",
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": BREAK_GLASS}},
    }
)


@pytest.fixture
def admin(aws_server: AwsServer) -> SecretsManagerClient:
    """Enforcement is on, and there is one secret in each of two environments."""
    client = aws_server.client()
    for name in (SHADOW, PROD):
        client.create_secret(Name=name, SecretString="x")
    aws_server.set_enforcement(True)
    return client


def client_of(aws_server: AwsServer, name: str, *statements: Mapping[str, Any]) -> SecretsManagerClient:
    return aws_server.client(credentials=aws_server.user(name, policy(*statements)))


def test_credentials_and_signatures_are_checked(aws_server: AwsServer, admin: SecretsManagerClient) -> None:
    known = aws_server.user("known", policy(allow("*")))
    aws_server.client(credentials=known).get_secret_value(SecretId=PROD)
    with refused("UnrecognizedClientException"):
        aws_server.client(credentials=replace(known, access_key_id="AKIA" + "Z" * 16)).list_secrets()
    with refused("InvalidSignatureException"):
        aws_server.client(credentials=replace(known, secret_access_key="wrong")).list_secrets()
    aws_server.set_enforcement(False)
    aws_server.client(credentials=replace(known, secret_access_key="wrong")).list_secrets()


def test_a_policy_on_one_environment_reads_that_one_only(aws_server: AwsServer, admin: SecretsManagerClient) -> None:
    reader = client_of(aws_server, "shadow", allow("GetSecretValue", on=f"{ARN}mm-bot/shadow/*"))
    assert reader.get_secret_value(SecretId=SHADOW)["SecretString"] == "x"
    assert reader.get_secret_value(SecretId=admin.describe_secret(SecretId=SHADOW)["ARN"])["Name"] == SHADOW
    for denied in (
        lambda: reader.get_secret_value(SecretId=PROD),
        lambda: reader.describe_secret(SecretId=SHADOW),
        reader.list_secrets,
        lambda: reader.get_secret_value(SecretId="mm-bot/prod/none"),
    ):
        with refused("AccessDeniedException"):
            denied()
    with refused("ResourceNotFoundException"):
        reader.get_secret_value(SecretId="mm-bot/shadow/none")


def test_a_deny_on_one_environment_wins_over_an_allow_on_all(
    aws_server: AwsServer, admin: SecretsManagerClient
) -> None:
    reader = client_of(aws_server, "no-prod", allow("*"), deny("GetSecretValue", on=f"{ARN}mm-bot/prod/*"))
    reader.get_secret_value(SecretId=SHADOW)
    with refused("AccessDeniedException"):
        reader.get_secret_value(SecretId=PROD)


def test_listing_needs_the_right_on_everything(aws_server: AwsServer, admin: SecretsManagerClient) -> None:
    scoped = client_of(aws_server, "scoped", allow("ListSecrets", on=f"{ARN}mm-bot/shadow/*"))
    with refused("AccessDeniedException"):
        scoped.list_secrets()
    assert client_of(aws_server, "lister", allow("ListSecrets")).list_secrets()["SecretList"]


def test_a_batch_denies_secret_by_secret(aws_server: AwsServer, admin: SecretsManagerClient) -> None:
    both = [SHADOW, PROD]
    reader = client_of(
        aws_server, "batch", allow("BatchGetSecretValue"), allow("GetSecretValue", on=f"{ARN}mm-bot/shadow/*")
    )
    answer = reader.batch_get_secret_value(SecretIdList=both)
    assert [value["Name"] for value in answer["SecretValues"]] == [SHADOW]
    assert [(error["SecretId"], error["ErrorCode"]) for error in answer["Errors"]] == [(PROD, "AccessDeniedException")]
    with refused("AccessDeniedException"):  # filters need ListSecrets too
        reader.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["mm-bot/"]}])
    without = client_of(aws_server, "no-batch", allow("GetSecretValue"))
    with refused("AccessDeniedException"):
        without.batch_get_secret_value(SecretIdList=both)


def test_the_version_stage_key_exists_only_when_the_caller_passes_it(
    aws_server: AwsServer, admin: SecretsManagerClient
) -> None:
    current_only = {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}
    reader = client_of(aws_server, "current", allow("GetSecretValue", Condition=current_only))
    reader.get_secret_value(SecretId=PROD, VersionStage="AWSCURRENT")
    with refused("AccessDeniedException"):
        reader.get_secret_value(SecretId=PROD)
    with refused("AccessDeniedException"):
        reader.get_secret_value(SecretId=PROD, VersionId=admin.get_secret_value(SecretId=PROD)["VersionId"])


def test_tags_decide_where_a_policy_says_so(aws_server: AwsServer, admin: SecretsManagerClient) -> None:
    mine = {"StringEquals": {"aws:ResourceTag/team": "mm"}}
    reader = client_of(aws_server, "tagged", allow("GetSecretValue", Condition=mine))
    with refused("AccessDeniedException"):
        reader.get_secret_value(SecretId=PROD)
    admin.tag_resource(SecretId=PROD, Tags=[{"Key": "team", "Value": "mm"}])
    reader.get_secret_value(SecretId=PROD)


def test_creating_with_tags_needs_the_right_to_tag(aws_server: AwsServer, admin: SecretsManagerClient) -> None:
    maker = client_of(aws_server, "maker", allow("CreateSecret"))
    with refused("AccessDeniedException"):
        maker.create_secret(Name="new", Tags=[{"Key": "a", "Value": "b"}])
    maker.create_secret(Name="new")


def test_a_resource_policy_freezes_everybody_but_the_break_glass_role(
    aws_server: AwsServer, admin: SecretsManagerClient
) -> None:
    role = aws_server.role("mm-break-glass", policy(allow("*")))
    other = aws_server.role("mm-operator", policy(allow("*")))
    assert role == BREAK_GLASS
    admin.put_resource_policy(SecretId=PROD, ResourcePolicy=json.dumps(FREEZE), BlockPublicPolicy=True)
    operator = aws_server.client(credentials=aws_server.assume(other))
    for frozen in (admin, operator):
        with refused("AccessDeniedException"):
            frozen.get_secret_value(SecretId=PROD)
        with refused("AccessDeniedException"):
            frozen.put_secret_value(SecretId=PROD, SecretString="y")
        answer = frozen.batch_get_secret_value(SecretIdList=[SHADOW, PROD])
        assert [error["ErrorCode"] for error in answer["Errors"]] == ["AccessDeniedException"]
        frozen.describe_secret(SecretId=PROD)
    aws_server.client(credentials=aws_server.assume(role)).get_secret_value(SecretId=PROD)
    assert json.loads(admin.get_resource_policy(SecretId=PROD)["ResourcePolicy"]) == FREEZE
    admin.delete_resource_policy(SecretId=PROD)
    admin.get_secret_value(SecretId=PROD)
    assert "ResourcePolicy" not in admin.get_resource_policy(SecretId=PROD)


def test_a_resource_policy_can_let_somebody_in(aws_server: AwsServer, admin: SecretsManagerClient) -> None:
    nobody = aws_server.user("nobody", policy(allow("ListSecrets")))
    for principal, code in ((nobody.arn, None), (f"arn:aws:iam::{ACCOUNT}:root", "AccessDeniedException")):
        statement = {**allow("GetSecretValue"), "Principal": {"AWS": principal}}
        admin.put_resource_policy(SecretId=PROD, ResourcePolicy=json.dumps(policy(statement)))
        reader = aws_server.client(credentials=nobody)
        if code is None:
            reader.get_secret_value(SecretId=PROD)
        else:  # the account is trusted, but its own policies do not let him
            with refused(code):
                reader.get_secret_value(SecretId=PROD)


def test_resource_policies_are_read_before_they_are_taken(admin: SecretsManagerClient) -> None:
    public = json.dumps(policy({**allow("GetSecretValue"), "Principal": "*"}))
    wrong = [
        "not json",
        "{}",
        json.dumps(policy(allow("GetSecretValue"))),  # no principal
        json.dumps(policy({**deny("GetSecretValue"), "Principal": "*", "Condition": {"Perhaps": {"a": "b"}}})),
        json.dumps(policy({**deny("GetSecretValue"), "Principal": "*", "Effect": "Maybe"})),
    ]
    for document in wrong:
        with refused("MalformedPolicyDocumentException"):
            admin.put_resource_policy(SecretId=PROD, ResourcePolicy=document)
        with refused("MalformedPolicyDocumentException"):
            admin.validate_resource_policy(SecretId=PROD, ResourcePolicy=document)
    with refused("PublicPolicyException"):
        admin.put_resource_policy(SecretId=PROD, ResourcePolicy=public, BlockPublicPolicy=True)
    assert not admin.validate_resource_policy(SecretId=PROD, ResourcePolicy=public)["PolicyValidationPassed"]
    assert admin.validate_resource_policy(SecretId=PROD, ResourcePolicy=json.dumps(FREEZE))["PolicyValidationPassed"]
    lockout = json.dumps(policy({**deny("*"), "Principal": "*"}))
    checked = admin.validate_resource_policy(SecretId=PROD, ResourcePolicy=lockout)
    assert [error["CheckName"] for error in checked["ValidationErrors"]] == ["LOCKOUT"]
    with refused("ValidationException"):
        admin.put_resource_policy(SecretId=PROD, ResourcePolicy=json.dumps(FREEZE).ljust(20_481))


def test_who_am_i(aws_server: AwsServer, admin: SecretsManagerClient) -> None:
    session = aws_server.assume(aws_server.role("mm-operator", policy(allow("*"))), session="alice")
    for credentials in (aws_server.user("bob", policy(allow("ListSecrets"))), session):
        identity = aws_server.client("sts", credentials=credentials).get_caller_identity()
        assert (identity["Arn"], identity["Account"]) == (credentials.arn, ACCOUNT)
    assert session.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/mm-operator/alice"
    assert aws_server.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/administrator"


def test_assuming_a_role_needs_its_trust(aws_server: AwsServer, admin: SecretsManagerClient) -> None:
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    alice = aws_server.user("alice", policy(assume))
    bob = aws_server.user("bob", policy(allow("ListSecrets")))
    by_name = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": bob.arn}})
    account_wide = aws_server.role("account-wide", policy(allow("ListSecrets")))
    for_bob = aws_server.role("for-bob", policy(allow("ListSecrets")), trust=by_name)
    aws_server.client(credentials=aws_server.assume(account_wide, alice)).list_secrets()
    aws_server.client(credentials=aws_server.assume(for_bob, bob)).list_secrets()
    for role, user in ((account_wide, bob), (for_bob, alice), (f"{for_bob}-none", alice)):
        with refused("AccessDenied", status=403):
            aws_server.assume(role, user)


def token(**claims: str) -> str:
    parts = ({"alg": "RS256"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "signature"])


def test_web_identities_need_issuer_audience_and_subject(aws_server: AwsServer, admin: SecretsManagerClient) -> None:
    host = "token.actions.example.com"
    provider = aws_server.client("iam").create_open_id_connect_provider(
        Url=f"https://{host}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )["OpenIDConnectProviderArn"]
    trust = policy(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": provider},
            "Condition": {
                "StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": "repo:desk/bot:environment:shadow"}
            },
        }
    )
    role = aws_server.role("ci", policy(allow("ListSecrets")), trust=trust)
    right = {
        "iss": f"https://{host}",
        "aud": "sts.amazonaws.com",
        "sub": "repo:desk/bot:environment:shadow",
    }
    sts = aws_server.client("sts")

    def assume(text: str, arn: str = role) -> Any:
        return sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="ci", WebIdentityToken=text)

    assert assume(token(**right))["Credentials"]["AccessKeyId"].startswith("ASIA")
    for wrong in (
        {"sub": "repo:desk/bot:environment:prod"},
        {"sub": "repo:other/bot:environment:shadow"},
        {"aud": "somebody-else"},
        {"iss": "https://elsewhere.example.com"},
    ):
        with refused("AccessDenied", status=400):
            assume(token(**right | wrong))
    with refused("AccessDenied", status=400):
        assume(token(**right), f"{role}-none")
    with refused("InvalidIdentityToken"):
        assume("not-a-token")
