"""What the service gives to whoever shows it: frozen data, no value of any secret, nothing left to decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from secrets_core.ages import Age, AgeSource, AgeStatus
from secrets_core.errors import CoreError
from secrets_core.freeze import FreezeReading, Hold
from secrets_core.names import CredentialRef
from secrets_core.pairs.states import PairState
from secrets_core.stores.base import Identity
from secrets_core.tags import Extension, OldKeyAlive


class Condition(StrEnum):
    """The one word for how a credential stands, worst first; the value is the word on screen."""

    FROZEN = "frozen"
    TORN = "torn"
    INCOMPLETE = "incomplete"
    HALF_DELETED = "half-deleted"
    OVERDUE = "overdue"
    MID_PROMOTION = "mid-promotion"
    FOREIGN_FOLLOWER = "foreign-follower"
    UNKNOWN = "unknown"
    DUE_SOON = "due-soon"
    OLD_KEY_ALIVE = "old key alive"
    PENDING = "pending"
    LEGACY = "legacy"
    FRESH = "fresh"
    DELETED = "deleted"

    @property
    def severity(self) -> int:
        """0 is worst."""
        return _SEVERITY[self]


_SEVERITY = {condition: rank for rank, condition in enumerate(Condition)}


class Action(StrEnum):
    """What can be done to a credential or an environment; the word is the CLI's verb."""

    FETCH = "fetch"
    SAVE = "save"
    ROTATE = "rotate"
    ROLLBACK = "rollback"
    REPAIR = "repair"
    ADOPT = "adopt"
    DELETE = "delete"
    RESTORE = "restore"
    INIT = "init"
    REVIEW = "review"
    """To look at ages, from metadata and control records alone."""
    SIGN = "sign"
    """To record a review."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an action is refused, and by which guard."""

    guard: str
    sentence: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """One credential in a listing."""

    ref: CredentialRef
    condition: Condition
    sentence: str
    """What is the matter and what to do, in one sentence; empty for a fresh one."""
    pair_state: PairState
    age: Age
    version_id: str | None = None
    key_hint: str = ""
    """The last four of the API key, or nothing: then it is shown hidden."""
    fingerprint: str = ""
    by: str = ""
    why: str = ""
    stored_at: datetime | None = None
    ip_bound: bool | None = None
    owner: str = ""
    note: str = ""
    old_key: OldKeyAlive | None = None
    old_key_hint: str = ""
    """The last four of the key that still lives, where its record shows them."""
    extension: Extension | None = None
    """What a tag says of an extension of this version; it changes nothing of its age."""
    pending_since: datetime | None = None
    pending_by: str = ""
    deleted_at: datetime | None = None
    hold: Hold | None = None
    key_fingerprints: tuple[tuple[str, str], ...] = ()
    """Of every recorded version: its tail and the fingerprint of its api_key."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one environment has of everything an operator must see at a glance."""

    credentials: int = 0
    frozen: int = 0
    due_within_7_days: int = 0
    overdue: int = 0
    old_key_alive: int = 0
    torn: int = 0
    unknown: int = 0


class EnvironmentState(StrEnum):
    """How an environment stands as a whole; read-only and frozen come on top."""

    CONNECTING = "connecting"
    READY = "ready"
    EMPTY = "empty"
    DENIED = "denied"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """One environment: where it lives, who acts there, and its credentials, worst first."""

    name: str
    state: EnvironmentState
    backend: str
    read_only: bool
    identity: Identity | None = None
    endpoint_url: str | None = None
    """Set when settings send AWS calls elsewhere: shown as a visible mark."""
    rows: tuple[CredentialRow, ...] = ()
    counts: Counts = field(default_factory=Counts)
    freeze: FreezeReading | None = None
    listed_at: datetime | None = None
    """When the rows were listed; they stay while a later listing fails."""
    foreign: tuple[str, ...] = ()
    """Names in the listing that are not ours."""
    emergency: tuple[CredentialRef, ...] = ()
    """Credentials that have emergency parts; listed apart, never counted."""
    partial: bool = False
    """Listing is denied: only known names were probed."""
    problem: CoreError | None = None
    notices: tuple[str, ...] = ()
    frozen: Hold | None = None
    """A hold on the whole environment, or the first one on a part of it."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One version of a credential."""

    version_id: str
    stages: tuple[str, ...]
    """Labels on the leader, sorted."""
    born: datetime | None
    born_source: AgeSource
    created_at: datetime
    """When the backend created it."""
    complete: bool
    """Every part has this version: it can be rolled back to."""
    by: str = ""
    why: str = ""
    fingerprint: str = ""
    key_hint: str = ""
    stored_at: datetime | None = None
    burned: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """Where a typed key id, or a typed credential, was recognised."""

    ref: CredentialRef
    version_tail: str
    current: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search by fingerprint."""

    matches: tuple[Match, ...]
    unchecked: tuple[tuple[str, str], ...] = ()
    """Environments that could not be searched, and why."""


@dataclass(frozen=True, slots=True)
class Done:
    """A change that happened."""

    action: Action
    ref: CredentialRef
    version_id: str | None = None
    notices: tuple[str, ...] = ()


def condition_of(
    pair_state: PairState, status: AgeStatus, *, frozen: bool, old_key_alive: bool, pending: bool
) -> Condition:
    """Give the worst that can be said of a credential."""
    said = {Condition.FRESH}
    if pair_state.value in {condition.value for condition in Condition}:
        said.add(Condition(pair_state.value))
    if pair_state is PairState.DELETED:
        return Condition.DELETED
    if status is not AgeStatus.FRESH:
        said.add(Condition(status.value))
    for happened, condition in (
        (frozen, Condition.FROZEN),
        (old_key_alive, Condition.OLD_KEY_ALIVE),
        (pending, Condition.PENDING),
    ):
        if happened:
            said.add(condition)
    return min(said, key=lambda condition: condition.severity)
