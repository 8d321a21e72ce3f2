"""What we write into tags fits AWS whatever it says, comes back as it was, and never breaks a reader."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secrets_core.tags import (
    KEPT_RECORDS,
    NOTE,
    OLD_ALIVE,
    OWNER,
    VERSION_PREFIX,
    OldKeyAlive,
    VersionRecord,
    format_note,
    format_old_alive,
    format_record,
    note,
    old_alive,
    record_key,
    record_of,
    records,
    surplus_records,
)
from secrets_core.versions import new_version_id, tail

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
AWS_VALUE = re.compile(r"[A-Za-z0-9 _.:/=+@-]{0,256}")
"""What a tag's value may hold (Secrets Manager, TagResource; letters narrowed to ASCII)."""
AWS_KEY = re.compile(r"[A-Za-z0-9_.:/=+@-]{1,128}")
ARN = "arn:aws:sts::123456789012:assumed-role/mm-operator/alice@example.com"

moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis adds the zone
    lambda moment: moment.replace(microsecond=0)
)
codes = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=10, max_size=10) | st.just("")
words = st.text("abcXYZ019_.:/=+@-", max_size=60)
valid_records = st.builds(
    VersionRecord,
    stored_at=moments | st.none(),
    fingerprint=codes,
    key_fingerprint=codes,
    by=words | st.just(ARN),
    why=st.sampled_from(["", "first", "scheduled", "suspected", "offboarding", "adopted", "other"]),
    hint=st.from_regex(r"[A-Za-z0-9]{4}", fullmatch=True) | st.just(""),
    ip_bound=st.none() | st.booleans(),
)
any_records = st.builds(
    VersionRecord,
    stored_at=moments | st.none(),
    fingerprint=st.text(max_size=300),
    key_fingerprint=st.text(max_size=300),
    by=st.text(max_size=400),
    why=st.text(max_size=300),
    hint=st.text(max_size=300),
)
garbled = st.text(max_size=300) | st.lists(
    st.builds("{}{}{}".format, st.sampled_from(["t", "fp", "kfp", "by", "why", "hint", "ip", "v", "due", ""]),
              st.sampled_from(["=", "==", " ", ""]), st.text(max_size=20)),
    max_size=8,
).map(" ".join)  # fmt: skip


@given(valid_records)
def test_a_record_comes_back_as_it_was(record: VersionRecord) -> None:
    version_id = new_version_id(NOW)
    tags = {record_key(version_id): format_record(record)}
    assert record_of(tags, version_id) == record
    assert records(tags) == {tail(version_id): record}


@given(any_records)
@example(VersionRecord(by="Ünïcode\u202e; rm -rf 'x'\n", why="a b=c", hint="\ud800" * 4))
@example(VersionRecord(stored_at=NOW, fingerprint="A" * 10, key_fingerprint="B" * 10, by="x" * 400))
def test_any_text_fits_what_aws_takes(record: VersionRecord) -> None:
    value = format_record(record)
    assert AWS_VALUE.fullmatch(value)
    record_of({record_key("any"): value}, "any")


@given(st.text(min_size=1, max_size=400))
def test_any_operators_name_fits_and_leaves_the_other_fields_alone(by: str) -> None:
    record = VersionRecord(NOW, "A" * 10, "B" * 10, by, "scheduled", "wxYZ", True)
    value = format_record(record)
    assert AWS_VALUE.fullmatch(value)
    read = records({VERSION_PREFIX + "0" * 12: value})["0" * 12]
    assert (read.stored_at, read.fingerprint, read.key_fingerprint, read.why, read.hint, read.ip_bound) == (
        *(NOW, "A" * 10, "B" * 10),
        *("scheduled", "wxYZ", True),
    )
    assert read.by
    assert re.sub(r"[^A-Za-z0-9_.:/=+@-]", "_", by).startswith(read.by)


def test_a_long_name_is_cut_and_a_usual_one_is_not() -> None:
    record = VersionRecord(NOW, "A" * 10, "B" * 10, ARN, "offboarding", "wxYZ", False)
    assert records({VERSION_PREFIX: format_record(record)})[""].by == ARN


@given(st.dictionaries(st.sampled_from([NOTE, OLD_ALIVE, OWNER, record_key("x"), VERSION_PREFIX]) | garbled, garbled))
@example({record_key("x"): "t=20240230T000000Z fp= by", OLD_ALIVE: "v= t=x", NOTE: "é"})
@example({record_key("x"): "t=20240101T000060Z", OLD_ALIVE: "v=1 t=00000101T000000Z due=99999999T9Z", NOTE: "_w=="})
@example({record_key("x"): "t=\u0662\u0660240101T000000Z hint=\ud800 ip=bound=unbound", NOTE: "\ud800"})
def test_a_garbled_tag_is_never_an_error(tags: dict[str, str]) -> None:
    for record in [*records(tags).values(), record_of(tags, "x")]:
        if record is not None:
            assert len(record.fingerprint) <= 16
            assert len(record.hint) in (0, 4)
            assert record.stored_at is None or record.stored_at.tzinfo is UTC
    old = old_alive(tags)
    assert old is None or old.version_tail
    assert isinstance(note(tags), str)


def test_a_record_is_believed_only_for_the_version_it_names() -> None:
    mine, other = new_version_id(NOW), new_version_id(NOW)
    tags = {record_key(mine): format_record(VersionRecord(by="alice"))}
    assert record_of(tags, other) is None
    assert record_of({}, mine) is None
    assert record_of({record_key(mine): ""}, mine) == VersionRecord()


def test_times_are_kept_in_utc_whatever_the_clock_says() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert records({VERSION_PREFIX: format_record(VersionRecord(stored_at=local))})[""].stored_at == NOW


@given(st.text(max_size=70))
def test_the_key_of_a_record_fits_aws(text: str) -> None:
    assert AWS_KEY.fullmatch(record_key(new_version_id(NOW)))
    assert len(record_key(text)) <= 128


class TestSurplus:
    def made(self, count: int) -> tuple[list[str], dict[str, str]]:
        """Give ids, oldest first, and the tags that record them, among tags of others."""
        ids = [new_version_id(NOW, n) for n in range(count)]
        tags = {
            record_key(version_id): format_record(VersionRecord(stored_at=NOW + timedelta(hours=n)))
            for n, version_id in enumerate(ids)
        }
        return ids, {OWNER: "desk-a", "team": "mm", OLD_ALIVE: "v=1", **tags, NOTE: ""}

    @pytest.mark.parametrize("count", [0, 1, KEPT_RECORDS])
    def test_up_to_twelve_stay(self, count: int) -> None:
        assert surplus_records(self.made(count)[1], []) == []

    def test_the_twelve_newest_stay(self) -> None:
        ids, tags = self.made(20)
        assert set(surplus_records(tags, [])) == {record_key(version_id) for version_id in ids[:8]}

    def test_the_labelled_ones_stay_however_old(self) -> None:
        ids, tags = self.made(20)
        gone = surplus_records(tags, [ids[0], ids[3], ids[19]])
        assert set(gone) == {record_key(version_id) for version_id in ids[:10] if version_id not in (ids[0], ids[3])}

    def test_all_the_labelled_ones_stay_however_many(self) -> None:
        ids, tags = self.made(20)
        gone = surplus_records(tags, ids[:15])
        assert set(gone) == {record_key(version_id) for version_id in ids[15:]}

    def test_unreadable_ones_go_first(self) -> None:
        _, tags = self.made(12)
        assert surplus_records(tags | {f"{VERSION_PREFIX}garbled": "nonsense"}, []) == [f"{VERSION_PREFIX}garbled"]


class TestOldKeyAlive:
    @given(st.builds(OldKeyAlive, st.text("0123456789abcdef", min_size=12), moments | st.none(), moments | st.none()))
    def test_it_comes_back_as_it_was(self, old: OldKeyAlive) -> None:
        value = format_old_alive(old)
        assert AWS_VALUE.fullmatch(value)
        assert old_alive({OLD_ALIVE: value}) == old

    @given(st.text(max_size=300))
    def test_any_version_fits(self, text: str) -> None:
        assert AWS_VALUE.fullmatch(format_old_alive(OldKeyAlive(text, NOW, NOW)))

    def test_absent(self) -> None:
        assert old_alive({}) is None
        assert old_alive({OLD_ALIVE: "t=20250601T120000Z"}) is None


class TestNote:
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=48))
    @example("rotate with desk-b first\nask Zoë")
    @example("é" * 96)
    def test_it_comes_back_as_it_was(self, text: str) -> None:
        value = format_note(text)
        assert AWS_VALUE.fullmatch(value)
        assert note({NOTE: value}) == text

    @pytest.mark.parametrize("text", ["x" * 193, "é" * 97], ids=["ASCII", "two bytes each"])
    def test_what_is_too_long_is_refused_and_says_how_long_it_may_be(self, text: str) -> None:
        assert note({NOTE: format_note("x" * 192)}) == "x" * 192
        with pytest.raises(ValueError, match="192 bytes"):
            format_note(text)

    def test_absent(self) -> None:
        assert note({}) == ""
