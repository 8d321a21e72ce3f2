"""Creating and rotating a credential, so that no reader ever sees a torn pair, wherever the writer dies.

Followers are staged first and the leader last; moving AWSCURRENT on the leader, as a compare-and-swap, is the commit.
Everything before it can be undone, everything after it is finished by whoever comes next.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from secrets_core.errors import (
    AlreadyExists,
    Conflict,
    CoreError,
    Denied,
    NotFound,
    OutcomeUnknown,
    Refused,
    ScheduledForDeletion,
)
from secrets_core.fingerprints import FingerprintKey
from secrets_core.names import API_KEY, LEADER, CredentialRef, secret_name
from secrets_core.pairs.guard import require_open
from secrets_core.pairs.labels import Sleep, promote_followers, withdraw
from secrets_core.pairs.reading import read_pair
from secrets_core.pairs.states import Classified, PairState, Parts, inspect
from secrets_core.secret import Secret, key_hint
from secrets_core.stores.base import CURRENT, PENDING, SecretMetadata, SecretStore
from secrets_core.tags import VersionRecord, format_record, record_key, record_of, records, surplus_records
from secrets_core.versions import new_version_id, tail, version_time


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes a credential, why and when, and under which rules."""

    by: str
    """The operator, as the store names them."""
    why: str
    now: datetime
    """Aware, UTC; the time of birth of a new version."""
    fingerprint_key: FingerprintKey | None = None
    """``None`` where the environment's key cannot be read: then nothing is recognised by its fingerprint."""
    strict: bool = True
    """Refuse when the freeze record cannot be confirmed."""
    ip_bound: bool | None = None
    """Whether the exchange lets the new key be used from listed addresses only, where the operator knows."""


@dataclass(frozen=True, slots=True)
class Written:
    """A committed change."""

    version_id: str
    replaced: str | None
    """The version that was current before, if any."""
    notices: tuple[str, ...] = ()
    """Sentences about what is not as it should be, though the change is committed."""


@dataclass(slots=True)
class _Write:
    """One write in progress: what every step needs to know."""

    store: SecretStore
    ref: CredentialRef
    values: Mapping[str, Secret]
    parts: Parts
    version_id: str
    record: VersionRecord
    sleep: Sleep
    notices: list[str] = field(default_factory=list)

    def name(self, part: str) -> str:
        return secret_name(self.ref, part)

    @property
    def followers(self) -> list[str]:
        return [part for part in self.values if part != LEADER]

    @property
    def replaced(self) -> str | None:
        leader = self.parts[LEADER]
        return leader.current if leader is not None else None


def create(
    store: SecretStore, ref: CredentialRef, values: Mapping[str, Secret], change: Change, *, sleep: Sleep = time.sleep
) -> Written:
    """Store a credential that does not exist yet; an interrupted save is healed by saving again.

    Takes one value per part of the exchange, checked by the caller. Raises ``AlreadyExists`` (naming rotate),
    ``ScheduledForDeletion`` (naming restore), ``Refused`` (frozen, burned), ``Conflict`` when somebody else saved
    first, and what the store raises.
    """
    parts, classified = inspect(store, ref)
    _refuse_deleted(ref, classified)
    leader = parts[LEADER]
    if leader is not None and leader.current is not None:
        raise AlreadyExists(f"{ref} is stored already.", hint="Use rotate to replace it.", path=str(ref))
    return _carry_out(_begin(store, ref, values, parts, change, sleep), change)


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
    save), ``AlreadyExists`` (that value is the current one), ``ScheduledForDeletion``, ``Refused`` (frozen, burned),
    ``Conflict`` when another writer won (then nothing of this attempt is left), ``OutcomeUnknown`` when the commit's
    answer was lost and the store cannot be asked, and what the store raises.
    """
    parts, classified = inspect(store, ref)
    _refuse_deleted(ref, classified)
    if classified.version_id is None:
        raise NotFound(f"There is no credential {ref}.", hint="Use save to store it first.", path=str(ref))
    if expected is not None and expected != classified.version_id:
        raise Conflict(f"{ref} has changed since you looked.", hint="Look again, then decide.", path=str(ref))
    if classified.state is PairState.MID_PROMOTION:
        promote_followers(store, ref, classified.version_id, sleep)
    notices = []
    if classified.state is PairState.LEGACY:
        try:
            adopt_legacy(store, ref, change, sleep)
        except Denied:
            notices.append("The credential it replaces cannot be rolled back to: this identity may not read it.")
    if classified.state in (PairState.MID_PROMOTION, PairState.LEGACY):
        parts, classified = inspect(store, ref)
    write = _begin(store, ref, values, parts, change, sleep)
    write.notices.extend(notices)
    return _carry_out(write, change)


def adopt_legacy(store: SecretStore, ref: CredentialRef, change: Change, sleep: Sleep) -> Written:
    """Give a legacy pair one id that carries its older creation time; see ``repairing.adopt``."""
    pair = read_pair(store, ref, sleep=sleep)
    if pair.state is not PairState.LEGACY:
        raise Refused(f"{ref} is managed already.", guard="managed", path=str(ref))
    parts, _ = inspect(store, ref)
    record = _record(pair.values, change, why="adopted")
    version_id = new_version_id(pair.created_at)
    return _carry_out(_Write(store, ref, pair.values, parts, version_id, record, sleep), change)


def _refuse_deleted(ref: CredentialRef, classified: Classified) -> None:
    if classified.state in (PairState.DELETED, PairState.HALF_DELETED):
        raise ScheduledForDeletion(f"{ref} is scheduled for deletion.", hint="Use restore first.", path=str(ref))


def _begin(
    store: SecretStore,
    ref: CredentialRef,
    values: Mapping[str, Secret],
    parts: Parts,
    change: Change,
    sleep: Sleep,
) -> _Write:
    record = _record(values, change, why=change.why)
    born = change.now
    leader = parts[LEADER]
    if leader is not None and record.fingerprint:
        born = _birth_of_same_value(store, ref, leader, record.fingerprint) or born
    return _Write(store, ref, values, parts, new_version_id(born), record, sleep)


def _birth_of_same_value(
    store: SecretStore, ref: CredentialRef, leader: SecretMetadata, fingerprint: str
) -> datetime | None:
    """Give the time of an older version with the same values; raise ``AlreadyExists`` if it is the current one."""
    if leader.current is not None:
        current = record_of(leader.tags, leader.current)
        if current is not None and current.fingerprint == fingerprint:
            raise AlreadyExists(f"{ref}: these values are stored already.", hint="Nothing to do.", path=str(ref))
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


def _carry_out(write: _Write, change: Change) -> Written:
    failure: CoreError | None = None
    try:
        for part in write.followers:
            _stage(write, part)
        if write.replaced is not None:
            _stage(write, LEADER)
        _verify(write)
        frozen = require_open(write.store, write.ref, strict=change.strict)
        if frozen.is_burned(write.ref, None, write.record.fingerprint):
            raise Refused(
                f"{write.ref}: these values leaked once and are burned.",
                guard="burned",
                hint="Make a new key at the exchange.",
                path=str(write.ref),
            )
        if write.parts[LEADER] is not None:
            _tag_record(write)
    except CoreError as error:
        failure = error
    if failure is None:
        failure = _commit(write)
    if failure is not None:
        _undo(write)
        raise failure
    return _finish(write)


def _stage(write: _Write, part: str) -> None:
    name, value = write.name(part), write.values[part]
    if write.parts[part] is None:
        try:
            write.store.create(name, write.version_id, value)
        except AlreadyExists:
            pass  # an interrupted or simultaneous save has made it: stage ours beside what is there
        else:
            return
    write.store.put(name, write.version_id, value, [PENDING])


def _verify(write: _Write) -> None:
    """Prove without reading that every staged value is what was typed: the same put again does nothing then.

    Source: PutSecretValue, ClientRequestToken: another value under the same token is refused.
    """
    staged = [*write.followers, *([LEADER] if write.replaced is not None else [])]
    for part in staged:
        write.store.put(write.name(part), write.version_id, write.values[part], [PENDING])


def _tag_record(write: _Write) -> None:
    try:
        write.store.tag(write.name(LEADER), {record_key(write.version_id): format_record(write.record)})
    except Denied:
        write.notices.append("Who changed it and why could not be recorded: this identity may not tag.")


def _commit(write: _Write) -> CoreError | None:
    """Make the new version current on the leader; give the reason when it is certain that this did not happen.

    Raises ``OutcomeUnknown`` when the answer was lost and the store does not tell; then nothing is undone.
    """
    try:
        _move_leader(write)
    except (Conflict, AlreadyExists, OutcomeUnknown) as error:
        failure: CoreError = error
    except CoreError as error:
        return error
    else:
        return None
    try:
        leader = write.store.describe(write.name(LEADER))
    except CoreError:
        leader = None
    if leader is not None and leader.current == write.version_id:
        return None
    if leader is None or isinstance(failure, OutcomeUnknown):
        raise OutcomeUnknown(
            f"The answer to the change of {write.ref} was lost: it may or may not have happened.",
            hint="Run repair, then look at the history.",
            path=str(write.ref),
        )
    winner = record_of(leader.tags, leader.current or "")
    by = f" by {winner.by}" if winner is not None and winner.by else ""
    return Conflict(
        f"{write.ref} was changed{by} at the same time. Nothing of your change is left.",
        hint="Look again, then decide.",
        path=str(write.ref),
    )


def _move_leader(write: _Write) -> None:
    name, value = write.name(LEADER), write.values[LEADER]
    if write.replaced is not None:
        write.store.move_stage(name, CURRENT, to=write.version_id, expected=write.replaced)
    elif write.parts[LEADER] is None:
        _create_leader(write, name, value)
    else:
        # A secret without any version: its first one becomes current at once, a second one only pending.
        write.store.put(name, write.version_id, value, [PENDING])
        if write.store.describe(name).current != write.version_id:
            raise Conflict(f"{name} got its first version from somebody else.", path=name)


def _create_leader(write: _Write, name: str, value: Secret) -> None:
    tags = {record_key(write.version_id): format_record(write.record)}
    try:
        write.store.create(name, write.version_id, value, tags)
    except Denied:
        denied = True
    else:
        denied = False
    if denied:
        write.store.create(name, write.version_id, value)
        write.notices.append("Who saved it and why could not be recorded: this identity may not tag.")


def _undo(write: _Write) -> None:
    """Leave nothing of a change that did not happen; what cannot be removed is harmless and tidied by ``repair``."""
    withdraw(write.store, write.ref, write.values, write.version_id)
    if write.parts[LEADER] is not None:
        with contextlib.suppress(CoreError):
            write.store.untag(write.name(LEADER), [record_key(write.version_id)])


def _finish(write: _Write) -> Written:
    store, leader_name = write.store, write.name(LEADER)
    if not promote_followers(store, write.ref, write.version_id, write.sleep):
        write.notices.append("A follower could not be moved yet; readers are fine. Run repair.")
    if not withdraw(store, write.ref, write.values, write.version_id):
        write.notices.append("The label AWSPENDING could not be tidied. Run repair.")
    try:
        leader = store.describe(leader_name)
        if leader.current != write.version_id:
            write.notices.append("Another change followed at once.")
        if surplus := surplus_records(leader.tags, leader.stages.values()):
            store.untag(leader_name, surplus)
    except CoreError as error:
        write.notices.append(f"It is done, but could not be read back: {error.message}")
    return Written(write.version_id, write.replaced, tuple(write.notices))
