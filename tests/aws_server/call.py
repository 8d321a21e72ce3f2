"""One call of an operation: what it asks for, where, when, and whom to ask whether it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.aws_server.answers import AwsError
from tests.aws_server.policy import Verdict
from tests.aws_server.state import Region, Secret, Settings


class Guard(Protocol):
    """Judges the caller of a request while IAM is enforced."""

    def check(self, action: str, region: Region, secret_id: str | None, body: Mapping[str, Any]) -> None:
        """Raise ``AccessDeniedException`` unless the caller may; ``secret_id`` None is for actions on ``*`` only."""

    def lockout(self, document: str, secret: Secret | None) -> Verdict:
        """Say what a resource policy would make of the caller's right to change it again."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was checked against the service model. Its repr leaves out the body, which may hold values."""

    operation: str
    region: Region
    settings: Settings
    now: float
    guard: Guard | None
    body: Mapping[str, Any] = field(repr=False)

    @property
    def secret_id(self) -> str:
        """The name or ARN the request is about."""
        return str(self.body["SecretId"])

    def secret(self) -> Secret:
        """Give the secret the request is about, also one scheduled for deletion.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        found = self.region.find(self.secret_id)
        if found is None:
            raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        return found

    def live_secret(self) -> Secret:
        """Give the secret the request is about.

        Raises:
            AwsError: ``ResourceNotFoundException``, or ``InvalidRequestException`` while it is scheduled for deletion.
        """
        found = self.secret()
        if found.deleted is not None:
            raise AwsError(
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
            )
        return found

    def changed(self, secret: Secret) -> None:
        """Record that a secret was modified now: LastChangedDate is "modified in any way" (DescribeSecret)."""
        secret.changed = self.now
        secret.prune(self.now, at_once=self.settings.prune_at_once)
        self.region.publish(secret)
