"""One credential of a review: its age, both limits, what was promised of it, and what a reviewer must know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from secrets_core.ages import DAY, AgeSource, AgeStatus
from secrets_core.exchanges import ExpiryRule, find, hard_expiry
from secrets_core.names import CredentialRef
from secrets_core.pairs.states import PairState
from secrets_core.review.document import (
    Age,
    ExchangeLimit,
    Extended,
    Information,
    PolicyLimit,
    Promise,
    Row,
    whole_seconds,
)
from secrets_core.review.record import HeldRecord, RecordedPromise
from secrets_core.settings import EnvironmentSettings
from secrets_core.tags import names_operator
from secrets_core.versions import tail
from secrets_core.views import CredentialRow

APART = timedelta(minutes=5)
UNUSABLE = (PairState.TORN, PairState.INCOMPLETE, PairState.HALF_DELETED)

FLAGS = {
    "promise-open": "what the last review promised has not happened",
    "late": "what the last review promised is late",
    "reviewer-rotated": "the reviewer stored this version",
    "dates-apart": "its version id and the backend tell times more than 5 minutes apart",
    "upper-bound": "its age is an upper bound: the creation date of the secret",
    "exchange-end-unknown": "the exchange may end it: nobody recorded whether it has an address list",
    "unsigned-extension": "a tag extends it, no signed review does",
    "unusable": "nobody can use it as it is",
}
"""What a row is flagged with, and what that means."""


def build_row(
    row: CredentialRow,
    settings: EnvironmentSettings,
    *,
    at: datetime,
    operator: str,
    last: HeldRecord | None,
    created: datetime | None,
) -> Row:
    """Build the row of one credential at the time of the review.

    ``created`` is when the backend created the current version, where that was read.
    """
    ref, born = row.ref, row.age.born
    if created is None and row.age.source is AgeSource.BACKEND:
        created = born
    recorded = last.record.promises.get(ref.exchange) if last else None
    promise = _promise(row, recorded, at.date())
    extended = _extended(row, recorded, last)
    rule = hard_expiry(ref.exchange, ip_bound=row.ip_bound)
    return Row(
        credential=str(ref),
        environment=ref.environment,
        exchange=ref.exchange,
        venue=ref.venue,
        owner=row.owner,
        condition=row.condition.value,
        sentence=row.sentence,
        pair_state=row.pair_state.value,
        version=row.version_id,
        fingerprint=row.fingerprint,
        stored_by=row.by,
        stored_why=row.why,
        stored_at=whole_seconds(row.stored_at),
        age=Age(
            born=whole_seconds(born),
            source=row.age.source.value,
            days=row.age.days,
            due=whole_seconds(row.age.due_at),
            days_left=row.age.days_left,
            status=row.age.status.value,
        ),
        policy=_policy(ref, settings, born),
        exchange_limit=_exchange_limit(rule, row, born),
        decides="exchange" if row.age.limit.decided_by == "exchange" else "policy",
        information=tuple(
            Information(kind=rule.kind, days=rule.days, sentence=rule.condition)
            for rule in find(ref.exchange).expiry_rules
            if rule.kind in ("event", "inactivity") and rule.applies(ip_bound=row.ip_bound) is not False
        ),
        backend_created=whole_seconds(created),
        extended=extended,
        extensions=_extensions(row, recorded),
        promise=promise,
        flags=tuple(_flags(row, operator, promise, extended, rule, created)),
        needs_decision=(row.age.status is not AgeStatus.FRESH or row.pair_state in UNUSABLE)
        and not (extended is not None and extended.signed and at.date() <= extended.until),
    )


def _policy(ref: CredentialRef, settings: EnvironmentSettings, born: datetime | None) -> PolicyLimit:
    days = settings.rotation_days(ref.exchange)
    source = "settings file" if "rotation_days" in settings.named else "default"
    for name in (ref.venue, ref.exchange):
        if name in settings.exchanges and settings.exchanges[name].rotation_days is not None:
            source = f"settings file, for {name}"
    return PolicyLimit(days=days, due=_after(born, days), source=source)


def _exchange_limit(rule: ExpiryRule | None, row: CredentialRow, born: datetime | None) -> ExchangeLimit | None:
    if rule is None or rule.days is None:
        return None
    return ExchangeLimit(
        days=rule.days,
        due=_after(born, rule.days),
        applies=rule.applies(ip_bound=row.ip_bound),
        sentence=rule.condition,
    )


def _after(born: datetime | None, days: int) -> datetime | None:
    return whole_seconds(born + days * DAY) if born is not None else None


def _promise(row: CredentialRow, recorded: RecordedPromise | None, today: date) -> Promise | None:
    """Give what was promised and has not happened; to rotate ends every promise but that to retire."""
    if recorded is None:
        return None
    # Rolled back to a version from before the promise, it is as old as ever.
    older = row.age.born is not None and row.age.born.date() < recorded.first
    open_while = {"retire": True, "rotate-now": older or _same_key(row, recorded), "extend": _same_key(row, recorded)}
    if not open_while[recorded.kind]:
        return None
    over = (today - recorded.due).days
    # "Until" means that day too; what was to be done at once is late when the next review is due.
    late = over > 0 if recorded.kind == "extend" else over >= 0
    return Promise.model_validate(
        {
            "decision": recorded.kind,
            "first": recorded.first,
            "due": recorded.due,
            "late": late,
            "days_late": max(over, 0),
        }
    )


def _extended(row: CredentialRow, recorded: RecordedPromise | None, last: HeldRecord | None) -> Extended | None:
    tagged = row.extension
    if recorded is not None and last is not None and recorded.kind == "extend" and _same_key(row, recorded):
        return Extended(until=recorded.due, count=_extensions(row, recorded), by=last.record.by, signed=True)
    if tagged is not None:
        return Extended(until=tagged.until, count=tagged.count, by=tagged.by, signed=False)
    return None


def _extensions(row: CredentialRow, recorded: RecordedPromise | None) -> int:
    # Tags can be rewritten by anybody who may tag: they can add to the count, never take from it.
    tagged = row.extension.count if row.extension is not None else 0
    return max(recorded.extensions if recorded is not None and _same_key(row, recorded) else 0, tagged)


def _same_key(row: CredentialRow, recorded: RecordedPromise) -> bool:
    """Tell whether the key that a promise is about is still current; to adopt it gives it another id and no youth."""
    if (tail(row.version_id) if row.version_id else "") == recorded.version_tail:
        return True
    return row.why == "adopted" and row.age.born is not None and row.age.born.date() <= recorded.first


def _flags(
    row: CredentialRow,
    operator: str,
    promise: Promise | None,
    extended: Extended | None,
    rule: ExpiryRule | None,
    created: datetime | None,
) -> Iterator[str]:
    if promise is not None and promise.decision != "extend":
        yield "promise-open"
    if promise is not None and promise.late:
        yield "late"
    if row.ref.environment == "prod" and names_operator(row.by, operator):
        yield "reviewer-rotated"
    if created is not None and row.age.born is not None and abs(created - row.age.born) > APART:
        yield "dates-apart"
    if row.age.source is AgeSource.AT_MOST:
        yield "upper-bound"
    if rule is not None and rule.applies(ip_bound=row.ip_bound) is None:
        yield "exchange-end-unknown"
    if extended is not None and not extended.signed:
        yield "unsigned-extension"
    if row.pair_state in UNUSABLE:
        yield "unusable"
