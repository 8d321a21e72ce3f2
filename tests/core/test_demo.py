"""The demo: the same every time, with everything a desk meets in it, and nothing in it that opens anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from secrets_core.ages import AgeSource
from secrets_core.demo import BACKEND, demo_key_id, demo_service
from secrets_core.errors import Refused
from secrets_core.names import CredentialRef
from secrets_core.pairs import PairState
from secrets_core.secret import HIDDEN, Secret
from secrets_core.service import Service
from secrets_core.views import Action, Condition, CredentialRow, EnvironmentState
from tests.core.desk import values

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def service() -> Service:
    made = demo_service(lambda: NOON)
    for name in made.environments:
        made.refresh(name)
    return made


def rows(service: Service) -> list[CredentialRow]:
    return [row for name in service.environments for row in service.view(name).rows]


def test_four_environments_with_something_in_each(service: Service) -> None:
    assert service.environments == ("dev", "shadow", "soak", "prod")
    for name in service.environments:
        view = service.view(name)
        assert (view.state, view.backend) == (EnvironmentState.READY, BACKEND)
        assert view.identity is not None
        assert (view.identity.account or "").isdigit()
        assert view.identity.region
        assert view.identity.expires_at == NOON + timedelta(hours=3, minutes=12)
    assert service.view("prod").read_only
    assert not service.view("dev").read_only


def test_the_same_clock_gives_the_same_demo_to_the_last_character() -> None:
    views = []
    for _ in range(2):
        service = demo_service(lambda: NOON)
        views.append([service.refresh(name) for name in service.environments])
        refs = [row.ref for row in rows(service) if row.pair_state is PairState.PAIRED]
        views[-1].append([service.history(ref) for ref in refs])  # type: ignore[arg-type]  # compared as a whole
    assert views[0] == views[1]


def test_only_times_depend_on_the_clock() -> None:
    early, late = (demo_service(lambda now=now: now) for now in (NOON, NOON + timedelta(days=777, hours=5)))  # type: ignore[misc]  # a default binds it
    for name in early.environments:
        before, after = early.refresh(name), late.refresh(name)
        assert [(row.ref, row.condition, row.key_hint, row.age.days) for row in before.rows] == [
            (row.ref, row.condition, row.key_hint, row.age.days) for row in after.rows
        ]
        assert before.counts == after.counts


def test_every_condition_but_frozen_is_in_it(service: Service) -> None:
    found = Counter(row.condition for row in rows(service))
    assert set(Condition) - set(found) == {Condition.FROZEN}
    assert found[Condition.FRESH] > 15
    assert service.view("prod").frozen is None


def test_every_pair_state_is_in_it(service: Service) -> None:
    assert {row.pair_state for row in rows(service)} == set(PairState) - {PairState.MISSING}


def test_it_has_many_accounts_three_parts_and_what_is_apart(service: Service) -> None:
    prod = service.view("prod")
    accounts = Counter(row.ref.venue for row in prod.rows)
    assert accounts.most_common(1)[0][1] >= 4
    assert {"kucoin", "okx", "bitget"} <= accounts.keys()
    assert prod.emergency
    assert prod.foreign
    assert {row.age.limit.decided_by for row in prod.rows} == {"policy", "exchange"}
    assert {row.age.source for row in prod.rows} >= {AgeSource.VERSION_ID, AgeSource.AT_MOST, AgeSource.NONE}
    assert {row.by for row in prod.rows} >= {"alice", "bob", "carol"}


def test_the_times_in_it_are_of_the_past(service: Service) -> None:
    for row in rows(service):
        assert row.age.born is None or row.age.born <= NOON
        assert row.stored_at is None or row.stored_at <= NOON
        assert row.deleted_at is None or row.deleted_at < NOON


def test_a_demo_key_is_found_current_and_older(service: Service) -> None:
    ref = CredentialRef("prod", "bybit@mm1")
    for back, current in ((0, True), (1, False), (2, False)):
        (match,) = service.find_key(Secret(demo_key_id(ref, back))).matches
        assert (match.ref, match.current) == (ref, current)
    assert service.find_key(Secret("not in the demo")).matches == ()


def test_legacy_ones_can_be_looked_up(service: Service) -> None:
    ref = CredentialRef("prod", "kraken")
    service.look_up_age(ref)
    row = next(row for row in service.view("prod").rows if row.ref == ref)
    assert (row.age.source, row.age.days, row.condition) == (AgeSource.BACKEND, 93, Condition.OVERDUE)


def test_what_it_shows_can_be_done(service: Service) -> None:
    service.lift_read_only("prod")
    refs = {row.condition: row.ref for row in service.view("prod").rows}
    for condition in (Condition.MID_PROMOTION, Condition.FOREIGN_FOLLOWER):
        repaired = next(row.ref for row in rows(service) if row.condition is condition)
        assert service.repair(repaired).after is PairState.PAIRED
    service.delete(refs[Condition.HALF_DELETED])
    service.restore(refs[Condition.DELETED])
    service.adopt(refs[Condition.LEGACY])
    service.rotate(refs[Condition.TORN], values(refs[Condition.TORN]))
    service.roll_back(CredentialRef("prod", "bybit@mm2"))
    view = service.refresh("prod")
    assert view.state is EnvironmentState.READY
    found = {row.ref: row.condition for row in view.rows}
    assert found[refs[Condition.HALF_DELETED]] is Condition.DELETED
    assert found[refs[Condition.TORN]] is Condition.FRESH
    assert found[refs[Condition.LEGACY]] is Condition.FRESH
    assert found[refs[Condition.DELETED]] is Condition.OVERDUE


def test_prod_wants_its_lift_here_too(service: Service) -> None:
    with pytest.raises(Refused, match="read-only"):
        service.rotate(CredentialRef("prod", "bybit"), {})
    assert service.refusal(Action.ROTATE, CredentialRef("dev", "bybit")) is None


def test_neither_the_shell_nor_ci_stands_in_the_demos_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MM_ENV", "GITHUB_ACTIONS", "CI"):
        monkeypatch.setenv(name, "soak")
    service = demo_service(lambda: NOON)
    assert service.refresh("prod").state is EnvironmentState.READY
    assert service.refusal(Action.FETCH, CredentialRef("prod", "bybit")) is None
    assert service.fetch(CredentialRef("prod", "okx")).api_key.reveal().startswith("demo")


def test_no_row_shows_a_value(service: Service) -> None:
    shown = repr([service.view(name) for name in service.environments])
    for row in rows(service):
        for back in range(2):
            try:
                key_id = demo_key_id(row.ref, back)
            except IndexError:
                continue
            assert key_id not in shown
            assert key_id[:8] not in shown.replace("demo", "")
    assert HIDDEN not in shown


def test_time_goes_on_in_it() -> None:
    now = [NOON]
    service = demo_service(lambda: now[0])
    before = {row.ref: row.age.days for row in service.refresh("dev").rows}
    now[0] += timedelta(days=2)
    after = {row.ref: row.age.days for row in service.refresh("dev").rows}
    assert after == {ref: None if days is None else days + 2 for ref, days in before.items()}
    done = service.save(CredentialRef("dev", "gate"), values(CredentialRef("dev", "gate")))
    service.refresh("dev")
    row = next(row for row in service.view("dev").rows if row.version_id == done.version_id)
    assert row.age.born == now[0]
    assert service.history(row.ref)[0].created_at == now[0]
    assert replace(row.age, now=NOON).days == 0
