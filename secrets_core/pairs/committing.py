"""The steps of one write: stage the followers, then the leader, verify, commit, and move the followers.

Moving AWSCURRENT on the leader, as a compare-and-swap, is the commit. Everything before it can be undone, everything
after it is finished by whoever comes next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from secrets_core.errors import AlreadyExists, Conflict, CoreError, Denied, OutcomeUnknown, Unreachable
from secrets_core.fingerprints import FingerprintKey
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.pairs.guard import require_open, require_sound
from secrets_core.pairs.labels import Sleep, promote_followers, withdraw
from secrets_core.pairs.states import Parts
from secrets_core.secret import Secret
from secrets_core.stores.base import CURRENT, PENDING, PREVIOUS, SecretStore
from secrets_core.tags import VersionRecord, format_record, record_key, record_of, surplus_records


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
class Write:
    """One write in progress: what every step needs to know."""

    store: SecretStore
    ref: CredentialRef
    values: Mapping[str, Secret]
    parts: Parts
    version_id: str
    record: VersionRecord
    sleep: Sleep
    source: str | None = None
    """The version whose values these are, where they are not newly typed: adopting must not launder a leaked one."""
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


def carry_out(write: Write, change: Change) -> Written:
    """Stage, verify, record, commit and finish a write; raise as ``create`` and ``rotate`` say."""
    failure: CoreError | None = None
    _require_allowed(write, change)
    try:
        for part in write.followers:
            _stage(write, part)
        if write.replaced is not None:
            _stage(write, LEADER)
        _verify(write)
        if write.parts[LEADER] is not None:
            _tag_record(write)
        # Once more, as the last thing before the commit: a freeze may have come meanwhile.
        _require_allowed(write, change)
    except OutcomeUnknown:
        # Whether it was stored is not known, but that it was not committed is.
        failure = Unreachable(
            f"The connection failed before the commit: {write.ref} was not changed.",
            hint="Try again.",
            path=str(write.ref),
        )
    except CoreError as error:
        failure = error
    if failure is None:
        failure = _commit(write)
    if failure is not None:
        _undo(write)
        raise failure
    return _finish(write)


def _require_allowed(write: Write, change: Change) -> None:
    record = require_open(write.store, write.ref, strict=change.strict)
    leader = write.parts[LEADER]
    tags = leader.tags if leader is not None else {}
    require_sound(record, write.ref, tags, version_id=write.source, fingerprint=write.record.fingerprint)


def _stage(write: Write, part: str) -> None:
    name, value = write.name(part), write.values[part]
    if write.parts[part] is None:
        try:
            write.store.create(name, write.version_id, value)
        except AlreadyExists:
            pass  # an interrupted or simultaneous save has made it: stage ours beside what is there
        else:
            return
    write.store.put(name, write.version_id, value, [PENDING])


def _verify(write: Write) -> None:
    """Prove without reading that every staged value is what was typed: the same put again does nothing then.

    Source: PutSecretValue, ClientRequestToken: another value under the same token is refused.
    """
    staged = [*write.followers, *([LEADER] if write.replaced is not None else [])]
    for part in staged:
        write.store.put(write.name(part), write.version_id, write.values[part], [PENDING])


def _tag_record(write: Write) -> None:
    try:
        write.store.tag(write.name(LEADER), {record_key(write.version_id): format_record(write.record)})
    except Denied:
        write.notices.append("Who changed it and why could not be recorded: this identity may not tag.")


def _commit(write: Write) -> CoreError | None:
    """Make the new version current on the leader; give the reason when it is certain that this did not happen.

    Raises ``OutcomeUnknown`` when the answer was lost and the store does not tell; then nothing is undone.
    """
    failure: CoreError | None = None
    try:
        if _move_leader(write):
            return None
    except (Conflict, AlreadyExists, OutcomeUnknown) as error:
        failure = error
    except CoreError as error:
        return error
    try:
        leader = write.store.describe(write.name(LEADER))
    except CoreError:
        leader = None
    if leader is not None and write.version_id in (leader.current, leader.stages.get(PREVIOUS)):
        return None  # AWSPREVIOUS: another change has followed ours already
    if leader is None or isinstance(failure, OutcomeUnknown):
        raise OutcomeUnknown(
            f"The answer to the change of {write.ref} was lost: it may or may not have happened.",
            hint="Run repair, then look at the history.",
            path=str(write.ref),
        )
    winner = record_of(leader.tags, leader.current or "")
    by = f" by {winner.by}" if winner is not None and winner.by else ""
    return Conflict(
        f"{write.ref} was changed{by} at the same time. Your change was not made.",
        hint="Look again, then decide.",
        path=str(write.ref),
    )


def _move_leader(write: Write) -> bool:
    """Do the step that commits; false when only a look tells whether it did."""
    name, value = write.name(LEADER), write.values[LEADER]
    if write.replaced is not None:
        write.store.move_stage(name, CURRENT, to=write.version_id, expected=write.replaced)
    elif write.parts[LEADER] is None:
        _create_leader(write, name, value)
    else:
        # A secret without any version: its first one becomes current at once, a second one only pending.
        write.store.put(name, write.version_id, value, [PENDING])
        return False
    return True


def _create_leader(write: Write, name: str, value: Secret) -> None:
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


def _undo(write: Write) -> None:
    """Leave nothing of a change that did not happen.

    What cannot be removed is harmless: ``repair`` tidies the label, and newer records push a record out.
    """
    withdraw(write.store, write.ref, write.values, write.version_id)
    if write.parts[LEADER] is not None:
        with contextlib.suppress(CoreError):
            write.store.untag(write.name(LEADER), [record_key(write.version_id)])


def _finish(write: Write) -> Written:
    store, leader_name = write.store, write.name(LEADER)
    if not promote_followers(store, write.ref, write.version_id, write.sleep):
        # AWSPENDING stays: it is what protects the follower's version until it is moved.
        write.notices.append("A follower could not be moved yet; readers are fine. Run repair.")
    elif not withdraw(store, write.ref, write.values, write.version_id):
        write.notices.append("The label AWSPENDING could not be tidied. Run repair.")
    try:
        leader = store.describe(leader_name)
        if leader.current != write.version_id:
            write.notices.append("Another change followed at once.")
        if surplus := surplus_records(leader.tags, leader.stages.values()):
            store.untag(leader_name, surplus)
    except CoreError as error:
        write.notices.append(f"It is done, but could not be read back and tidied: {error.message}")
    return Written(write.version_id, write.replaced, tuple(write.notices))
