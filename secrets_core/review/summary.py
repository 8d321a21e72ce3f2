"""What follows from a review's document: groups, what falls due when, what fails a policy. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

from secrets_core.review.document import Extended, Review, Row

Grouping = Literal["environment", "exchange", "owner"]
GROUPINGS: tuple[Grouping, ...] = ("environment", "exchange", "owner")
FailOn = Literal["due-soon", "overdue"]
NO_OWNER = "(no owner)"
WEEKS = 13
"""How many weeks the strip has: 90 days, begun weeks counted."""
STRIP_DAYS = 90
Standing = Literal["overdue", "unknown", "due-soon", "extended", "fresh"]
"""A row's status with its extension counted: ``extended`` is past a date that a signed review put off."""
_ORDER: tuple[Standing, ...] = get_args(Standing)


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one environment, exchange or owner, worst first."""

    name: str
    rows: tuple[Row, ...]
    counts: dict[str, int]
    """By standing."""


@dataclass(frozen=True, slots=True)
class Week:
    """One week of the strip: from this day on, how many fall due."""

    start: date
    due: int


def extension(row: Row) -> Extended | None:
    """Give the extension that counts: the one decided in this review, else a signed one. A mere tag counts nothing."""
    decision = row.decision
    if decision is not None:
        if decision.decision == "extend" and decision.until is not None:
            return Extended(until=decision.until, count=decision.count, by=decision.by, signed=True)
        if decision.decision != "keep":
            return None
    return row.extended if row.extended is not None and row.extended.signed else None


def due(row: Row) -> datetime | None:
    """Give when a row falls due, its extension included (that ends with its last day, UTC); ``None``: not known."""
    if row.age.due is None or row.age.status == "unknown":
        return None
    extended = extension(row)
    if extended is None:
        return row.age.due
    end = datetime(extended.until.year, extended.until.month, extended.until.day, tzinfo=UTC) + timedelta(days=1)
    return max(end, row.age.due)


def standing(row: Row, review: Review) -> Standing:
    """Give a row's status with its extension counted; an unknown age stays unknown whatever was decided."""
    ends = due(row)
    if ends is None:
        return "unknown"
    left = ends - review.at
    if left <= timedelta():
        return "overdue"
    if left <= timedelta(days=review.environment(row.environment).policy.warn_days):
        return "due-soon"
    return "fresh" if row.age.status == "fresh" else "extended"


def standing_text(row: Row, review: Review) -> str:
    """Give a row's standing, with its pair state where nobody can use it as it is."""
    return f"{standing(row, review)}, {row.pair_state}" if "unusable" in row.flags else standing(row, review)


def group(review: Review, by: Grouping) -> tuple[Group, ...]:
    """Give the rows by environment, exchange (all its accounts) or owner; groups by name, rows worst first."""
    found: dict[str, list[Row]] = {}
    for row in review.rows:
        names = {"environment": row.environment, "exchange": row.venue, "owner": row.owner or NO_OWNER}
        found.setdefault(names[by], []).append(row)
    return tuple(Group(name, tuple(rows), counts(rows, review)) for name, rows in sorted(found.items()))


def counts(rows: Iterable[Row], review: Review) -> dict[str, int]:
    """Count rows by their standing, worst first."""
    found = [standing(row, review) for row in rows]
    return {status: found.count(status) for status in _ORDER}


def strip(review: Review) -> tuple[Week, ...]:
    """Give what falls due in the 90 days from the review, week by week; what is overdue is not in it."""
    start = review.at.date()
    days = [(ends.date() - start).days for row in review.rows if (ends := due(row)) is not None and ends > review.at]
    return tuple(
        Week(start + timedelta(days=7 * week), sum(day // 7 == week and day <= STRIP_DAYS for day in days))
        for week in range(WEEKS)
    )


def overdue_by(review: Review, day: date) -> tuple[Row, ...]:
    """Give the rows that will be overdue at the end of that day (UTC) if nothing is done; unknown ages are not."""
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    return tuple(row for row in review.rows if (ends := due(row)) is not None and ends < end)


def failing(review: Review, fail_on: FailOn, by: date | None = None) -> tuple[Row, ...]:
    """Give the rows that fail a policy: overdue ones (with ``by``: by that day), due ones too, unknown ages always."""
    later = {row.credential for row in overdue_by(review, by)} if by is not None else set()
    bad: tuple[Standing, ...] = ("overdue", "unknown", "due-soon") if fail_on == "due-soon" else ("overdue", "unknown")
    return tuple(row for row in review.rows if standing(row, review) in bad or row.credential in later)
