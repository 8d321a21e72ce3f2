"""From metadata to rows: what is said of a credential, what to do about it, and which one comes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from secrets_core.ages import AgeSource, AgeStatus
from secrets_core.exchanges import parts_of
from secrets_core.freeze import FreezeRecord, Hold
from secrets_core.names import API_SECRET, LEADER, CredentialRef, secret_name
from secrets_core.overview import (
    build_row,
    count,
    history_tails,
    is_current,
    needs_look_up,
    sort_listing,
    with_birth,
    worst_first,
)
from secrets_core.pairs import Classified, PairState, classify
from secrets_core.policy import default_policy
from secrets_core.settings import EnvironmentSettings, ExchangeSettings
from secrets_core.stores.base import CURRENT, PENDING, SecretMetadata
from secrets_core.tags import (
    NOTE,
    OLD_ALIVE,
    OWNER,
    OldKeyAlive,
    VersionRecord,
    format_note,
    format_old_alive,
    format_record,
    record_key,
)
from secrets_core.versions import new_version_id, tail
from secrets_core.views import Condition, CredentialRow, condition_of
from tests.pairs.support import START

DAY = timedelta(days=1)
REF = CredentialRef("prod", "kraken")
FOREIGN = ("0b8f1a52-6d0e-4c1b-9f63-6d1f6a0c8e11", "5d1c9f4e-0a7b-4e52-8c3d-2b9a7f6e1d22")
SETTINGS = EnvironmentSettings("prod", default_policy("prod"))


def born(age: timedelta) -> str:
    return new_version_id(START - age)


def secret(name: str, current: str | None, **more: Any) -> SecretMetadata:
    stages = {} if current is None else {CURRENT: current}
    return SecretMetadata(name, stages | more.pop("stages", {}), **more)


def parts_at(current: str, *, ref: CredentialRef = REF, **leader: Any) -> dict[str, SecretMetadata | None]:
    return {
        part: secret(secret_name(ref, part), current, **(leader if part == LEADER else {}))
        for part in parts_of(ref.exchange)
    }


def row(
    parts: Mapping[str, SecretMetadata | None],
    *,
    ref: CredentialRef = REF,
    settings: EnvironmentSettings = SETTINGS,
    freeze: FreezeRecord | None = None,
    born_by_backend: datetime | None = None,
    classified: Classified | None = None,
) -> CredentialRow:
    return build_row(
        ref,
        parts,
        classified or classify(parts),
        settings=settings,
        freeze=freeze or FreezeRecord(),
        now=START,
        born_by_backend=born_by_backend,
    )


def paired(age: timedelta, **more: Any) -> CredentialRow:
    return row(parts_at(born(age), **more))


def legacy(created: datetime | None, born_by_backend: datetime | None = None) -> CredentialRow:
    parts = {
        part: secret(secret_name(REF, part), version, created_at=created)
        for part, version in zip(parts_of("kraken"), FOREIGN, strict=True)
    }
    return row(parts, born_by_backend=born_by_backend)


class TestSorting:
    def test_every_name_goes_where_it_belongs(self) -> None:
        names = [
            "mm-bot/prod/_freeze",
            "mm-bot/prod/_fingerprint",
            "mm-bot/prod/bybit/api_key",
            "mm-bot/prod/bybit/api_secret",
            "mm-bot/prod/bybit/api_passphrase",
            "mm-bot/prod/bybit/emergency/api_key",
            "mm-bot/prod/bybit/emergency/api_secret",
            "mm-bot/prod/kucoin@mm1/api_passphrase",
            "mm-bot/prod/okx/emergency/api_key",
            "mm-bot/prod/grafana/token",
            "mm-bot/prod/Bybit/api_key",
            "mm-bot/prod",
            "",
        ]
        listing = sort_listing(secret(name, "v") for name in names)
        bybit, kucoin = CredentialRef("prod", "bybit"), CredentialRef("prod", "kucoin@mm1")
        assert list(listing.credentials) == [bybit, kucoin]
        assert all(listing.credentials[bybit].values())
        missing = [part for part, found in listing.credentials[kucoin].items() if found is None]
        assert missing == ["api_key", "api_secret"]
        assert listing.emergency == (bybit, CredentialRef("prod", "okx"))
        assert listing.foreign == (
            "mm-bot/prod/bybit/api_passphrase",
            "mm-bot/prod/grafana/token",
            "mm-bot/prod/Bybit/api_key",
            "mm-bot/prod",
            "",
        )

    def test_an_emergency_credential_alone_is_no_credential(self) -> None:
        listing = sort_listing([secret("mm-bot/prod/okx/emergency/api_key", "v")])
        assert listing.credentials == {}


class TestRow:
    def test_all_that_the_tags_say(self) -> None:
        now, before = born(10 * DAY), born(100 * DAY)
        tags = {
            record_key(now): format_record(
                VersionRecord(START - 10 * DAY, "A" * 10, "B" * 10, "alice", "scheduled", "wxYZ", True)
            ),
            record_key(before): format_record(VersionRecord(START, "C" * 10, "D" * 10, "bob", "first", "abCD")),
            OWNER: "desk-a",
            NOTE: format_note("ask Zoë first"),
            OLD_ALIVE: format_old_alive(OldKeyAlive(tail(before), START - DAY, START + DAY)),
        }
        found = row(parts_at(now, tags=tags))
        assert (found.version_id, found.fingerprint, found.key_hint) == (now, "A" * 10, "wxYZ")
        assert (found.by, found.why, found.stored_at, found.ip_bound) == ("alice", "scheduled", START - 10 * DAY, True)
        assert (found.owner, found.note) == ("desk-a", "ask Zoë first")
        assert found.old_key == OldKeyAlive(tail(before), START - DAY, START + DAY)
        assert found.old_key_hint == "abCD"
        assert dict(found.key_fingerprints) == {tail(now): "B" * 10, tail(before): "D" * 10}
        assert history_tails(found, "D" * 10) == [tail(before)]
        assert history_tails(found, "") == []
        assert is_current(found, tail(now))
        assert not is_current(found, tail(before))

    def test_nothing_is_made_up_where_nothing_is_recorded(self) -> None:
        found = paired(DAY)
        assert (found.fingerprint, found.key_hint, found.by, found.why, found.owner, found.note) == ("",) * 6
        assert (found.stored_at, found.ip_bound, found.old_key, found.pending_since, found.hold) == (None,) * 5
        assert (found.condition, found.sentence) == (Condition.FRESH, "")

    def test_a_record_of_another_version_says_nothing_of_this_one(self) -> None:
        tags = {record_key(born(99 * DAY)): format_record(VersionRecord(by="mallory", fingerprint="A" * 10))}
        found = paired(DAY, tags=tags)
        assert (found.by, found.fingerprint) == ("", "")

    def test_the_owner_of_the_settings_where_no_tag_names_one(self) -> None:
        settings = replace(SETTINGS, exchanges={"kraken": ExchangeSettings(owner="desk-b")})
        assert row(parts_at(born(DAY)), settings=settings).owner == "desk-b"
        assert row(parts_at(born(DAY), tags={OWNER: "desk-a"}), settings=settings).owner == "desk-a"

    def test_what_is_staged(self) -> None:
        staged = born(timedelta(minutes=3))
        tags = {record_key(staged): format_record(VersionRecord(by="bob"))}
        found = paired(DAY, tags=tags, stages={PENDING: staged})
        assert (found.condition, found.pending_by) == (Condition.PENDING, "bob")
        assert found.pending_since == START - timedelta(minutes=3)

    def test_when_it_was_deleted(self) -> None:
        parts = parts_at(born(DAY), deleted_at=START - DAY)
        found = row(parts)
        assert (found.condition, found.deleted_at) == (Condition.HALF_DELETED, START - DAY)
        parts = {part: replace(m, deleted_at=START - 2 * DAY) for part, m in parts.items() if m}
        assert (row(parts).condition, row(parts).deleted_at) == (Condition.DELETED, START - 2 * DAY)


class TestAge:
    def test_of_ours_from_the_id(self) -> None:
        found = paired(42 * DAY).age
        assert (found.days, found.source, found.limit.days) == (42, AgeSource.VERSION_ID, 90)

    def test_an_id_from_a_clock_ahead_tells_nothing(self) -> None:
        assert paired(-timedelta(minutes=6)).age.status is AgeStatus.UNKNOWN
        assert paired(-timedelta(minutes=4)).age.status is AgeStatus.FRESH

    def test_of_a_legacy_one_at_most(self) -> None:
        assert legacy(START - 60 * DAY).age.status is AgeStatus.FRESH
        found = legacy(START - 300 * DAY).age
        assert (found.status, found.source) == (AgeStatus.UNKNOWN, AgeSource.AT_MOST)
        assert legacy(None).age.source is AgeSource.NONE

    def test_of_a_legacy_one_that_was_looked_up(self) -> None:
        found = legacy(START - 300 * DAY, born_by_backend=START - 91 * DAY).age
        assert (found.status, found.source, found.days) == (AgeStatus.OVERDUE, AgeSource.BACKEND, 91)

    def test_torn_parts_have_no_age(self) -> None:
        torn = self.torn(FOREIGN[0])
        assert torn.pair_state is PairState.TORN
        assert torn.age.status is AgeStatus.UNKNOWN

    @pytest.mark.parametrize(
        ("exchange", "ip_bound", "policy_days", "days", "by"),
        [
            ("bybit", False, 120, 90, "exchange"),
            ("bybit", False, 90, 90, "exchange"),
            ("bybit", False, 30, 30, "policy"),
            ("bybit", True, 120, 120, "policy"),
            ("bybit", None, 120, 120, "policy"),
            ("kraken", False, 120, 120, "policy"),
        ],
    )
    def test_the_exchange_ends_it_only_when_it_is_known_to(
        self, exchange: str, ip_bound: bool | None, policy_days: int, days: int, by: str
    ) -> None:
        ref, version = CredentialRef("prod", exchange), born(DAY)
        tags = {record_key(version): format_record(VersionRecord(ip_bound=ip_bound))}
        settings = replace(SETTINGS, exchanges={exchange: ExchangeSettings(policy_days)})
        found = row(parts_at(version, ref=ref, tags=tags), ref=ref, settings=settings)
        assert (found.age.limit.days, found.age.limit.decided_by) == (days, by)

    def torn(self, leader: str) -> CredentialRow:
        parts = parts_at(leader, created_at=START - 9 * DAY)
        parts[API_SECRET] = secret(secret_name(REF, API_SECRET), born(DAY))
        return row(parts)

    def test_a_look_up_helps_legacy_ones_alone(self) -> None:
        assert needs_look_up(legacy(START - 60 * DAY))
        assert needs_look_up(legacy(None))
        assert not needs_look_up(legacy(START - 60 * DAY, born_by_backend=START - 9 * DAY))
        assert not needs_look_up(paired(DAY))
        assert not needs_look_up(self.torn(FOREIGN[0])), "no date can make torn parts belong together"
        deleted = {
            part: secret(secret_name(REF, part), version, deleted_at=START)
            for part, version in zip(parts_of("kraken"), FOREIGN, strict=True)
        }
        assert not needs_look_up(row(deleted))

    def test_a_birth_that_was_looked_up_changes_what_is_said(self) -> None:
        unknown = legacy(START - 300 * DAY)
        assert unknown.condition is Condition.UNKNOWN
        old = with_birth(unknown, START - 97 * DAY, SETTINGS, START)
        assert (old.condition, old.age.source) == (Condition.OVERDUE, AgeSource.BACKEND)
        assert old.sentence == "Overdue by 7 d of 90 d (policy): rotate it now."
        young = with_birth(unknown, START - 5 * DAY, SETTINGS, START)
        assert young.condition is Condition.LEGACY
        assert young == legacy(START - 300 * DAY, born_by_backend=START - 5 * DAY)


class TestSentence:
    @pytest.mark.parametrize(
        ("age", "sentence"),
        [
            (10 * DAY, ""),
            (76 * DAY, "Due in 14 d of 90 d (policy): plan its rotation."),
            (89.5 * DAY, "Due in 1 d of 90 d (policy): plan its rotation."),
            (90 * DAY, "Overdue since today, of 90 d (policy): rotate it now."),
            (90.4 * DAY, "Overdue since today, of 90 d (policy): rotate it now."),
            (91 * DAY, "Overdue by 1 d of 90 d (policy): rotate it now."),
        ],
    )
    def test_of_an_age(self, age: timedelta, sentence: str) -> None:
        assert paired(age).sentence == sentence

    @pytest.mark.parametrize(
        ("hold", "sentence"),
        [
            (Hold("inc-1", ("*",), "amber-fox", "leak", "Call desk-a."), "Frozen by amber-fox: Call desk-a."),
            (Hold("inc-1", ("*",), "amber-fox", "leak", "Call desk-a!"), "Frozen by amber-fox: Call desk-a!"),
            (Hold("inc-1", ("*",), "amber-fox", "leak"), "Frozen by amber-fox: leak."),
            (Hold("inc-1", ("*",)), "Frozen by inc-1."),
        ],
    )
    def test_of_a_freeze(self, hold: Hold, sentence: str) -> None:
        assert row(parts_at(born(200 * DAY)), freeze=FreezeRecord(1, (hold,))).sentence == sentence

    def test_of_an_old_key(self) -> None:
        before = born(100 * DAY)
        tags = {OLD_ALIVE: format_old_alive(OldKeyAlive(tail(before)))}
        assert paired(DAY, tags=tags).sentence == "The key before it still lives at the exchange: delete it there."
        tags |= {record_key(before): format_record(VersionRecord(hint="abCD"))}
        assert "····abCD" in paired(DAY, tags=tags).sentence

    @pytest.mark.parametrize("state", [state for state in PairState if state is not PairState.MISSING])
    def test_every_state_that_needs_a_hand_says_what_to_do(self, state: PairState) -> None:
        version = born(DAY)
        found = row(parts_at(version), classified=Classified(state, version))
        assert found.sentence.endswith(".") is (state is not PairState.PAIRED)
        assert ".." not in found.sentence


class TestCondition:
    @pytest.mark.parametrize("state", [state for state in PairState if state is not PairState.DELETED])
    @pytest.mark.parametrize("status", AgeStatus)
    def test_it_is_the_worst_of_all_that_is_so(self, state: PairState, status: AgeStatus) -> None:
        so = {condition for condition in Condition if condition.value in (state.value, status.value)}
        for frozen in (False, True):
            for alive in (False, True):
                for pending in (False, True):
                    said = so | {
                        condition
                        for happened, condition in (
                            (frozen, Condition.FROZEN),
                            (alive, Condition.OLD_KEY_ALIVE),
                            (pending, Condition.PENDING),
                        )
                        if happened
                    }
                    worst = min(said or {Condition.FRESH}, key=list(Condition).index)
                    assert condition_of(state, status, frozen=frozen, old_key_alive=alive, pending=pending) is worst

    def test_what_is_deleted_is_nothing_else(self) -> None:
        found = condition_of(PairState.DELETED, AgeStatus.OVERDUE, frozen=True, old_key_alive=True, pending=True)
        assert found is Condition.DELETED


class TestOrderAndCounts:
    def test_the_worst_comes_first_then_the_older_then_by_name(self) -> None:
        def of(exchange: str, age: timedelta, **more: Any) -> CredentialRow:
            ref = CredentialRef("prod", exchange)
            return row(parts_at(born(age), ref=ref, **more), ref=ref)

        rows = [
            of("okx", 5 * DAY),
            of("gate", 100 * DAY, deleted_at=START),
            of("bybit", 5 * DAY),
            of("kraken", 95 * DAY),
            of("deribit", 80 * DAY),
            of("binance", 120 * DAY),
            of("hyperliquid", 6 * DAY),
            row({LEADER: None, API_SECRET: secret("x", "v")}, ref=CredentialRef("prod", "kraken@a")),
        ]
        ordered = [found.ref.exchange for found in worst_first(rows)]
        assert ordered == [
            *("kraken@a", "gate", "binance", "kraken", "deribit"),
            *("hyperliquid", "bybit", "okx"),
        ]
        assert worst_first(reversed(rows)) == worst_first(rows)

    def test_what_an_operator_must_see(self) -> None:
        alive = {OLD_ALIVE: format_old_alive(OldKeyAlive("0" * 12))}
        deleted = row({part: replace(m, deleted_at=START) for part, m in parts_at(born(200 * DAY)).items() if m})
        frozen = row(parts_at(born(200 * DAY)), freeze=FreezeRecord(1, (Hold("i", ("kraken",)),)))
        counts = count(
            [
                *(paired(age * DAY) for age in (1, 76, 82.5, 83, 85, 89, 90, 130)),
                paired(DAY, tags=alive),
                legacy(START - 300 * DAY),
                TestAge().torn(FOREIGN[0]),
                row({LEADER: None, API_SECRET: secret("x", born(DAY))}),
                row(parts_at(born(DAY), deleted_at=START)),
                frozen,
                deleted,
            ]
        )
        assert counts.credentials == 14
        assert counts.frozen == 1
        assert counts.due_within_7_days == 3
        assert counts.overdue == 3
        assert counts.old_key_alive == 1
        assert counts.torn == 3
        assert counts.unknown == 3

    @pytest.mark.parametrize("warn_days", [1, 3, 14, 60])
    def test_seven_days_are_seven_days_however_early_policy_warns(self, warn_days: int) -> None:
        settings = replace(SETTINGS, policy=replace(SETTINGS.policy, warn_days=warn_days))
        rows = [row(parts_at(born(age * DAY)), settings=settings) for age in (82.9, 83, 84, 88, 89.9, 90, 91)]
        counts = count(rows)
        assert (counts.due_within_7_days, counts.overdue) == (4, 2)

    def test_an_upper_bound_is_not_counted_as_due(self) -> None:
        settings = replace(SETTINGS, policy=replace(SETTINGS.policy, warn_days=1))
        parts = {
            part: secret(secret_name(REF, part), version, created_at=START - 85 * DAY)
            for part, version in zip(parts_of("kraken"), FOREIGN, strict=True)
        }
        counts = count([row(parts, settings=settings)])
        assert (counts.due_within_7_days, counts.overdue, counts.unknown) == (0, 0, 0)
