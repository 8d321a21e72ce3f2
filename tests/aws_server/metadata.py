"""The operations on everything but values: details, listing, deletion, tags, resource policies."""

from __future__ import annotations

from typing import Any

from tests.aws_server import listing, policy
from tests.aws_server.answers import AwsError, without_nothing
from tests.aws_server.call import Call
from tests.aws_server.state import DAY
from tests.aws_server.tagging import merged_tags

RECOVERY_DAYS = range(7, 31)


def describe_secret(call: Call) -> dict[str, Any]:
    """Give the details of a secret, also of one scheduled for deletion."""
    secret = call.secret()
    return secret.details() | without_nothing(VersionIdsToStages=secret.labelled_versions())


def list_secrets(call: Call) -> dict[str, Any]:
    """List what the (perhaps lagging) view shows."""
    rows, token = listing.select(call.region.view.rows(), call.body)
    return {"SecretList": rows} | without_nothing(NextToken=token)


def delete_secret(call: Call) -> dict[str, Any]:
    """Schedule a secret for deletion, or delete it at once if forced."""
    days, force = call.body.get("RecoveryWindowInDays"), bool(call.body.get("ForceDeleteWithoutRecovery"))
    if days is not None and force:
        raise AwsError(
            "InvalidParameterException",
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        )
    if days is not None and days not in RECOVERY_DAYS:
        raise AwsError(
            "InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
        )
    if not force:
        secret = call.live_secret()
        secret.deleted = call.now
        call.changed(secret)
        ends = round(call.now + (days or RECOVERY_DAYS[-1]) * DAY, 3)
        return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": ends}
    found = call.region.find(call.secret_id)
    if found is None:
        # "If you forcibly delete an already deleted or nonexistent secret, the operation does not return
        # ResourceNotFoundException."
        return {"ARN": call.region.arn_of(call.secret_id), "Name": call.secret_id, "DeletionDate": call.now}
    del call.region.secrets[found.name]
    call.region.publish(found)
    return {"ARN": found.arn, "Name": found.name, "DeletionDate": call.now}


def restore_secret(call: Call) -> dict[str, Any]:
    """Cancel a scheduled deletion; a secret that is not scheduled stays as it is."""
    secret = call.secret()
    if secret.deleted is not None:
        secret.deleted = None
        call.changed(secret)
    return {"ARN": secret.arn, "Name": secret.name}


def tag_resource(call: Call) -> dict[str, Any]:
    """Add tags, or give tags new values."""
    secret = call.live_secret()
    secret.tags = merged_tags(secret.tags, call.body["Tags"])
    call.changed(secret)
    return {}


def untag_resource(call: Call) -> dict[str, Any]:
    """Take tags away; keys that are not there do not matter."""
    secret = call.live_secret()
    for key in call.body["TagKeys"]:
        secret.tags.pop(key, None)
    call.changed(secret)
    return {}


def _statements(document: str) -> tuple[policy.Statement, ...]:
    try:
        return policy.parse(document, has_principal=True)
    except policy.PolicyError as error:
        raise AwsError("MalformedPolicyDocumentException", f"This resource policy is malformed: {error}.") from error


def put_resource_policy(call: Call) -> dict[str, Any]:
    """Attach a resource policy in place of the one there was."""
    secret, document = call.live_secret(), str(call.body["ResourcePolicy"])
    statements = _statements(document)
    if call.body.get("BlockPublicPolicy") and policy.is_public(statements):
        raise AwsError(
            "PublicPolicyException",
            "You can't attach this resource policy because it allows broad access to the secret.",
        )
    secret.policy = document
    call.changed(secret)
    return {"ARN": secret.arn, "Name": secret.name}


def get_resource_policy(call: Call) -> dict[str, Any]:
    """Give the resource policy, if there is one."""
    secret = call.live_secret()
    return without_nothing(ARN=secret.arn, Name=secret.name, ResourcePolicy=secret.policy)


def delete_resource_policy(call: Call) -> dict[str, Any]:
    """Take the resource policy away."""
    secret = call.live_secret()
    secret.policy = None
    call.changed(secret)
    return {"ARN": secret.arn, "Name": secret.name}


def validate_resource_policy(call: Call) -> dict[str, Any]:
    """Check a policy for syntax, for public access, and for locking its caller out."""
    secret = call.live_secret() if call.body.get("SecretId") else None
    document = str(call.body["ResourcePolicy"])
    errors = []
    if policy.is_public(_statements(document)):
        errors.append({"CheckName": "BROAD_ACCESS", "ErrorMessage": "The policy allows broad access to the secret."})
    if call.guard and call.guard.lockout(document, secret) is policy.Verdict.DENY:
        errors.append({"CheckName": "LOCKOUT", "ErrorMessage": "The policy locks its caller out."})
    return {"PolicyValidationPassed": not errors, "ValidationErrors": errors}


def rotate_secret(call: Call) -> dict[str, Any]:
    """Refuse: rotation by a Lambda function is not imitated, and without one AWS refuses too."""
    call.live_secret()
    if call.body.get("RotationLambdaARN"):
        raise AwsError("UnknownOperationException", "Rotation by a Lambda function is not imitated by this server.")
    raise AwsError(
        "InvalidRequestException",
        "No Lambda rotation function ARN is associated with this secret.",
    )
