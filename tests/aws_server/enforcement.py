"""Who asks and whether he may: moto's signatures and principals, with the policies evaluated for real.

moto passes "*" as the resource of every Secrets Manager call, knows no conditions and no resource policies, and words
its refusals as XML: a role denied everything then passes for one that is denied production.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moto import settings as moto_settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import _RESTError
from moto.iam.access_control import AssumedRoleAccessKey, IAMRequest
from moto.iam.exceptions import NotFoundException
from moto.iam.models import AccessKey, Policy, iam_backends

from tests.aws_server import policy
from tests.aws_server.account import ACCOUNT, ADMINISTRATOR
from tests.aws_server.answers import AwsError
from tests.aws_server.policy import Caller, Verdict
from tests.aws_server.state import Region, Secret

ANYTHING = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
NOBODY = '{"Version": "2012-10-17", "Statement": []}'
ERRORS = {
    "InvalidClientTokenId": ("UnrecognizedClientException", "The security token included in the request is invalid."),
    "SignatureDoesNotMatch": (
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided.",
    ),
}
"""moto's codes and what AWS's JSON services say instead."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request, with the identity policies that are attached to him."""

    arn: str
    policy_arn: str  # what aws:PrincipalArn holds: the role's ARN, not the session's
    account: str
    documents: tuple[str, ...]

    @property
    def caller(self) -> Caller:
        """The names by which a resource or trust policy may mean him."""
        return Caller(frozenset({self.arn, self.policy_arn}), self.account)

    @property
    def context(self) -> dict[str, str | tuple[str, ...]]:
        """The condition keys that belong to him."""
        return {
            "aws:PrincipalArn": self.policy_arn,
            "aws:PrincipalAccount": self.account,
            "aws:SecureTransport": "false",
        }

    def identity_verdict(self, action: str, resource: str, context: policy.Context) -> Verdict:
        """Say what his identity policies make of a request."""
        statements = [
            statement
            for document in self.documents
            for statement in policy.parse(document, has_principal=False)
        ]  # fmt: skip
        return policy.evaluate(statements, action, resource, context)


def _documents(key: Any) -> Iterable[str]:
    for attached in key.collect_policies():
        if isinstance(attached, Policy):
            yield next(version.document for version in attached.versions if version.is_default)
        else:
            yield attached if isinstance(attached, str) else attached["policy_document"]


def _principal(request: Any) -> Principal:
    key = request._access_key
    arn = str(key.arn)
    policy_arn = arn
    if isinstance(key, AssumedRoleAccessKey):
        policy_arn = f"arn:aws:iam::{request.account_id}:role/{key._owner_role_name}"
    return Principal(arn, policy_arn, str(request.account_id), tuple(_documents(key)))


def identify(response: Any) -> Principal:
    """Check the signature of a request that moto has parsed, and say who signed it.

    Raises:
        AwsError: unknown or missing credentials, or a signature that does not match.
    """
    if "Authorization" not in response.headers:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    try:
        request = IAMRequest(
            account_id=response.current_account,
            method=response.method,
            path=response.raw_path,
            data=response.data,
            body=response.raw_body,
            headers=response.headers,
            action=response.headers["X-Amz-Target"].rpartition(".")[2],
        )
        request.check_signature()
    except _RESTError as error:
        raise AwsError(*ERRORS[error.error_type]) from error
    return _principal(request)


@dataclass(frozen=True, slots=True)
class IamGuard:
    """The guard of one request by one principal."""

    principal: Principal

    def check(self, action: str, region: Region, secret_id: str | None, body: Mapping[str, Any]) -> None:
        """Raise ``AccessDeniedException`` unless identity and resource policies let the principal.

        Within one account an Allow on either side is enough, and a Deny on either wins.
        """
        resource, secret = "*", None
        if secret_id is not None:
            secret = region.find(secret_id)
            # The random characters of a secret that does not exist match any six wildcards.
            missing = secret_id if secret_id.startswith("arn:") else f"{region.arn_of(secret_id)}-??????"
            resource = secret.arn if secret else missing
        context = self.principal.context | {"aws:RequestedRegion": region.name} | _keys(secret, body)
        by_identity = self.principal.identity_verdict(action, resource, context)
        by_resource = Verdict.SILENT
        if secret is not None and secret.policy is not None:
            statements = policy.parse(secret.policy, has_principal=True)
            by_resource = policy.evaluate(statements, action, resource, context, self.principal.caller)
        if by_resource is Verdict.DENY:
            reason = "with an explicit deny in a resource-based policy"
        elif by_identity is Verdict.DENY:
            reason = "with an explicit deny in an identity-based policy"
        elif Verdict.ALLOW in (by_identity, by_resource):
            return
        else:
            reason = f"because no identity-based policy allows the {action} action"
        raise AwsError(
            "AccessDeniedException",
            f"User: {self.principal.arn} is not authorized to perform: {action} on resource: {resource} {reason}",
        )

    def lockout(self, document: str, secret: Secret | None) -> Verdict:
        """Say what a resource policy would make of the principal's right to replace it."""
        statements = policy.parse(document, has_principal=True)
        context = self.principal.context | _keys(secret, {})
        resource = secret.arn if secret else "*"
        return policy.evaluate(statements, "secretsmanager:PutResourcePolicy", resource, context, self.principal.caller)


def _keys(secret: Secret | None, body: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    """Give Secrets Manager's condition keys; one that the caller did not pass does not exist (aws-cli issue 5031)."""
    keys: dict[str, str | tuple[str, ...]] = {}
    for name in ("VersionStage", "VersionId", "Name", "KmsKeyId"):
        if body.get(name) is not None:
            keys[f"secretsmanager:{name}"] = str(body[name])
    for name in ("ForceDeleteWithoutRecovery", "BlockPublicPolicy"):
        if body.get(name) is not None:
            keys[f"secretsmanager:{name}"] = str(body[name]).lower()
    if body.get("RecoveryWindowInDays") is not None:
        keys["secretsmanager:RecoveryWindowInDays"] = str(body["RecoveryWindowInDays"])
    if body.get("Tags"):
        keys["aws:TagKeys"] = tuple(tag["Key"] for tag in body["Tags"])
        keys |= {f"aws:RequestTag/{tag['Key']}": tag.get("Value", "") for tag in body["Tags"]}
    for key, value in (secret.tags if secret else {}).items():
        keys[f"aws:ResourceTag/{key}"] = keys[f"secretsmanager:ResourceTag/{key}"] = value
    return keys


def _check_other_services(request: Any, resource: str) -> None:
    """Stand in for moto's check on the services it answers itself: STS, IAM and the rest."""
    if request._action == "sts:GetCallerIdentity":  # always allowed, even against an explicit Deny
        return
    principal = _principal(request)
    verdict = principal.identity_verdict(request._action, resource, principal.context)
    if verdict is Verdict.DENY:
        request._raise_access_denied()
    if request._action == "sts:AssumeRole":
        try:
            document = request.backend.get_role_by_arn(resource).assume_role_policy_document
        except NotFoundException:
            document = NOBODY
        statements = policy.parse(document, has_principal=True)
        trust = policy.evaluate(statements, request._action, resource, principal.context, principal.caller)
        # A role that trusts the whole account leaves it to the caller's own policies.
        if trust is Verdict.ALLOW or (trust is Verdict.DELEGATE and verdict is Verdict.ALLOW):
            return
        request._raise_access_denied()
    if verdict is not Verdict.ALLOW:
        request._raise_access_denied()


def set_enforcement(on: bool) -> None:
    """Switch moto's authoriser for the services it answers itself."""
    moto_settings.INITIAL_NO_AUTH_ACTION_COUNT = 0 if on else float("inf")
    ActionAuthenticatorMixin.request_count = 0


def add_administrator() -> None:
    """Give the account an administrator with the fixed keys that clients use by default; he may do everything."""
    backend = iam_backends[ACCOUNT]["aws"]
    user = backend.create_user("us-east-1", "administrator")
    user.put_policy("anything", ANYTHING)
    key = AccessKey("administrator", prefix="AKIA", account_id=ACCOUNT)
    key.access_key_id, key.secret_access_key = ADMINISTRATOR.access_key_id, ADMINISTRATOR.secret_access_key
    user.access_keys.append(key)
    backend.access_keys[key.access_key_id] = key


def install() -> None:
    """Put the evaluation in the place of moto's."""
    IAMRequest.check_action_permitted = _check_other_services
    unpatched = ActionAuthenticatorMixin._authenticate_and_authorize_normal_action

    def authorise(response: Any, resource: str = "*") -> None:
        if response._get_action() != "AssumeRoleWithWebIdentity":  # which is not signed; its token is the proof
            unpatched(response, resource)

    ActionAuthenticatorMixin._authenticate_and_authorize_normal_action = authorise
