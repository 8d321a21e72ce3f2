"""The table of imitated operations, and the one way to run them: check the request, ask the guard, act; atomically."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.aws_server import metadata, values
from tests.aws_server.answers import AwsError
from tests.aws_server.call import Call, Guard
from tests.aws_server.state import World
from tests.aws_server.validation import check_request

OPERATIONS: Mapping[str, Callable[[Call], dict[str, Any]]] = {
    "BatchGetSecretValue": values.batch_get_secret_value,
    "CreateSecret": values.create_secret,
    "DeleteResourcePolicy": metadata.delete_resource_policy,
    "DeleteSecret": metadata.delete_secret,
    "DescribeSecret": metadata.describe_secret,
    "GetResourcePolicy": metadata.get_resource_policy,
    "GetSecretValue": values.get_secret_value,
    "ListSecretVersionIds": values.list_secret_version_ids,
    "ListSecrets": metadata.list_secrets,
    "PutResourcePolicy": metadata.put_resource_policy,
    "PutSecretValue": values.put_secret_value,
    "RestoreSecret": metadata.restore_secret,
    "RotateSecret": metadata.rotate_secret,
    "TagResource": metadata.tag_resource,
    "UntagResource": metadata.untag_resource,
    "UpdateSecret": values.update_secret,
    "UpdateSecretVersionStage": values.update_secret_version_stage,
    "ValidateResourcePolicy": metadata.validate_resource_policy,
}
WITHOUT_RESOURCE = {"BatchGetSecretValue", "ListSecrets"}
"""IAM knows these for Resource ``*`` only."""


def run(
    world: World, account: str, region_name: str, operation: str, body: Mapping[str, Any], guard: Guard | None
) -> dict[str, Any]:
    """Carry out one request and give the content of its answer.

    Raises:
        AwsError: what AWS would answer instead; nothing was changed then.
    """
    check_request(operation, body)
    act = OPERATIONS.get(operation)
    if act is None:
        raise AwsError("UnknownOperationException", f"{operation} is not imitated by this server.")
    with world.lock:
        region = world.region(account, region_name)
        if guard is not None:
            target = None if operation in WITHOUT_RESOURCE else body.get("SecretId", body.get("Name"))
            guard.check(f"secretsmanager:{operation}", region, target, body)
            if operation == "CreateSecret" and body.get("Tags"):
                guard.check("secretsmanager:TagResource", region, target, body)
        return act(Call(operation, region, world.settings, world.now(), guard, body))
