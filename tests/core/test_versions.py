"""An id of ours carries its time of birth to the millisecond; nothing else is taken for one of ours."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secrets_core.versions import credible, is_ours, new_version_id, tail, version_time

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
bits = st.integers(0, 2**62 - 1)


def to_the_millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(moments, bits)
@example(datetime(1970, 1, 1, tzinfo=UTC), 0)
@example(datetime(2038, 1, 20, 0, 0, 0, 1000, tzinfo=UTC), 0)
@example(datetime(2039, 6, 1, 3, 4, 5, 679000, tzinfo=UTC), 2**62 - 1)
@example(datetime(9999, 12, 30, 23, 59, 59, 123000, tzinfo=UTC), 1)
def test_the_time_comes_back_to_the_millisecond(born: datetime, random_bits: int) -> None:
    version_id = new_version_id(born, random_bits)
    assert version_time(version_id) == to_the_millisecond(born)
    assert is_ours(version_id)


def test_no_millisecond_of_four_decades_is_lost() -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    # A step that is no multiple of anything: every thousandth of a second is met in every year.
    moments = [start + timedelta(milliseconds=n * 63_113_857) for n in range(20_000)]
    assert [moment for moment in moments if version_time(new_version_id(moment)) != moment] == []


@pytest.mark.parametrize("zone", [ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=-9, minutes=-30))])
def test_the_zone_of_the_clock_does_not_matter(zone: ZoneInfo) -> None:
    born = version_time(new_version_id(NOW.astimezone(zone)))
    assert born == NOW
    assert born is not None
    assert born.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        new_version_id(NOW.replace(tzinfo=None))


def test_ids_of_one_instant_differ() -> None:
    ids = {new_version_id(NOW) for _ in range(2000)}
    assert len(ids) == 2000
    assert len({tail(version_id) for version_id in ids}) == 2000


def test_given_bits_make_the_same_id_every_time() -> None:
    assert new_version_id(NOW, 7) == new_version_id(NOW, 7) == "01972b5c-ee00-73b7-8000-000000000007"


def test_it_is_a_version_7_uuid_that_aws_takes_as_a_token() -> None:
    version_id = new_version_id(NOW)
    parsed = uuid.UUID(version_id)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert 32 <= len(version_id) <= 64


@given(moments, bits)
def test_no_other_writing_of_our_id_is_ours(born: datetime, random_bits: int) -> None:
    version_id = new_version_id(born, random_bits)
    for other in (version_id.upper(), version_id.replace("-", ""), f"{{{version_id}}}", f"urn:uuid:{version_id}"):
        assert (version_time(other) is None) or other == version_id
    for other in (f"{version_id}\n", f" {version_id}", version_id[:-1], f"{version_id}0"):
        assert version_time(other) is None


@given(st.uuids(version=4) | st.uuids(version=1) | st.uuids(version=5) | st.uuids())
@example(uuid.UUID("01972b5c-ee00-73b6-8000-000000000007"))
@example(uuid.UUID("01972b5c-ee00-43b7-8000-000000000007"))
@example(uuid.UUID("01972b5c-ee00-73b7-c000-000000000007"))
def test_foreign_uuids_are_foreign(other: uuid.UUID) -> None:
    marked = (other.int >> 64) & 0xFFFF == 0x73B7 and other.variant == uuid.RFC_4122
    assert marked or (version_time(str(other)) is None and not is_ours(str(other)))


@given(st.text(max_size=70))
@example("terraform-20250601120000000000000001")
@example("")
@example("01972b5c-ee00-73b7-8000-00000000000_")
@example("\u0660\u0661972b6f-8200-73b7-8000-000000000007")
@example("ffffffff-ffff-73b7-bfff-ffffffffffff")
def test_any_text_is_foreign_and_never_an_error(text: str) -> None:
    assert version_time(text) is None
    assert not is_ours(text)


def test_nothing_is_not_ours() -> None:
    assert not is_ours(None)


@pytest.mark.parametrize(
    ("ahead", "believed"),
    [
        (timedelta(days=-4000), True),
        (timedelta(), True),
        (timedelta(minutes=5), True),
        (timedelta(minutes=5, milliseconds=1), False),
        (timedelta(days=1), False),
    ],
)
def test_a_time_more_than_five_minutes_ahead_tells_nothing(ahead: timedelta, believed: bool) -> None:
    born = NOW + ahead
    assert credible(born, NOW) == (born if believed else None)


def test_no_time_stays_no_time() -> None:
    assert credible(None, NOW) is None


def test_the_tail_is_what_tags_name_a_version_by() -> None:
    assert tail("01972b5c-ee00-73b7-8000-00000000abcd") == "00000000abcd"
