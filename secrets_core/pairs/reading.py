"""Reading a credential: one call when nothing is going on, never a torn pair whatever is going on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from secrets_core.errors import CoreError, Incomplete, NotFound, Torn
from secrets_core.exchanges import parts_of
from secrets_core.freeze import FreezeReading, interpret
from secrets_core.names import FREEZE, LEADER, CredentialRef, control_name, secret_name
from secrets_core.pairs.states import PairState
from secrets_core.secret import Secret
from secrets_core.stores.base import SecretStore, SecretVersion
from secrets_core.versions import is_ours

RETRY_PAUSES = (0.05, 0.15, 0.45, 1.0)
"""Seconds between looks while a part lacks the leader's version: a replica may lag, a writer may be at work."""
LEGACY_GAP = timedelta(minutes=10)
"""Parts that another tool wrote within this time are taken for one credential; anything further apart is torn."""


@dataclass(frozen=True, slots=True)
class PairRead:
    """A proven credential with its values, or a legacy one that is marked as such."""

    ref: CredentialRef
    values: Mapping[str, Secret]
    version_id: str | None
    """``None`` for a legacy pair."""
    state: PairState
    """``PAIRED``, ``MID_PROMOTION`` (also while a follower was overwritten by another tool), or ``LEGACY``."""
    created_at: datetime
    """When the oldest of the parts' versions was created in the backend (UTC)."""
    freeze: FreezeReading
    leader_version: str
    """The version of the leader, also of a legacy pair: what an incident marks as dead or burned."""


def read_pair(store: SecretStore, ref: CredentialRef, *, sleep: Callable[[float], None] = time.sleep) -> PairRead:
    """Read all parts of a credential and the freeze record.

    Raises ``NotFound`` (no leader), ``Incomplete`` (a follower is missing), ``ScheduledForDeletion``, ``Torn``, and
    what the store raises. The caller decides what a freeze means.
    """
    names = {part: secret_name(ref, part) for part in parts_of(ref.exchange)}
    freeze_name = control_name(ref.environment, FREEZE)
    problem: CoreError = Torn("unread")
    looked: list[SecretVersion] = []
    for pause in (*RETRY_PAUSES, None):
        outcomes = store.read_current([*names.values(), freeze_name])
        freeze = interpret(outcomes[freeze_name])
        current = {part: outcomes[name] for part, name in names.items()}
        leader = _leader_of(ref, current[LEADER])
        followers = {part: outcome for part, outcome in current.items() if part != LEADER}
        if all(isinstance(f, SecretVersion) and f.version_id == leader.version_id for f in followers.values()):
            values = {part: outcome.value for part, outcome in current.items() if isinstance(outcome, SecretVersion)}
            return PairRead(
                ref, values, leader.version_id, PairState.PAIRED, leader.created_at, freeze, leader.version_id
            )
        matched = _by_leaders_version(store, names, followers, leader)
        if isinstance(matched, dict):
            matched[LEADER] = leader.value
            return PairRead(
                ref, matched, leader.version_id, PairState.MID_PROMOTION, leader.created_at, freeze, leader.version_id
            )
        problem = matched
        before, looked = looked, [outcome for outcome in current.values() if isinstance(outcome, SecretVersion)]
        if len(looked) == len(names) and _is_legacy(before, looked):
            values = {part: version.value for part, version in zip(names, looked, strict=True)}
            born = min(version.created_at for version in looked)
            return PairRead(ref, values, None, PairState.LEGACY, born, freeze, leader.version_id)
        if pause is not None:
            sleep(pause)
    raise problem


def _leader_of(ref: CredentialRef, outcome: SecretVersion | CoreError) -> SecretVersion:
    if isinstance(outcome, SecretVersion):
        return outcome
    if isinstance(outcome, NotFound):
        raise NotFound(f"There is no credential {ref}.", hint="Save one first.", path=str(ref))
    raise outcome


def _by_leaders_version(
    store: SecretStore,
    names: Mapping[str, str],
    followers: Mapping[str, SecretVersion | CoreError],
    leader: SecretVersion,
) -> dict[str, Secret] | CoreError:
    for outcome in followers.values():
        if isinstance(outcome, CoreError) and not isinstance(outcome, NotFound):
            raise outcome
    values: dict[str, Secret] = {}
    for part, outcome in followers.items():
        if isinstance(outcome, SecretVersion) and outcome.version_id == leader.version_id:
            values[part] = outcome.value
            continue
        try:
            values[part] = store.read_version(names[part], leader.version_id).value
        except NotFound:
            missing = isinstance(outcome, NotFound)
            return _no_follower(names[part], part) if missing else _torn(names[LEADER], part)
    return values


def _no_follower(name: str, part: str) -> CoreError:
    return Incomplete(f"The {part} is missing.", hint="Rotate the credential with all its parts.", path=name)


def _torn(leader_name: str, part: str) -> CoreError:
    return Torn(
        f"The {part} does not belong to the api_key that is current.",
        hint="Rotate the credential, or roll it back to a version that all parts have.",
        path=leader_name.rpartition("/")[0],
    )


def _is_legacy(before: Sequence[SecretVersion], now: Sequence[SecretVersion]) -> bool:
    """Tell whether other tools wrote all of these, close together, and whether they stood still since the last look."""
    if any(is_ours(version.version_id) for version in now):
        return False
    if [version.version_id for version in before] != [version.version_id for version in now]:
        return False
    born = [version.created_at for version in now]
    return max(born) - min(born) <= LEGACY_GAP
