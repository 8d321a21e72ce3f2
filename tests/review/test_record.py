"""The record in the store: its form, its size, and what is no record."""

from __future__ import annotations

import json

import pytest

from secrets_core.errors import SettingsError
from secrets_core.review.record import RecordedPromise, ReviewRecord, format_record, parse_record, write_record
from secrets_core.secret import Secret
from secrets_core.versions import new_version_id
from tests.core.desk import Desk
from tests.pairs.support import START


def promised(count: int) -> ReviewRecord:
    promise = RecordedPromise("extend", "0" * 12, START.date(), START.date(), 3)
    promises = {f"exchange-{number}@account": promise for number in range(count)}
    return ReviewRecord(1, "a" * 64, "", START, "alice@desk", START.date(), promises=promises)


def test_a_record_fits_a_secret_or_is_refused_before_anything_is_written() -> None:
    desk = Desk("dev")
    with pytest.raises(SettingsError, match="promises"):
        write_record(desk.inner["dev"], "dev", promised(1000), lambda: new_version_id(START))
    assert desk.inner["dev"].list_metadata("") == []
    assert write_record(desk.inner["dev"], "dev", promised(700), lambda: new_version_id(START))


def test_a_record_comes_back_as_it_was() -> None:
    assert parse_record(Secret(format_record(promised(2)))) == promised(2)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"number": -1},
        {"number": True},
        {"signed": "yesterday"},
        {"next": None},
        {"promises": []},
        {"promises": {"bybit": ["burn", "", "2025-01-01", "2025-01-01", 0]}},
        {"promises": {"../x": ["extend", "", "2025-01-01", "2025-01-01", 0]}},
        {"promises": {"bybit": ["extend", ""]}},
    ],
)
def test_a_record_of_another_form_is_none(change: dict[str, object]) -> None:
    data = json.loads(format_record(promised(1)))
    assert parse_record(Secret(json.dumps(data | change))) is None
    assert parse_record(Secret("nonsense")) is None
