"""From a listing's metadata to rows, worst first: no value is read, no call is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from secrets_core.ages import Age, AgeSource, AgeStatus, assess, first_limit
from secrets_core.exchanges import hard_expiry, parts_of
from secrets_core.freeze import FreezeRecord
from secrets_core.names import LEADER, ControlName, CredentialRef, parse_secret_name
from secrets_core.pairs.states import Classified, PairState
from secrets_core.settings import EnvironmentSettings
from secrets_core.stores.base import SecretMetadata
from secrets_core.tags import OWNER, VersionRecord, extension, note, old_alive, record_of, records
from secrets_core.versions import is_ours, tail, version_time
from secrets_core.views import Condition, Counts, CredentialRow, condition_of

PartsOf = dict[str, SecretMetadata | None]
SOON = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Listing:
    """The secrets of one environment, sorted into what they are."""

    credentials: Mapping[CredentialRef, PartsOf]
    emergency: tuple[CredentialRef, ...]
    foreign: tuple[str, ...]


def sort_listing(secrets: Iterable[SecretMetadata]) -> Listing:
    """Sort a listing: parts by credential, emergency credentials apart, and the names that are not ours."""
    credentials: dict[CredentialRef, PartsOf] = {}
    emergency: set[CredentialRef] = set()
    foreign: list[str] = []
    for metadata in secrets:
        parsed = parse_secret_name(metadata.name)
        if isinstance(parsed, ControlName):
            continue
        if parsed is None or parsed.part not in parts_of(parsed.ref.exchange):
            foreign.append(metadata.name)
        elif parsed.emergency:
            emergency.add(parsed.ref)
        else:
            parts = credentials.setdefault(parsed.ref, dict.fromkeys(parts_of(parsed.ref.exchange)))
            parts[parsed.part] = metadata
    return Listing(credentials, tuple(sorted(emergency)), tuple(foreign))


def build_row(
    ref: CredentialRef,
    parts: Mapping[str, SecretMetadata | None],
    classified: Classified,
    *,
    settings: EnvironmentSettings,
    freeze: FreezeRecord,
    now: datetime,
    born_by_backend: datetime | None = None,
) -> CredentialRow:
    """Build the row of one credential.

    ``born_by_backend`` is the creation date of a legacy pair's oldest current part, where it was looked up.
    """
    leader = parts.get(LEADER)
    tags = leader.tags if leader is not None else {}
    current = leader.current if leader is not None else None
    record = (record_of(tags, current) if current else None) or VersionRecord()
    age = _age(ref, parts, classified.state, current, record, settings, now, born_by_backend)
    hold = freeze.hold_on(ref)
    old_key = old_alive(tags)
    replaced = records(tags).get(old_key.version_tail) if old_key else None
    pending = record_of(tags, classified.pending) if classified.pending else None
    condition = condition_of(
        classified.state,
        age.status,
        frozen=hold is not None,
        old_key_alive=old_key is not None,
        pending=classified.pending is not None,
    )
    row = CredentialRow(
        ref=ref,
        condition=condition,
        sentence="",
        pair_state=classified.state,
        age=age,
        version_id=current,
        key_hint=record.hint,
        fingerprint=record.fingerprint,
        by=record.by,
        why=record.why,
        stored_at=record.stored_at,
        ip_bound=record.ip_bound,
        owner=tags.get(OWNER, "") or settings.owner(ref.exchange),
        note=note(tags),
        old_key=old_key,
        old_key_hint=replaced.hint if replaced else "",
        extension=extension(tags, current),
        pending_since=version_time(classified.pending) if classified.pending else None,
        pending_by=pending.by if pending else "",
        deleted_at=min((m.deleted_at for m in parts.values() if m and m.deleted_at), default=None),
        hold=hold,
        key_fingerprints=tuple((version, r.key_fingerprint) for version, r in records(tags).items()),
    )
    return replace(row, sentence=_sentence(row))


def with_birth(row: CredentialRow, born: datetime, settings: EnvironmentSettings, now: datetime) -> CredentialRow:
    """Give a legacy credential's row with the creation date that was looked up."""
    age = assess(born, AgeSource.BACKEND, now=now, limit=row.age.limit, warn_days=settings.policy.warn_days)
    condition = condition_of(
        row.pair_state,
        age.status,
        frozen=row.hold is not None,
        old_key_alive=row.old_key is not None,
        pending=row.pending_since is not None,
    )
    row = replace(row, age=age, condition=condition)
    return replace(row, sentence=_sentence(row))


def needs_look_up(row: CredentialRow) -> bool:
    """Tell whether only a look at the version list gives this row's true age."""
    return row.pair_state is PairState.LEGACY and row.age.source is not AgeSource.BACKEND


def worst_first(rows: Iterable[CredentialRow]) -> tuple[CredentialRow, ...]:
    """Sort rows: by severity, then by the share of life that is over, then by name."""
    return tuple(sorted(rows, key=lambda row: (row.condition.severity, -(row.age.used or 0), row.ref)))


def count(rows: Sequence[CredentialRow]) -> Counts:
    """Count what an operator must see at a glance; what is deleted counts for nothing."""
    alive = [row for row in rows if row.condition is not Condition.DELETED]
    torn = (PairState.TORN, PairState.INCOMPLETE, PairState.HALF_DELETED)
    return Counts(
        credentials=len(alive),
        frozen=sum(row.hold is not None for row in alive),
        due_within_7_days=sum(_due_within(row.age, SOON) for row in alive),
        overdue=sum(row.age.status is AgeStatus.OVERDUE for row in alive),
        old_key_alive=sum(row.old_key is not None for row in alive),
        torn=sum(row.pair_state in torn for row in alive),
        unknown=sum(row.age.status is AgeStatus.UNKNOWN for row in alive),
    )


def _due_within(age: Age, time: timedelta) -> bool:
    if age.due_at is None or age.source is AgeSource.AT_MOST or age.status is AgeStatus.OVERDUE:
        return False
    return age.due_at - age.now <= time


def _age(
    ref: CredentialRef,
    parts: Mapping[str, SecretMetadata | None],
    state: PairState,
    current: str | None,
    record: VersionRecord,
    settings: EnvironmentSettings,
    now: datetime,
    born_by_backend: datetime | None,
) -> Age:
    rule = hard_expiry(ref.exchange, ip_bound=record.ip_bound)
    decides = rule is not None and rule.applies(ip_bound=record.ip_bound) is True
    limit = first_limit(settings.rotation_days(ref.exchange), rule.days if rule is not None and decides else None)
    # Of parts that do not belong together none has an age that means anything.
    torn = state is PairState.TORN
    born, source = (None, AgeSource.NONE) if torn else _born(parts, current, born_by_backend)
    return assess(born, source, now=now, limit=limit, warn_days=settings.policy.warn_days)


def _born(
    parts: Mapping[str, SecretMetadata | None], current: str | None, born_by_backend: datetime | None
) -> tuple[datetime | None, AgeSource]:
    if current is None:
        return None, AgeSource.NONE
    if is_ours(current):
        return version_time(current), AgeSource.VERSION_ID
    if born_by_backend is not None:
        return born_by_backend, AgeSource.BACKEND
    # The secret itself is older than any version in it, so its creation bounds the age from above.
    created = [metadata.created_at for metadata in parts.values() if metadata and metadata.created_at]
    return min(created, default=None), AgeSource.AT_MOST


def _sentence(row: CredentialRow) -> str:
    """Say what is the matter and what to do."""
    age = row.age
    left = age.days_left or 0
    by_rule = "the exchange ends it" if age.limit.decided_by == "exchange" else "policy"
    before = f" (····{row.old_key_hint})" if row.old_key_hint else ""
    said = row.hold.message or row.hold.cause if row.hold else ""
    hold = f"Frozen by {row.hold.codename or row.hold.incident}{': ' if said else ''}{said}" if row.hold else ""
    overdue = f"by {-left} d of" if left else "since today, of"
    sentences = {
        Condition.FROZEN: hold,
        Condition.TORN: "Its parts do not belong together and are refused to every reader: rotate it or roll it back",
        Condition.INCOMPLETE: "A part is missing, so nobody can use it: save or rotate it with all its parts",
        Condition.HALF_DELETED: "Its deletion was interrupted: delete or restore it again",
        Condition.OVERDUE: f"Overdue {overdue} {age.limit.days} d ({by_rule}): rotate it now",
        Condition.MID_PROMOTION: "A rotation was interrupted after its commit; readers are fine: repair it",
        Condition.FOREIGN_FOLLOWER: "Another tool overwrote a part; readers still get the pair: repair it",
        Condition.UNKNOWN: "Its age is not known: adopt or rotate it",
        Condition.DUE_SOON: f"Due in {left} d of {age.limit.days} d ({by_rule}): plan its rotation",
        Condition.OLD_KEY_ALIVE: f"The key before it{before} still lives at the exchange: delete it there",
        Condition.PENDING: "A new version is staged and not promoted: its writer is at work, or died",
        Condition.LEGACY: "Another tool wrote it, so nothing proves that its parts belong together: adopt it",
        Condition.DELETED: "Scheduled for deletion: it can be restored until the recovery window ends",
        Condition.FRESH: "",
    }
    sentence = sentences[row.condition]
    return f"{sentence}." if sentence and sentence[-1] not in ".!?" else sentence


def history_tails(row: CredentialRow, key_fingerprint: str) -> list[str]:
    """Give the tails of the versions of this credential whose api_key has that fingerprint."""
    return [version for version, code in row.key_fingerprints if code and code == key_fingerprint]


def is_current(row: CredentialRow, version_tail: str) -> bool:
    """Tell whether a version tail names the row's current version."""
    return row.version_id is not None and tail(row.version_id) == version_tail
