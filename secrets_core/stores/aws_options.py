"""How the AWS store is set up: checked values only, so that a bad one is named before any connection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from secrets_core.errors import SettingsError
from secrets_core.policy import endpoint_problem, is_loopback

_ACCOUNT = re.compile(r"\d{12}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/[\w+=,.@/-]+")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one call may take, all in seconds."""

    connect_seconds: float
    read_seconds: float
    """Of one read from the socket: a server that drips is stopped by the deadline only."""
    attempts: int
    """Requests in all, the first one included."""
    deadline_seconds: float
    """The call has ended by then, whatever happens."""


PATIENCE: Mapping[str, Patience] = {
    "console": Patience(connect_seconds=1, read_seconds=3, attempts=2, deadline_seconds=8),
    "bot": Patience(connect_seconds=2, read_seconds=5, attempts=4, deadline_seconds=25),
}
"""A console would rather say soon that nothing answers; a bot works on with what it has and tries longer."""


@dataclass(frozen=True, slots=True)
class AwsOptions:
    """Which account, region and identity; raises ``SettingsError`` for a value that cannot be right."""

    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    account_id: str | None = None
    """Pinned: another account is refused before the first call to Secrets Manager."""
    endpoint_url: str | None = None
    """http for loopback hosts only, https for any; the only way to another endpoint."""
    kms_key_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    """Put on every secret at its creation."""
    patience: Literal["console", "bot"] | Patience = "console"

    def __post_init__(self) -> None:
        if self.account_id is not None and not _ACCOUNT.fullmatch(self.account_id):
            raise SettingsError("account_id is an AWS account number of 12 digits.", path="account_id")
        if self.role_arn is not None and not _ROLE.fullmatch(self.role_arn):
            raise SettingsError(
                "role_arn is not the ARN of a role.",
                hint="It looks like arn:aws:iam::123456789012:role/mm-operator.",
                path="role_arn",
            )
        if self.endpoint_url is not None and (problem := endpoint_problem(self.endpoint_url)):
            raise SettingsError(
                f"endpoint_url {problem}.",
                hint="It looks like https://vpce-0a1b.secretsmanager.eu-west-1.vpce.amazonaws.com; plain http is for "
                "this machine only, such as http://127.0.0.1:5000.",
                path="endpoint_url",
            )

    @property
    def timing(self) -> Patience:
        """The patience in seconds."""
        return self.patience if isinstance(self.patience, Patience) else PATIENCE[self.patience]

    @property
    def role_account(self) -> str | None:
        """The account that the role belongs to."""
        match = _ROLE.fullmatch(self.role_arn or "")
        return match[1] if match else None

    @property
    def local_endpoint(self) -> str | None:
        """The endpoint when it is on this machine: a stand-in for AWS, which serves STS as well.

        A PrivateLink endpoint elsewhere serves Secrets Manager alone.
        """
        return self.endpoint_url if is_loopback(self.endpoint_url) else None
