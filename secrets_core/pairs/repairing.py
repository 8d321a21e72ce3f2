"""Changes that move labels or heal: repair, adopt, roll back. No new value is made here."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from secrets_core.errors import (
    Conflict,
    CoreError,
    Incomplete,
    NotFound,
    OutcomeUnknown,
    Refused,
    ScheduledForDeletion,
)
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.pairs.committing import Change, Written
from secrets_core.pairs.guard import require_open, require_sound
from secrets_core.pairs.labels import Sleep, promote_followers, withdraw
from secrets_core.pairs.states import PairState, Parts, all_versions, inspect
from secrets_core.pairs.writing import adopt_legacy
from secrets_core.stores.base import CURRENT, PENDING, PREVIOUS, SecretMetadata, SecretStore
from secrets_core.tags import record_of, records
from secrets_core.versions import is_ours, tail

ABANDONED_AFTER = timedelta(minutes=15)
"""A version staged for longer than this has lost its writer."""

_ADVICE = {
    PairState.LEGACY: "Nothing proves that its parts belong together: adopt it.",
    PairState.TORN: "Its parts do not belong together: rotate it, or roll it back to a version that all parts have.",
    PairState.INCOMPLETE: "A part is missing: save or rotate it with all its parts.",
    PairState.HALF_DELETED: "Its deletion was interrupted: delete or restore it again.",
    PairState.DELETED: "It is scheduled for deletion: restore it, or leave it.",
}


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair found and did."""

    before: PairState
    after: PairState
    done: tuple[str, ...] = ()
    """What was changed, as sentences; empty when nothing needed to be."""
    advice: str = ""
    """What a human has to decide, where something is left."""


def repair(store: SecretStore, ref: CredentialRef, now: datetime, *, sleep: Sleep = time.sleep) -> Repair:
    """Finish or undo what a dead writer left; safe for anyone at any time, and does nothing to a sound credential.

    Also while it is frozen: it makes nothing current that was not committed before.

    Raises ``NotFound`` for a credential of which nothing exists, and what the store raises.
    """
    parts, found = inspect(store, ref)
    if found.state is PairState.MISSING:
        raise NotFound(f"There is no credential {ref}.", path=str(ref))
    done: list[str] = []
    advice = [_ADVICE[found.state]] if found.state in _ADVICE else []
    if found.version_id and found.state in (PairState.MID_PROMOTION, PairState.FOREIGN_FOLLOWER):
        if promote_followers(store, ref, found.version_id, sleep):
            done.append("Brought every part to the current version.")
        else:
            advice.append("A part could not be brought to the current version: run repair again.")
        parts, _ = inspect(store, ref)
    for version_id, holders in _staged(parts).items():
        if wait := _reason_to_wait(store, ref, parts, version_id, holders, now):
            advice.append(wait)
        elif withdraw(store, ref, holders, version_id):
            done.append("Withdrew a version that was staged and never promoted, or a label that was left over.")
        else:
            advice.append("The label AWSPENDING could not be taken off: run repair again.")
    _, after = inspect(store, ref)
    return Repair(found.state, after.state, tuple(done), " ".join(advice))


def _staged(parts: Parts) -> dict[str, list[str]]:
    """Give the parts that hold AWSPENDING by the version that holds it there.

    Without those where it protects the version that the leader has made current and the part has not.
    """
    leader = parts[LEADER]
    committed = leader.current if leader is not None else None
    staged: dict[str, list[str]] = {}
    for part, metadata in parts.items():
        if metadata is None or metadata.deleted_at is not None:
            continue
        version_id = metadata.stages.get(PENDING)
        if version_id is not None and (version_id != committed or version_id == metadata.current):
            staged.setdefault(version_id, []).append(part)
    return staged


def _reason_to_wait(
    store: SecretStore, ref: CredentialRef, parts: Parts, version_id: str, holders: list[str], now: datetime
) -> str:
    """Tell why AWSPENDING must stay on this version for now, or nothing."""
    if not is_ours(version_id):
        return "Another tool has staged a version; it is left alone."
    if all(metadata is not None and metadata.current == version_id for metadata in map(parts.get, holders)):
        return ""
    # Not by the time in the id: that is the age of the values, which may be older than their staging.
    versions = store.list_versions(secret_name(ref, holders[0]))
    staged_at = next((version.created_at for version in versions if version.version_id == version_id), now)
    left = ABANDONED_AFTER - (now - staged_at)
    if left <= timedelta():
        return ""
    minutes = max(1, int(left.total_seconds() // 60))
    return f"A version was staged a moment ago; if its writer is dead, repair in {minutes} min."


def adopt(store: SecretStore, ref: CredentialRef, change: Change, *, sleep: Sleep = time.sleep) -> Written:
    """Give a legacy pair one id of ours that carries its older creation time.

    Needs the right to read the values. Raises ``Refused`` for a credential that is managed already, ``Torn`` where
    the parts were born too far apart, ``ScheduledForDeletion``, ``Conflict``, and what the store raises.
    """
    parts, classified = inspect(store, ref)
    return adopt_legacy(store, ref, parts, classified, change, sleep)


def roll_back(
    store: SecretStore, ref: CredentialRef, change: Change, *, to: str | None = None, sleep: Sleep = time.sleep
) -> Written:
    """Make an older version current again, by labels alone; it keeps its true age.

    ``to`` is a version id or its last 12 characters; without it the version before the current one. Raises
    ``NotFound`` (no such version), ``Incomplete`` (a part does not have it), ``Refused`` (frozen, burned, revoked,
    already current, never current, or without ``to`` one that was replaced on suspicion), ``ScheduledForDeletion``,
    ``Conflict``, ``OutcomeUnknown``, and what the store raises.
    """
    parts, found = inspect(store, ref)
    if found.state in (PairState.DELETED, PairState.HALF_DELETED):
        raise ScheduledForDeletion(f"{ref} is scheduled for deletion.", hint="Use restore first.", path=str(ref))
    leader = parts.get(LEADER)
    if leader is None or found.version_id is None:
        raise NotFound(f"There is no credential {ref}.", path=str(ref))
    frozen = require_open(store, ref, strict=change.strict)
    target = _target(store, ref, leader, to)
    record = record_of(leader.tags, target)
    require_sound(frozen, ref, leader.tags, version_id=target, fingerprint=record.fingerprint if record else "")
    finished = found.state is not PairState.MID_PROMOTION or promote_followers(store, ref, found.version_id, sleep)
    _move_back(store, ref, target, found.version_id)
    notices = []
    if not promote_followers(store, ref, target, sleep):
        notices.append("A follower could not be moved yet; readers are fine. Run repair.")
    left = [part for part, metadata in parts.items() if metadata and metadata.stages.get(PENDING) == found.version_id]
    if finished and not withdraw(store, ref, left, found.version_id):
        notices.append("The label AWSPENDING could not be tidied. Run repair.")
    return Written(target, found.version_id, tuple(notices))


def _target(store: SecretStore, ref: CredentialRef, leader: SecretMetadata, to: str | None) -> str:
    known = all_versions(store, ref)
    target = next((v for v in known[LEADER] if to in (v, tail(v))), None) if to else leader.stages.get(PREVIOUS)
    if target is None:
        raise NotFound(f"{ref} has no {'such' if to else 'earlier'} version.", hint="See its history.", path=str(ref))
    if target == leader.current:
        raise Refused(f"That version of {ref} is the current one.", guard="current", path=str(ref))
    replaced_why = record_of(leader.tags, leader.current or "")
    if to is None and replaced_why is not None and replaced_why.why == "suspected":
        raise Refused(
            f"The version before the current one of {ref} was replaced because it was suspected to have leaked.",
            guard="suspected",
            hint="If it is sound after all, name it.",
            path=str(ref),
        )
    if is_ours(target) and not leader.holds(target) and (known_tails := records(leader.tags)):
        _require_recorded(ref, target, known_tails)
    lacking = [part for part, ids in known.items() if target not in ids]
    if lacking:
        why = "" if is_ours(target) else " It was written by another tool, part by part."
        raise Incomplete(
            f"{', '.join(lacking)} of {ref} has no such version.{why}",
            hint="Rotate it to a new key instead.",
            path=str(ref),
        )
    return target


def _require_recorded(ref: CredentialRef, target: str, known: Collection[str]) -> None:
    """Refuse a version without a record: so looks what a change left that lost, or that its writer abandoned."""
    if tail(target) not in known:
        raise Refused(
            f"That version of {ref} was never current, or is too old to tell.",
            guard="abandoned",
            hint="Rotate it to a new key instead.",
            path=str(ref),
        )


def _move_back(store: SecretStore, ref: CredentialRef, target: str, expected: str) -> None:
    name = secret_name(ref, LEADER)
    try:
        store.move_stage(name, CURRENT, to=target, expected=expected)
    except Conflict:
        lost = False
    except OutcomeUnknown:
        lost = True
    else:
        return
    try:
        current = store.describe(name).current
    except CoreError:
        current, lost = None, True
    if current == target:
        return
    if lost:
        raise OutcomeUnknown(f"The answer to the roll-back of {ref} was lost.", hint="Run repair.", path=str(ref))
    raise Conflict(f"{ref} was changed at the same time.", hint="Look again, then decide.", path=str(ref))
