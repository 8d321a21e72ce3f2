"""The freeze record holds what it names, and anything but a well-formed record is "not confirmed", never an error."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secrets_core.errors import (
    CoreError,
    Denied,
    GarbledAnswer,
    IdentityProblem,
    NotFound,
    ScheduledForDeletion,
    Throttled,
    Unreachable,
)
from secrets_core.freeze import FreezeRecord, Hold, RevokedVersion, ensure_record, interpret, parse
from secrets_core.names import FREEZE, CredentialRef, control_name
from secrets_core.secret import Secret
from secrets_core.stores.memory import MemoryStore
from secrets_core.versions import new_version_id
from tests.pairs.support import START

NAME = control_name("prod", FREEZE)
BYBIT, MM1 = CredentialRef("prod", "bybit"), CredentialRef("prod", "bybit@mm1")
RECORD: dict[str, Any] = {
    "format": 1,
    "revision": 7,
    "holds": {
        "inc-1": {
            "scope": ["bybit@mm1", "okx"],
            "codename": "amber-fox",
            "cause": "leaked key",
            "message": "Stop. Call desk-a.",
            "by": "alice",
            "at": "2025-06-01T12:00:00Z",
            "phase": "frozen",
            "approvals": {"alice": {"digest": "x", "at": "2025-06-01T12:00:00Z"}},
        }
    },
    "dead": [{"ref": "prod/bybit@mm1", "version": "v-1", "fingerprint": "", "incident": "inc-1"}],
    "burned": [{"ref": "prod/okx", "version": "v-2", "fingerprint": "ABCDEFGHIJ", "incident": "inc-1"}],
}

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def read(record: object) -> FreezeRecord | None:
    return parse(Secret(json.dumps(record)))


def marks(entries: tuple[RevokedVersion, ...], ref: CredentialRef, version_id: str | None) -> bool:
    """Tell whether one of the entries names this version."""
    return any(entry.names(ref, version_id) for entry in entries)


def changed(path: str, value: object) -> dict[str, Any]:
    """Give the well-formed record with one thing in it replaced."""
    record: Any = copy.deepcopy(RECORD)
    *way, last = path.split("/")
    inner = record
    for step in way:
        inner = inner[int(step) if step.isdigit() else step]
    inner[last] = value
    return dict(record)


def test_a_well_formed_record_is_read_whole() -> None:
    hold = Hold(
        "inc-1",
        ("bybit@mm1", "okx"),
        codename="amber-fox",
        cause="leaked key",
        message="Stop. Call desk-a.",
        by="alice",
        at="2025-06-01T12:00:00Z",
        phase="frozen",
    )
    assert read(RECORD) == FreezeRecord(
        7,
        (hold,),
        (RevokedVersion("prod/bybit@mm1", "v-1", incident="inc-1"),),
        (RevokedVersion("prod/okx", "v-2", "ABCDEFGHIJ", "inc-1"),),
    )


def test_the_least_of_a_record_is_its_format() -> None:
    assert read({"format": 1}) == FreezeRecord()


def test_what_a_later_writer_adds_is_no_reason_to_doubt() -> None:
    assert read({**RECORD, "more": [1]}) == read(RECORD)
    assert read(changed("holds/inc-1/more", {"a": 1})) == read(RECORD)


@pytest.mark.parametrize(
    ("scope", "venue", "account", "other"),
    [
        (["*"], True, True, True),
        (["bybit"], True, True, False),
        (["bybit@mm1"], False, True, False),
        (["bybit@mm2"], False, False, False),
        (["okx", "bybit"], True, True, True),
        (["okx"], False, False, True),
        (["bybi"], False, False, False),
        (["bybit.eu"], False, False, False),
    ],
)
def test_a_hold_covers_what_its_scope_names(scope: list[str], venue: bool, account: bool, other: bool) -> None:
    record = read({"format": 1, "holds": {"inc-1": {"scope": scope}}})
    assert record is not None
    refs = (BYBIT, MM1, CredentialRef("prod", "okx"))
    assert tuple(record.hold_on(ref) is not None for ref in refs) == (venue, account, other)


def test_two_incidents_hold_different_exchanges() -> None:
    record = read({"format": 1, "holds": {"a": {"scope": ["bybit"]}, "b": {"scope": ["okx"]}}})
    assert record is not None
    holds = [record.hold_on(CredentialRef("prod", exchange)) for exchange in ("bybit", "okx", "kraken")]
    assert [hold.incident if hold else None for hold in holds] == ["a", "b", None]


def test_dead_and_burned_are_told_by_version_and_value_of_that_credential_alone() -> None:
    record = read(RECORD)
    assert record is not None
    okx = CredentialRef("prod", "okx")
    assert marks(record.dead, MM1, "v-1")
    assert not marks(record.dead, MM1, "v-2")
    assert not marks(record.dead, MM1, None)
    assert not marks(record.dead, BYBIT, "v-1")
    assert record.is_burned(okx, "v-2")
    assert record.is_burned(okx, None, "ABCDEFGHIJ")
    assert not record.is_burned(okx, "v-1", "")
    assert not record.is_burned(CredentialRef("dev", "okx"), "v-2", "ABCDEFGHIJ")


def test_an_entry_that_names_no_version_and_no_value_revokes_nothing() -> None:
    inert = RevokedVersion("prod/bybit")
    assert not inert.names(BYBIT, None)
    assert not inert.names(BYBIT, "")


def test_null_is_the_same_as_nothing() -> None:
    record = read({"format": 1, "burned": [{"ref": "prod/okx", "version": None, "fingerprint": "ABCDEFGHIJ"}]})
    assert record is not None
    assert record.burned == (RevokedVersion("prod/okx", fingerprint="ABCDEFGHIJ"),)
    silent = read(changed("holds/inc-1/message", None))
    assert silent is not None
    assert silent.holds[0].message == ""


def test_versions_and_credentials_are_compared_in_any_case() -> None:
    record = read({"format": 1, "dead": [{"ref": "Prod/BYBIT@mm1", "version": "0197-AB"}]})
    assert record is not None
    assert marks(record.dead, MM1, "0197-ab")
    assert marks(record.dead, MM1, "0197-AB")
    assert not marks(record.dead, BYBIT, "0197-ab")


class TestNotUnderstood:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{",
            "no json",
            "null",
            "[]",
            "1",
            '"text"',
            "{}",
            '{"format":2}',
            '{"format":"1"}',
            '{"format":null}',
            '{"format":1,"revision":1e999}',
            '{"format":1,"revision":NaN}',
            "[" * 60_000,
            '{"format":1,"holds":' * 9_000,
        ],
        ids=range(15),
    )
    def test_bad_json_and_unknown_formats(self, text: str) -> None:
        assert parse(Secret(text)) is None

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("revision", "seven"),
            ("revision", None),
            ("revision", [7]),
            ("revision", 7.5),
            ("holds", None),
            ("holds", []),
            ("holds", "text"),
            ("holds/inc-1", None),
            ("holds/inc-1", []),
            ("holds/inc-1", "bybit"),
            ("holds/inc-1/scope", None),
            ("holds/inc-1/scope", []),
            ("holds/inc-1/scope", "bybit"),
            ("holds/inc-1/scope", [1]),
            ("holds/inc-1/scope", {"bybit": 1}),
            ("dead", None),
            ("dead", 7),
            ("dead", ["prod/bybit"]),
            ("dead", [{}]),
            ("burned", [None]),
            ("burned", [{"version": "v-2"}]),
            ("dead/0/ref", "bybit"),
            ("burned/0/ref", 7),
            ("revision", True),
            ("format", True),
            ("format", 1.0),
            ("dead", [{"ref": "prod/bybit"}]),
            ("dead", [{"ref": "prod/bybit", "fingerprint": "ABCDEFGHIJ"}]),
            ("dead/0/version", ""),
            ("dead/0/version", None),
            ("dead/0/version", ["v-1"]),
            ("burned", [{"ref": "prod/okx"}]),
            ("burned/0/fingerprint", ["ABCDEFGHIJ"]),
            ("burned/0/version", ["v-2"]),
        ],
    )
    def test_wrong_types(self, path: str, value: object) -> None:
        assert read(changed(path, value)) is None

    @pytest.mark.parametrize("target", ["", "Bybit", "BYBIT@MM1", " bybit", "bybit ", "prod/bybit", "**", "b*"])
    def test_a_hold_on_what_can_be_no_exchange_is_not_taken_for_no_hold(self, target: str) -> None:
        assert read(changed("holds/inc-1/scope", ["okx", target])) is None

    @pytest.mark.parametrize(
        "text",
        [
            '{"format":1,"holds":{"i":{"scope":["*"]}},"holds":{}}',
            '{"format":1,"holds":{"i":{"scope":["*"],"scope":["okx"]}}}',
            '{"format":1,"dead":[{"ref":"prod/okx","version":"v-1","version":"v-2"}]}',
            '{"format":1,"revision":9,"revision":1,"revision":9}',
            '{"format":2,"format":1}',
        ],
        ids=range(5),
    )
    def test_a_key_that_is_given_twice(self, text: str) -> None:
        assert parse(Secret(text)) is None

    @given(json_values)
    def test_any_json(self, value: object) -> None:
        parse(Secret(json.dumps(value)))

    @given(
        st.sampled_from(
            [
                *("format", "revision", "holds", "holds/inc-1", "holds/inc-1/scope", "holds/inc-1/message"),
                *("dead", "dead/0/ref", "dead/0/version", "burned", "burned/0/fingerprint"),
            ]
        ),
        json_values,
    )
    @example("holds", {"inc-1": {"scope": ["bybit"], "message": {"a": [1]}}})
    @example("revision", float("inf"))
    def test_any_json_in_any_place(self, path: str, value: object) -> None:
        record = read(changed(path, value))
        assert record is None or isinstance(record.revision, int)

    @given(st.text(max_size=50))
    def test_any_text(self, text: str) -> None:
        parse(Secret(text))


def test_the_operators_words_cannot_forge_a_log_line_or_steer_a_terminal() -> None:
    record = read(changed("holds/inc-1/message", "Stop.\n2025-06-01 ERROR all well\x1b[2J\u202e\ud800"))
    assert record is not None
    assert record.holds[0].message == "Stop. 2025-06-01 ERROR all well [2J  "


class TestInterpret:
    def outcome(self, text: str) -> Any:
        store = MemoryStore(lambda: START)
        store.put_secret_value(NAME, new_version_id(START), Secret(text))
        return store.read_current([NAME])[NAME]

    def test_never_set_up_is_not_frozen(self) -> None:
        reading = interpret(NotFound("There is no such secret."))
        assert reading.record == FreezeRecord()
        assert not reading.present

    def test_a_record(self) -> None:
        reading = interpret(self.outcome(json.dumps(RECORD)))
        assert reading.record == read(RECORD)
        assert reading.present
        assert reading.reason == ""

    @pytest.mark.parametrize("text", ["no json", '{"format":2}'])
    def test_what_is_not_understood_is_there_and_not_confirmed(self, text: str) -> None:
        reading = interpret(self.outcome(text))
        assert reading.record is None
        assert reading.present
        assert reading.reason

    @pytest.mark.parametrize(
        ("path", "value", "fields"),
        [
            ("holds/inc-2", {"scope": ["Bybit"]}, "holds"),
            ("revision", "seven", "revision"),
            ("dead", [{"noref": 1}, *RECORD["dead"]], "dead"),
            ("burned", [*RECORD["burned"], None], "burned"),
        ],
    )
    def test_what_is_well_formed_is_in_force_though_not_confirmed(self, path: str, value: object, fields: str) -> None:
        reading = interpret(self.outcome(json.dumps(changed(path, value))))
        whole = read(RECORD)
        assert whole is not None
        assert reading.record is None
        assert reading.present
        assert f"understood: {fields}." in reading.reason
        found = reading.in_force
        assert (found.holds, found.dead, found.burned) == (whole.holds, whole.dead, whole.burned)
        assert found.revision == (0 if fields == "revision" else 7)

    @pytest.mark.parametrize(
        "error", [Denied, ScheduledForDeletion, Unreachable, Throttled, IdentityProblem, GarbledAnswer]
    )
    def test_a_failure_is_not_confirmed_and_says_why(self, error: Callable[[str], CoreError]) -> None:
        reading = interpret(error("The reason why."))
        assert reading.record is None
        assert "The reason why." in reading.reason


class TestEnsureRecord:
    def test_it_is_made_empty_and_only_once(self) -> None:
        store = MemoryStore(lambda: START)
        ensure_record(store, "prod", new_version_id(START))
        assert interpret(store.read_current([NAME])[NAME]).record == FreezeRecord()
        ensure_record(store, "prod", new_version_id(START))
        assert len(store.list_versions(NAME)) == 1

    def test_one_that_is_there_is_left_as_it_is(self) -> None:
        store = MemoryStore(lambda: START)
        store.put_secret_value(NAME, new_version_id(START), Secret(json.dumps(RECORD)))
        ensure_record(store, "prod", new_version_id(START))
        assert interpret(store.read_current([NAME])[NAME]).record == read(RECORD)

    def test_a_deleted_one_is_said(self) -> None:
        store = MemoryStore(lambda: START)
        ensure_record(store, "prod", new_version_id(START))
        store.delete(NAME)
        with pytest.raises(ScheduledForDeletion):
            ensure_record(store, "prod", new_version_id(START))
