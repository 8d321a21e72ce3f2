"""How old a credential is, when it is due, and who decides that: policy or the exchange."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from secrets_core.versions import credible

DAY = timedelta(days=1)


class AgeStatus(StrEnum):
    """The value is the word on screen."""

    FRESH = "fresh"
    DUE_SOON = "due-soon"
    OVERDUE = "overdue"
    UNKNOWN = "unknown"


class AgeSource(StrEnum):
    """Where a time of birth comes from; the value is the phrase on screen."""

    VERSION_ID = "time in our version id"
    BACKEND = "creation date in the backend"
    AT_MOST = "at most: creation date of the secret"
    NONE = "not known"


@dataclass(frozen=True, slots=True)
class Limit:
    """An end of life: after so many days, by whose rule."""

    days: int
    decided_by: str
    """``policy`` or ``exchange``."""


@dataclass(frozen=True, slots=True)
class Age:
    """The age of a credential's current version against the limit that comes first."""

    born: datetime | None
    source: AgeSource
    now: datetime
    limit: Limit
    status: AgeStatus

    @property
    def lifetime(self) -> timedelta | None:
        """How old it is, never negative; an upper bound when ``source`` is ``AT_MOST``."""
        return None if self.born is None else max(self.now - self.born, timedelta())

    @property
    def days(self) -> int | None:
        """Whole days of age."""
        return None if self.lifetime is None else self.lifetime // DAY

    @property
    def due_at(self) -> datetime | None:
        """When it is due; with an upper bound of the age, the earliest that can be."""
        return None if self.born is None else self.born + self.limit.days * DAY

    @property
    def days_left(self) -> int | None:
        """Days until it is due, begun ones counted; whole days over as a negative number."""
        return None if self.due_at is None else math.ceil((self.due_at - self.now) / DAY)

    @property
    def used(self) -> float | None:
        """The share of its life that is over: 1.0 when due."""
        return None if self.lifetime is None else self.lifetime / (self.limit.days * DAY)


def first_limit(policy_days: int, exchange_days: int | None) -> Limit:
    """Give the limit that ends a credential first; on a tie the exchange, because it cannot be extended."""
    if exchange_days is not None and exchange_days <= policy_days:
        return Limit(exchange_days, "exchange")
    return Limit(policy_days, "policy")


def assess(born: datetime | None, source: AgeSource, *, now: datetime, limit: Limit, warn_days: int) -> Age:
    """Assess an age; a time of birth more than 5 minutes ahead of ``now`` is not believed.

    An upper bound can prove that something is fresh, never that it is overdue: beyond that it is ``UNKNOWN``.
    """
    born = credible(born, now)
    if born is None:
        return Age(None, AgeSource.NONE, now, limit, AgeStatus.UNKNOWN)
    born = born.astimezone(UTC)  # days of 24 hours: adding them in a zone with summer time would be off by an hour
    left = born + limit.days * DAY - now
    if left > warn_days * DAY:
        status = AgeStatus.FRESH
    elif source is AgeSource.AT_MOST:
        status = AgeStatus.UNKNOWN
    else:
        status = AgeStatus.DUE_SOON if left > timedelta() else AgeStatus.OVERDUE
    return Age(born, source, now, limit, status)
