"""Age, due date and status: by whole days of 24 hours in UTC, whatever calendars and clocks on walls do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_core.ages import Age, AgeSource, AgeStatus, Limit, assess, first_limit

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
POLICY = Limit(90, "policy")


def aged(
    age: timedelta,
    *,
    source: AgeSource = AgeSource.VERSION_ID,
    limit: Limit = POLICY,
    warn_days: int = 14,
    now: datetime = NOW,
) -> Age:
    return assess(now - age, source, now=now, limit=limit, warn_days=warn_days)


@pytest.mark.parametrize(
    ("age", "status", "days", "left"),
    [
        (timedelta(), AgeStatus.FRESH, 0, 90),
        (SECOND, AgeStatus.FRESH, 0, 90),
        (DAY - SECOND, AgeStatus.FRESH, 0, 90),
        (DAY, AgeStatus.FRESH, 1, 89),
        (76 * DAY - SECOND, AgeStatus.FRESH, 75, 15),
        (76 * DAY, AgeStatus.DUE_SOON, 76, 14),
        (89 * DAY, AgeStatus.DUE_SOON, 89, 1),
        (90 * DAY - SECOND, AgeStatus.DUE_SOON, 89, 1),
        (90 * DAY, AgeStatus.OVERDUE, 90, 0),
        (90 * DAY + SECOND, AgeStatus.OVERDUE, 90, 0),
        (91 * DAY - SECOND, AgeStatus.OVERDUE, 90, 0),
        (91 * DAY, AgeStatus.OVERDUE, 91, -1),
        (200 * DAY, AgeStatus.OVERDUE, 200, -110),
    ],
)
def test_status_at_its_borders(age: timedelta, status: AgeStatus, days: int, left: int) -> None:
    found = aged(age)
    assert (found.status, found.days, found.days_left) == (status, days, left)


ages = st.timedeltas(timedelta(minutes=-5), timedelta(days=4000))
limits = st.builds(Limit, st.integers(1, 3650), st.sampled_from(["policy", "exchange"]))


@given(ages, limits, st.integers(1, 400), st.sampled_from([AgeSource.VERSION_ID, AgeSource.BACKEND]))
def test_what_is_said_agrees_with_itself(age: timedelta, limit: Limit, warn_days: int, source: AgeSource) -> None:
    found = aged(age, limit=limit, warn_days=warn_days, source=source)
    assert found.due_at is not None
    assert found.days_left is not None
    assert found.used is not None
    assert (found.status is AgeStatus.OVERDUE) == (found.due_at <= NOW) == (found.days_left <= 0) == (found.used >= 1)
    assert (found.status is AgeStatus.FRESH) == (found.due_at - NOW > warn_days * DAY)
    assert found.days == max(age, timedelta()) // DAY
    assert found.due_at == NOW - age + limit.days * DAY


@given(ages, limits, st.integers(1, 400))
def test_an_upper_bound_proves_that_it_is_fresh_and_nothing_else(age: timedelta, limit: Limit, warn_days: int) -> None:
    found = aged(age, limit=limit, warn_days=warn_days, source=AgeSource.AT_MOST)
    exact = aged(age, limit=limit, warn_days=warn_days)
    assert found.status is (AgeStatus.FRESH if exact.status is AgeStatus.FRESH else AgeStatus.UNKNOWN)


class TestNotBelieved:
    @pytest.mark.parametrize("ahead", [timedelta(minutes=5, seconds=1), 400 * DAY])
    def test_a_time_ahead_of_the_clock_is_unknown(self, ahead: timedelta) -> None:
        found = aged(-ahead)
        assert found == Age(None, AgeSource.NONE, NOW, POLICY, AgeStatus.UNKNOWN)

    def test_a_clock_a_little_behind_is_forgiven(self) -> None:
        found = aged(timedelta(minutes=-5))
        assert (found.status, found.days, found.lifetime, found.used) == (AgeStatus.FRESH, 0, timedelta(), 0)

    def test_no_time_is_unknown_and_nothing_follows_from_it(self) -> None:
        found = assess(None, AgeSource.NONE, now=NOW, limit=POLICY, warn_days=14)
        assert found.status is AgeStatus.UNKNOWN
        assert [found.lifetime, found.days, found.due_at, found.days_left, found.used] == [None] * 5


class TestCalendars:
    @pytest.mark.parametrize(
        ("born", "due"),
        [
            (datetime(2024, 2, 28, 9, tzinfo=UTC), datetime(2024, 3, 1, 9, tzinfo=UTC)),
            (datetime(2025, 2, 28, 9, tzinfo=UTC), datetime(2025, 3, 2, 9, tzinfo=UTC)),
            (datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 2, tzinfo=UTC)),
            (datetime(2023, 12, 30, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)),
        ],
    )
    def test_leap_days_count_like_any_other(self, born: datetime, due: datetime) -> None:
        found = assess(born, AgeSource.VERSION_ID, now=due - SECOND, limit=Limit(2, "policy"), warn_days=1)
        assert found.due_at == due
        assert found.status is AgeStatus.DUE_SOON
        after = assess(born, AgeSource.VERSION_ID, now=due, limit=Limit(2, "policy"), warn_days=1)
        assert after.status is AgeStatus.OVERDUE

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
    @pytest.mark.parametrize("born", [datetime(2025, 3, 8, 7, tzinfo=UTC), datetime(2025, 10, 4, 7, tzinfo=UTC)])
    def test_summer_time_changes_nothing(self, born: datetime, zone: str) -> None:
        local = ZoneInfo(zone)
        due = born + 90 * 24 * timedelta(hours=1)
        for now, expected in ((due - SECOND, AgeStatus.DUE_SOON), (due, AgeStatus.OVERDUE)):
            for start, clock in ((born, now.astimezone(local)), (born.astimezone(local), now)):
                found = assess(start, AgeSource.BACKEND, now=clock, limit=POLICY, warn_days=14)
                assert found.due_at == due
                assert found.status is expected
                assert found.lifetime == now - born


class TestFirstLimit:
    @pytest.mark.parametrize(
        ("policy", "exchange", "limit"),
        [
            (90, None, Limit(90, "policy")),
            (30, 90, Limit(30, "policy")),
            (90, 30, Limit(30, "exchange")),
            (90, 90, Limit(90, "exchange")),
            (91, 90, Limit(90, "exchange")),
        ],
    )
    def test_whoever_is_first_and_the_exchange_on_a_tie(self, policy: int, exchange: int | None, limit: Limit) -> None:
        assert first_limit(policy, exchange) == limit
