"""The contract every backend keeps: named secrets with versions and staging labels, as AWS Secrets Manager has them.

The semantics are AWS's (see the Secrets Manager API reference: PutSecretValue, UpdateSecretVersionStage, ...):
versions are immutable, a label is on one version at most, AWSPREVIOUS follows AWSCURRENT, a secret scheduled for
deletion refuses everything but restore and describe. ``tests/stores`` runs one suite against every backend.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from secrets_core.errors import CoreError, NotFound
from secrets_core.secret import Secret

CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
PREVIOUS = "AWSPREVIOUS"
GOOD = "MM_GOOD"
"""Ours: the last version known to be good."""

RECOVERY_DAYS = 30
"""Default recovery window of a deletion, the longest that AWS has (DeleteSecret: 7 to 30 days)."""
MAX_VALUE_BYTES = 65_536
"""The limit of a secret's value (Secrets Manager quotas)."""


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of one secret, with its value."""

    name: str
    version_id: str
    stages: frozenset[str]
    created_at: datetime
    value: Secret


@dataclass(frozen=True, slots=True)
class VersionMetadata:
    """One version of one secret, without its value."""

    version_id: str
    stages: frozenset[str]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SecretMetadata:
    """What is known of a secret without reading any value."""

    name: str
    stages: Mapping[str, str]
    """Which version holds a label: label to version id. Versions without a label are not shown (as in AWS)."""
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    changed_at: datetime | None = None
    deleted_at: datetime | None = None
    """Set while it is scheduled for deletion: when it was deleted (the recovery window starts there)."""

    @property
    def current(self) -> str | None:
        """The version that holds AWSCURRENT, or ``None`` for a secret without a value."""
        return self.stages.get(CURRENT)

    @property
    def pending(self) -> str | None:
        """The version that holds AWSPENDING and is not current."""
        pending = self.stages.get(PENDING)
        return None if pending == self.current else pending

    def holds(self, version_id: str) -> bool:
        """Tell whether this version exists and has a label."""
        return version_id in self.stages.values()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who acts on a store."""

    operator: str
    """The AWS caller ARN (the base identity before any role change) where there is one, else ``user@host``."""
    account: str | None = None
    region: str | None = None
    expires_at: datetime | None = None
    """When the identity's session ends, where that is known."""


class SecretStore(ABC):
    """A store of named secrets.

    All methods may raise ``Denied``, ``Unreachable``, ``Throttled``, ``IdentityProblem``, ``WrongAccount``,
    ``GarbledAnswer`` or, when a change was sent and its answer lost, ``OutcomeUnknown``.
    What else each raises is said there.
    """

    backend: str
    """``memory``, ``vault`` or ``aws``."""

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about how the store was opened that a user should know, e.g. a region taken by default."""
        return ()

    @abstractmethod
    def identity(self) -> Identity:
        """Tell who acts."""

    @abstractmethod
    def read_current(self, names: Sequence[str]) -> dict[str, SecretVersion | CoreError]:
        """Read the current versions of up to 20 secrets, in one call where the backend and the rights allow.

        Gives for each name its version or its own error: ``NotFound`` (no such secret, or one without a value),
        ``ScheduledForDeletion``, ``Denied``. Raises only for what concerns the whole call.
        """

    @abstractmethod
    def read_version(self, name: str, version_id: str) -> SecretVersion:
        """Read one version by id; ``NotFound`` when the secret or the version is missing, ``ScheduledForDeletion``."""

    @abstractmethod
    def describe(self, name: str) -> SecretMetadata:
        """Describe one secret, also one scheduled for deletion; ``NotFound``."""

    def describe_many(self, names: Sequence[str]) -> list[SecretMetadata]:
        """Describe those of ``names`` that exist, in that order; the way to look around where listing is denied."""
        found: list[SecretMetadata] = []
        for name in dict.fromkeys(names):
            with contextlib.suppress(NotFound):
                found.append(self.describe(name))
        return found

    @abstractmethod
    def list_metadata(self, prefix: str) -> list[SecretMetadata]:
        """List all secrets whose names start with ``prefix``, sorted by name, also those scheduled for deletion.

        The listing may lag behind other writers (AWS: up to 5 minutes), never behind this store's own writes.
        """

    @abstractmethod
    def list_versions(self, name: str) -> list[VersionMetadata]:
        """List all versions, also those without a label, newest first; ``NotFound``."""

    @abstractmethod
    def create(self, name: str, version_id: str, value: Secret, tags: Mapping[str, str] | None = None) -> None:
        """Create a secret whose first version gets AWSCURRENT at once.

        A repeat with the same id and value does nothing. Otherwise ``AlreadyExists`` when the name is taken,
        ``ScheduledForDeletion`` when it waits in its recovery window, ``InvalidValue`` past 65,536 bytes.
        """

    @abstractmethod
    def put(self, name: str, version_id: str, value: Secret, stages: Sequence[str]) -> None:
        """Add a version with these labels, taking them from the versions that had them.

        The first version of a secret without a value also gets AWSCURRENT. A repeat with the same id and value
        does nothing, to the labels neither; another value under that id is ``AlreadyExists``.
        Raises ``NotFound``, ``ScheduledForDeletion``, ``InvalidValue``.
        """

    @abstractmethod
    def move_stage(self, name: str, stage: str, *, to: str | None, expected: str | None) -> None:
        """Move a label, if and only if ``expected`` holds it now (``None``: nobody does); ``to=None`` removes it.

        Does nothing where the label is already as asked: so looks the repeat of a move whose answer was lost.
        AWSPREVIOUS goes to the version that AWSCURRENT leaves. ``Conflict`` when another version holds the label,
        ``NotFound`` for a missing secret or version, ``ScheduledForDeletion``.
        """

    @abstractmethod
    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Set tags; ``NotFound``."""

    @abstractmethod
    def untag(self, name: str, keys: Sequence[str]) -> None:
        """Remove tags, also absent ones; ``NotFound``."""

    @abstractmethod
    def delete(self, name: str, recovery_days: int = RECOVERY_DAYS) -> None:
        """Schedule the deletion after 7 to 30 days; a repeat keeps the first schedule. ``NotFound``."""

    @abstractmethod
    def restore(self, name: str) -> None:
        """Take back a scheduled deletion; does nothing when there is none. ``NotFound``."""

    def get_secret_value(self, name: str) -> Secret:
        """Read the current value of one secret; raises what ``read_current`` gives for it."""
        outcome = self.read_current([name])[name]
        if isinstance(outcome, CoreError):
            raise outcome
        return outcome.value

    def put_secret_value(self, name: str, version_id: str, value: Secret) -> None:
        """Make ``value`` the current version of a *single* secret, creating it where it is missing.

        For control records and tools only: a part of a credential is changed through ``secrets_core.pairs``.
        """
        try:
            self.put(name, version_id, value, [CURRENT])
        except NotFound:
            missing = True
        else:
            missing = False
        if missing:
            self.create(name, version_id, value)

    def list_secrets(self, prefix: str = "") -> list[str]:
        """List the names of the secrets that can be read: without those scheduled for deletion."""
        return [secret.name for secret in self.list_metadata(prefix) if secret.deleted_at is None]

    def delete_secret(self, name: str, recovery_days: int = RECOVERY_DAYS) -> None:
        """Schedule one secret's deletion; see ``delete``."""
        self.delete(name, recovery_days)
