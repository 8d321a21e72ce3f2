"""Creating, rotating and adopting a credential, so that no reader ever sees a torn pair, wherever the writer dies."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

from secrets_core.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    Incomplete,
    InvalidValue,
    NotFound,
    Refused,
    ScheduledForDeletion,
    Torn,
)
from secrets_core.exchanges import parts_of
from secrets_core.names import API_KEY, LEADER, CredentialRef
from secrets_core.pairs.committing import Change, Write, Written, carry_out
from secrets_core.pairs.guard import require_open
from secrets_core.pairs.labels import Sleep, promote_followers
from secrets_core.pairs.reading import read_pair
from secrets_core.pairs.states import Classified, PairState, Parts, inspect
from secrets_core.secret import Secret, key_hint
from secrets_core.stores.base import SecretMetadata, SecretStore
from secrets_core.tags import VersionRecord, record_of, records
from secrets_core.versions import new_version_id, tail, version_time


def create(
    store: SecretStore, ref: CredentialRef, values: Mapping[str, Secret], change: Change, *, sleep: Sleep = time.sleep
) -> Written:
    """Store a credential that does not exist yet; an interrupted save is healed by saving again.

    Takes one value per part of the exchange, checked by the caller. Raises ``AlreadyExists`` (naming rotate),
    ``ScheduledForDeletion`` (naming restore), ``Refused`` (frozen, burned), ``Conflict`` when somebody else saved
    first, ``Incomplete`` or ``InvalidValue`` for a part too few or too many, and what the store raises.
    """
    _require_all_parts(ref, values)
    parts, classified = inspect(store, ref)
    _refuse_deleted(ref, classified)
    leader = parts[LEADER]
    if leader is not None and leader.current is not None:
        raise AlreadyExists(f"{ref} is stored already.", hint="Use rotate to replace it.", path=str(ref))
    return carry_out(_begin(store, ref, values, parts, classified, change, sleep), change)


def rotate(
    store: SecretStore,
    ref: CredentialRef,
    values: Mapping[str, Secret],
    change: Change,
    *,
    expected: str | None = None,
    sleep: Sleep = time.sleep,
) -> Written:
    """Replace a credential as one.

    ``expected`` is the version the caller believes to be current, where it matters. Raises ``NotFound`` (naming
    save), ``AlreadyExists`` (that value is the current one), ``ScheduledForDeletion``, ``Refused`` (frozen, burned,
    the last change cannot be finished), ``Conflict`` when another writer won (then nothing of this attempt is left),
    ``OutcomeUnknown`` when the commit's answer was lost and the store cannot be asked, ``Incomplete`` or
    ``InvalidValue`` for a part too few or too many, and what the store raises.
    """
    _require_all_parts(ref, values)
    parts, classified = inspect(store, ref)
    _refuse_deleted(ref, classified)
    current = classified.version_id
    if current is None:
        raise NotFound(f"There is no credential {ref}.", hint="Use save to store it first.", path=str(ref))
    if expected is not None and expected != current:
        raise Conflict(f"{ref} has changed since you looked.", hint="Look again, then decide.", path=str(ref))
    notices: list[str] = []
    if classified.state in (PairState.MID_PROMOTION, PairState.FOREIGN_FOLLOWER):
        require_open(store, ref, strict=change.strict)
        _finish_first(store, ref, current, sleep)
        parts, classified = _look_again(store, ref, current)
    elif classified.state is PairState.LEGACY:
        adopted = _adopt_first(store, ref, parts, classified, change, sleep, notices)
        parts, classified = _look_again(store, ref, adopted or current)
    write = _begin(store, ref, values, parts, classified, change, sleep)
    write.notices.extend(notices)
    return carry_out(write, change)


def _finish_first(store: SecretStore, ref: CredentialRef, version_id: str, sleep: Sleep) -> None:
    """Bring the followers to the current version before anything new is staged.

    Staging takes AWSPENDING from the version that it protects there. Raises ``Refused`` when it cannot be done.
    """
    if not promote_followers(store, ref, version_id, sleep):
        raise Refused(
            f"The last change of {ref} is not finished and cannot be finished now.",
            guard="unfinished",
            hint="Run repair, then try again.",
            path=str(ref),
        )


def _look_again(
    store: SecretStore, ref: CredentialRef, expected: str
) -> tuple[dict[str, SecretMetadata | None], Classified]:
    parts, classified = inspect(store, ref)
    _refuse_deleted(ref, classified)
    if classified.version_id != expected:
        raise Conflict(f"{ref} was changed at the same time.", hint="Look again, then decide.", path=str(ref))
    return parts, classified


def _adopt_first(
    store: SecretStore,
    ref: CredentialRef,
    parts: Parts,
    classified: Classified,
    change: Change,
    sleep: Sleep,
    notices: list[str],
) -> str | None:
    """Adopt what is to be replaced, so that it can be rolled back to; where it cannot be, add a notice that says so."""
    try:
        return adopt_legacy(store, ref, parts, classified, change, sleep).version_id
    except Denied:
        why = "this identity may not read it"
    except Torn:
        why = "nothing proves that its parts belong together"
    except Refused as refused:
        if refused.guard != "burned":
            raise
        why = "it leaked once"
    notices.append(f"The credential it replaces cannot be rolled back to: {why}.")
    return None


def adopt_legacy(
    store: SecretStore, ref: CredentialRef, parts: Parts, classified: Classified, change: Change, sleep: Sleep
) -> Written:
    """Give a legacy pair one id that carries its older creation time; see ``repairing.adopt``.

    ``parts`` were looked at before the values are read here: a change that comes after the reading fails the commit.
    """
    pair = read_pair(store, ref, sleep=sleep)
    if pair.state is not PairState.LEGACY:
        if classified.state is PairState.LEGACY:
            raise Conflict(f"{ref} was changed at the same time.", hint="Look again, then decide.", path=str(ref))
        raise Refused(f"{ref} is managed already.", guard="managed", path=str(ref))
    record = _record(pair.values, change, why="adopted")
    version_id = new_version_id(pair.created_at)
    return carry_out(Write(store, ref, pair.values, parts, version_id, record, sleep, pair.leader_version), change)


def _require_all_parts(ref: CredentialRef, values: Mapping[str, Secret]) -> None:
    wanted = parts_of(ref.exchange)
    if lacking := [part for part in wanted if not values.get(part)]:
        raise Incomplete(f"{ref} also needs {', '.join(lacking)}.", hint="Give all its parts.", path=str(ref))
    if surplus := [part for part in values if part not in wanted]:
        raise InvalidValue(f"{ref} has no {', '.join(surplus)}.", hint="Leave it out.", path=str(ref))


def _refuse_deleted(ref: CredentialRef, classified: Classified) -> None:
    if classified.state in (PairState.DELETED, PairState.HALF_DELETED):
        raise ScheduledForDeletion(f"{ref} is scheduled for deletion.", hint="Use restore first.", path=str(ref))


def _begin(
    store: SecretStore,
    ref: CredentialRef,
    values: Mapping[str, Secret],
    parts: Parts,
    classified: Classified,
    change: Change,
    sleep: Sleep,
) -> Write:
    record = _record(values, change, why=change.why)
    born = change.now
    leader = parts[LEADER]
    if leader is not None and record.fingerprint:
        # Typed again, the values of a credential that lost a part are what heals it.
        whole = classified.state not in (PairState.TORN, PairState.INCOMPLETE)
        if whole and _is_current(leader, record.fingerprint):
            raise AlreadyExists(f"{ref}: these values are stored already.", hint="Nothing to do.", path=str(ref))
        born = min(born, _birth_of_same_value(store, leader, record.fingerprint) or born)
    return Write(store, ref, values, parts, new_version_id(born), record, sleep)


def _is_current(leader: SecretMetadata, fingerprint: str) -> bool:
    current = record_of(leader.tags, leader.current) if leader.current is not None else None
    return current is not None and current.fingerprint == fingerprint


def _birth_of_same_value(store: SecretStore, leader: SecretMetadata, fingerprint: str) -> datetime | None:
    """Give the time of the oldest known version with the same values."""
    same = {key for key, record in records(leader.tags).items() if record.fingerprint == fingerprint}
    if not same:
        return None
    known = [version.version_id for version in store.list_versions(leader.name)]
    return min(
        (born for known_id in known if tail(known_id) in same and (born := version_time(known_id))), default=None
    )


def _record(values: Mapping[str, Secret], change: Change, why: str) -> VersionRecord:
    key = change.fingerprint_key
    return VersionRecord(
        stored_at=change.now,
        fingerprint=key.of(values) if key else "",
        key_fingerprint=key.of_key(values[API_KEY]) if key else "",
        by=change.by,
        why=why,
        hint=key_hint(values[API_KEY]),
        ip_bound=change.ip_bound,
    )
