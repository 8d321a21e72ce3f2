"""Changes that move labels or heal: repair, adopt, roll back. No new value is made here."""

from __future__ import annotations

import time
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
from secrets_core.pairs.guard import require_open
from secrets_core.pairs.labels import Sleep, promote_followers, withdraw
from secrets_core.pairs.states import Classified, PairState, Parts, all_versions, inspect
from secrets_core.pairs.writing import Change, Written, adopt_legacy
from secrets_core.stores.base import CURRENT, PREVIOUS, SecretMetadata, SecretStore
from secrets_core.tags import record_of
from secrets_core.versions import is_ours, tail, version_time

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

    Raises ``NotFound`` for a credential of which nothing exists, and what the store raises.
    """
    parts, found = inspect(store, ref)
    if found.state is PairState.MISSING:
        raise NotFound(f"There is no credential {ref}.", path=str(ref))
    done: list[str] = []
    advice = _ADVICE.get(found.state, "")
    if found.version_id and found.state in (PairState.MID_PROMOTION, PairState.FOREIGN_FOLLOWER):
        if promote_followers(store, ref, found.version_id, sleep):
            done.append("Brought every part to the current version.")
        else:
            advice = "A part could not be brought to the current version: run repair again."
        parts, after = inspect(store, ref)
        found = Classified(found.state, after.version_id, after.pending)
    if found.pending is not None:
        born = version_time(found.pending)
        if born is None:
            advice = advice or "Another tool has staged a version; it is left alone."
        elif (age := now - born) < ABANDONED_AFTER:
            minutes = max(1, int((ABANDONED_AFTER - age).total_seconds() // 60))
            advice = advice or f"A version was staged a moment ago; if its writer is dead, repair in {minutes} min."
        elif withdraw(store, ref, _present(parts), found.pending):
            done.append("Withdrew a version that was staged and never promoted.")
    _, after = inspect(store, ref)
    return Repair(found.state, after.state, tuple(done), advice)


def adopt(store: SecretStore, ref: CredentialRef, change: Change, *, sleep: Sleep = time.sleep) -> Written:
    """Give a legacy pair one id of ours that carries its older creation time.

    Needs the right to read the values. Raises ``Refused`` for a credential that is managed already, ``Torn`` where
    the parts were born too far apart, ``ScheduledForDeletion``, ``Conflict``, and what the store raises.
    """
    return adopt_legacy(store, ref, change, sleep)


def roll_back(
    store: SecretStore, ref: CredentialRef, change: Change, *, to: str | None = None, sleep: Sleep = time.sleep
) -> Written:
    """Make an older version current again, by labels alone; it keeps its true age.

    ``to`` is a version id or its last 12 characters; without it the version before the current one. Raises
    ``NotFound`` (no such version), ``Incomplete`` (a part does not have it), ``Refused`` (frozen, burned, revoked,
    already current), ``ScheduledForDeletion``, ``Conflict``, ``OutcomeUnknown``, and what the store raises.
    """
    parts, found = inspect(store, ref)
    if found.state in (PairState.DELETED, PairState.HALF_DELETED):
        raise ScheduledForDeletion(f"{ref} is scheduled for deletion.", hint="Use restore first.", path=str(ref))
    leader = parts.get(LEADER)
    if leader is None or found.version_id is None:
        raise NotFound(f"There is no credential {ref}.", path=str(ref))
    if found.state is PairState.MID_PROMOTION:
        promote_followers(store, ref, found.version_id, sleep)
    target = _target(store, ref, leader, to)
    frozen = require_open(store, ref, strict=change.strict)
    record = record_of(leader.tags, target)
    if frozen.is_burned(ref, target, record.fingerprint if record else "") or frozen.is_dead(ref, target):
        raise Refused(f"That version of {ref} leaked or was revoked.", guard="burned", path=str(ref))
    _move_back(store, ref, target, found.version_id)
    notices = []
    if not promote_followers(store, ref, target, sleep):
        notices.append("A follower could not be moved yet; readers are fine. Run repair.")
    return Written(target, found.version_id, tuple(notices))


def _target(store: SecretStore, ref: CredentialRef, leader: SecretMetadata, to: str | None) -> str:
    known = all_versions(store, ref)
    target = next((v for v in known[LEADER] if to in (v, tail(v))), None) if to else leader.stages.get(PREVIOUS)
    if target is None:
        raise NotFound(f"{ref} has no {'such' if to else 'earlier'} version.", hint="See its history.", path=str(ref))
    if target == leader.current:
        raise Refused(f"That version of {ref} is the current one.", guard="current", path=str(ref))
    lacking = [part for part, ids in known.items() if target not in ids]
    if lacking:
        why = "" if is_ours(target) else " It was written by another tool, part by part."
        raise Incomplete(
            f"{', '.join(lacking)} of {ref} has no such version.{why}",
            hint="Rotate it to a new key instead.",
            path=str(ref),
        )
    return target


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


def _present(parts: Parts) -> list[str]:
    return [part for part, metadata in parts.items() if metadata is not None]
