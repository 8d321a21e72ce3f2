"""The operations on values, versions and staging labels."""

from __future__ import annotations

from typing import Any

from tests.aws_server.answers import AwsError, without_nothing
from tests.aws_server.call import Call
from tests.aws_server.listing import matches, page
from tests.aws_server.state import CURRENT, DAY, PENDING, Secret, Version
from tests.aws_server.tagging import merged_tags


def _not_found(what: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}")


def _token(call: Call) -> str:
    token = call.body.get("ClientRequestToken")
    if not token:
        # As recorded from AWS; the SDKs always send one.
        raise AwsError(
            "InvalidRequestException", "You must provide a ClientRequestToken value. We recommend a UUID-type value."
        )
    return str(token)


def _new_version(call: Call) -> Version | None:
    text, binary = call.body.get("SecretString"), call.body.get("SecretBinary")
    if text is not None and binary is not None:
        raise AwsError("InvalidParameterException", "You can't specify both a secret string and a secret binary.")
    if text is None and binary is None:
        return None
    return Version(_token(call), call.now, text, binary)


def _same_value(one: Version, other: Version) -> bool:
    return (one.text, one.binary) == (other.text, other.binary)


def _token_in_use(version: Version, secret: Secret) -> AwsError:
    return AwsError(
        "ResourceExistsException",
        f"You can't use ClientRequestToken {version.version_id} because that value is already in use for a version "
        f"of secret {secret.arn}.",
    )


def _add(secret: Secret, version: Version, labels: list[str]) -> None:
    before = secret.labels.copy()
    if not secret.versions:
        labels = [*labels, CURRENT]  # "If this operation creates the first version ... attaches AWSCURRENT to it"
    if CURRENT in labels and before.get(PENDING) is not None and before[PENDING] == before.get(CURRENT):
        # Recorded from AWS: a put over a version that is current and still pending takes its AWSPENDING away.
        del secret.labels[PENDING]
    try:
        for label in labels:
            secret.attach(label, version.version_id)
    except AwsError:
        secret.labels = before
        raise
    secret.versions[version.version_id] = version


def create_secret(call: Call) -> dict[str, Any]:
    """Create a secret, with a first version if it comes with a value; a repeat of the same is ignored."""
    name, token, version = str(call.body["Name"]), _token(call), _new_version(call)
    if not all(char.isascii() and (char.isalnum() or char in "/_+=.@-!") for char in name):
        raise AwsError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )
    existing = call.region.secrets.get(name)
    if existing is not None and existing.deleted is not None:
        raise AwsError(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )
    if existing is not None:
        held = existing.versions.get(token)
        if held is None or version is None:
            raise AwsError("ResourceExistsException", f"The operation failed because the secret {name} already exists.")
        if not _same_value(held, version):
            raise _token_in_use(version, existing)
        return {"ARN": existing.arn, "Name": name, "VersionId": token}
    tags = merged_tags({}, call.body.get("Tags", []))
    description, key = call.body.get("Description") or None, call.body.get("KmsKeyId") or None
    secret = Secret(call.region.new_arn(name), name, call.now, call.now, description, key, tags)
    if version is not None:
        _add(secret, version, [])
    call.region.secrets[name] = secret
    call.changed(secret)
    return without_nothing(ARN=secret.arn, Name=name, VersionId=version and version.version_id)


def put_secret_value(call: Call) -> dict[str, Any]:
    """Add a version with labels; the same token with the same value is ignored, with another one refused."""
    secret, version = call.live_secret(), _new_version(call)
    if version is None:
        raise AwsError("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    held = secret.versions.get(version.version_id)
    if held is not None and not _same_value(held, version):
        raise _token_in_use(version, secret)
    if held is None:
        _add(secret, version, list(call.body.get("VersionStages") or [CURRENT]))
        call.changed(secret)
    stages = secret.stages(version.version_id)
    return without_nothing(ARN=secret.arn, Name=secret.name, VersionId=version.version_id, VersionStages=stages)


def update_secret(call: Call) -> dict[str, Any]:
    """Change metadata, and the value if one is given: always a new version, current at once."""
    secret, version = call.live_secret(), _new_version(call)
    if version is not None:
        if version.version_id in secret.versions:
            raise _token_in_use(version, secret)
        _add(secret, version, [CURRENT])
    if call.body.get("Description") is not None:
        secret.description = call.body["Description"] or None
    if call.body.get("KmsKeyId") is not None:
        secret.kms_key_id = call.body["KmsKeyId"] or None
    call.changed(secret)
    return without_nothing(ARN=secret.arn, Name=secret.name, VersionId=version and version.version_id)


def get_secret_value(call: Call) -> dict[str, Any]:
    """Read one version: by id, by label, or the one with AWSCURRENT."""
    version_id, stage = call.body.get("VersionId"), call.body.get("VersionStage")
    secret = call.live_secret()
    if version_id is None:
        label = str(stage or CURRENT)
        version = secret.versions.get(secret.labels.get(label, ""))
        if version is None:
            raise _not_found(f"staging label: {label}")
        return _read(call, secret, version)
    version = secret.versions.get(str(version_id))
    if version is None:
        raise _not_found(f"VersionId: {version_id}")
    if stage is not None and stage not in secret.stages(version.version_id):
        raise AwsError(
            "InvalidRequestException",
            "You provided a VersionStage that is not associated to the provided VersionId.",
        )
    return _read(call, secret, version)


def _read(call: Call, secret: Secret, version: Version) -> dict[str, Any]:
    day = call.now // DAY * DAY
    version.accessed = day
    if secret.accessed != day:
        secret.accessed = day
        call.region.publish(secret)
    return without_nothing(
        ARN=secret.arn,
        Name=secret.name,
        VersionId=version.version_id,
        SecretString=version.text,
        SecretBinary=version.binary,
        VersionStages=secret.stages(version.version_id),
        CreatedDate=version.created,
    )


def batch_get_secret_value(call: Call) -> dict[str, Any]:
    """Read the current version of up to 20 secrets, by id or by filter; what fails is told apart in Errors."""
    ids, filters = call.body.get("SecretIdList"), call.body.get("Filters")
    if bool(ids) == bool(filters):
        raise AwsError(
            "InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, but not both."
        )
    if ids and call.body.get("MaxResults"):
        raise AwsError("InvalidParameterException", "'Filters' must also be specified when 'MaxResults' is provided.")
    token = None
    if filters:
        if call.guard:
            call.guard.check("secretsmanager:ListSecrets", call.region, None, call.body)
        rows = (secret.details() for secret in call.region.secrets.values() if secret.deleted is None)
        names = sorted(row["Name"] for row in rows if all(matches(row, entry) for entry in filters))
        ids, token = page(names, lambda name: (name,), call.body, default_size=20)
    values, errors = [], []
    for secret_id in ids or []:
        one = Call("GetSecretValue", call.region, call.settings, call.now, call.guard, {"SecretId": secret_id})
        try:
            if call.guard:
                # No VersionStage is passed here, so a policy that demands one does not match.
                call.guard.check("secretsmanager:GetSecretValue", call.region, secret_id, one.body)
            values.append(get_secret_value(one))
        except AwsError as error:
            errors.append({"SecretId": secret_id, "ErrorCode": error.code, "Message": error.message})
    return {"SecretValues": values, "Errors": errors} | without_nothing(NextToken=token)


def update_secret_version_stage(call: Call) -> dict[str, Any]:
    """Move a label, compare-and-swap: everything is checked before anything changes.

    Source: UpdateSecretVersionStage, "If the label is attached and you either do not specify [RemoveFromVersionId],
    or the version ID does not match, then the operation fails."
    """
    secret, label = call.live_secret(), str(call.body["VersionStage"])
    source, target = call.body.get("RemoveFromVersionId"), call.body.get("MoveToVersionId")
    holder = secret.labels.get(label)
    if source is None and target is None:
        raise AwsError("InvalidParameterException", "You must specify RemoveFromVersionId or MoveToVersionId, or both.")
    for version_id in (source, target):
        if version_id is not None and version_id not in secret.versions:
            raise _not_found(f"VersionId: {version_id}")
    if source is not None and source != holder:
        raise AwsError(
            "InvalidParameterException",
            f"The staging label {label} isn't attached to the version in RemoveFromVersionId.",
        )
    if source is None and holder is not None and holder != target:
        raise AwsError(
            "InvalidParameterException",
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version "
            f"{holder}, so you must explicitly reference that version in RemoveFromVersionId.",
        )
    if target is not None:
        secret.attach(label, str(target))
    elif label == CURRENT:
        raise AwsError("InvalidParameterException", "You can't remove the staging label AWSCURRENT, only move it.")
    else:
        del secret.labels[label]
    call.changed(secret)
    return {"ARN": secret.arn, "Name": secret.name}


def list_secret_version_ids(call: Call) -> dict[str, Any]:
    """List versions, oldest first; unlabelled ones only if deprecated ones are asked for."""
    secret = call.secret()
    shown = [
        without_nothing(
            VersionId=version.version_id,
            VersionStages=secret.stages(version.version_id),
            CreatedDate=version.created,
            LastAccessedDate=version.accessed,
            KmsKeyIds=[secret.kms_key_id or "DefaultEncryptionKey"],
        )
        for version in secret.versions.values()
        if call.body.get("IncludeDeprecated") or secret.stages(version.version_id)
    ]

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return (row["CreatedDate"], row["VersionId"])

    versions, token = page(sorted(shown, key=key), key, call.body, default_size=100)
    return {"ARN": secret.arn, "Name": secret.name, "Versions": versions} | without_nothing(NextToken=token)
