"""What a watching bot hears and gets while the backend is well, slow to confirm, or dark."""

from __future__ import annotations

import pytest

from secrets_core.errors import CredentialsOnHold, Denied, IdentityProblem, NotFound, Unreachable
from secrets_core.freeze import FreezeReading, FreezeRecord, Hold
from secrets_core.secret import Secret
from secrets_core.standing import KnownFreeze, State, Uniform
from tests.canary import Canary
from tests.core.standin import World, hold, middle

OK, HOLD = State.OK, State.HOLD


def unreachable() -> Unreachable:
    return Unreachable("No answer from the backend.")


@pytest.fixture
def prod(canary: Canary) -> World:
    world = World("prod", canary)
    world.save()
    world.write_freeze()
    return world


def test_the_bot_hears_of_its_first_state_and_hits_cost_no_read(prod: World) -> None:
    watch = prod.watch()
    assert prod.states() == [OK]
    assert prod.told[0].version_id == watch.credentials().version_id is not None
    reads = len(prod.store.reads)
    for _ in range(5):
        prod.get()
        watch.credentials()
    assert len(prod.store.reads) == reads
    assert prod.store.reads[0] == (prod.freeze_name,), "the poll reads the record alone"


def test_dark_for_a_minute_it_works_on_with_a_warning(prod: World, caplog: pytest.LogCaptureFixture) -> None:
    watch = prod.watch()
    first = watch.credentials()
    prod.store.dark = unreachable
    for _ in range(6):
        prod.pass_time(10)
        assert watch.credentials() is first
        assert prod.get() is first
    assert [(told.state, told.cause) for told in prod.told] == [(OK, ""), (OK, "unconfirmed")]
    assert "No answer from the backend." in prod.told[-1].reason
    assert caplog.text.count("The freeze record cannot be read") == 1
    prod.store.dark = None
    prod.pass_time(10)
    assert (watch.standing.state, watch.standing.cause) == (OK, "")
    assert HOLD not in prod.states()


def test_dark_for_ten_minutes_it_holds_at_its_limit_keeps_the_way_out_open_and_comes_back_by_itself(
    prod: World,
) -> None:
    watch = prod.watch()
    first = watch.credentials()
    prod.store.dark = unreachable
    prod.pass_time(110)
    assert watch.credentials() is first
    prod.pass_time(10)
    assert prod.told[-1].state is HOLD
    assert prod.told[-1].cause == "unconfirmed"
    for _ in range(48):
        prod.pass_time(10)
        reads = len(prod.store.reads)
        with pytest.raises(CredentialsOnHold) as caught:
            prod.get()
        assert len(prod.store.reads) == reads, "a refusal reads nothing"
        assert caught.value.__context__ is None
        assert "for_risk_reduction" in caught.value.hint
        assert watch.for_risk_reduction() is first
    assert prod.states().count(HOLD) == 1, "told once, not with every poll"
    prod.store.dark = None
    prod.pass_time(10)
    assert watch.standing.state is HOLD, "one confirmation is not enough"
    prod.pass_time(10)
    assert watch.standing.state is OK
    assert prod.told[-1].state is OK
    assert watch.credentials().api_key == Secret(prod.canary.api_key)


def test_a_confirmation_that_is_followed_by_another_failure_starts_the_count_again(prod: World) -> None:
    watch = prod.watch()
    prod.store.dark = unreachable
    prod.pass_time(130)
    for _ in range(3):
        prod.store.dark = None
        prod.pass_time(10)
        prod.store.dark = unreachable
        prod.pass_time(10)
        assert watch.standing.state is HOLD


@pytest.mark.parametrize(("spread", "polls"), [(min, 2), (max, 3)])
def test_bots_come_back_spread_over_a_poll(canary: Canary, spread: Uniform, polls: int) -> None:
    world = World("prod", canary, uniform=spread)
    world.save()
    watch = world.watch()
    world.store.dark = unreachable
    world.pass_time(130)
    world.store.dark = None
    seen = []
    for _ in range(4):
        world.pass_time(10)
        seen.append(watch.standing.state)
    assert seen == [HOLD] * (polls - 1) + [OK] * (5 - polls)


def test_in_dev_it_never_holds_for_want_of_the_record_and_values_serve_for_a_day(canary: Canary) -> None:
    world = World("dev", canary)
    world.save()
    world.write_freeze()
    watch = world.watch()
    first = watch.credentials()
    world.store.dark = unreachable
    world.pass_time(24 * 3600 - 60)
    assert watch.credentials() is first
    assert HOLD not in world.states()
    world.pass_time(120)
    with pytest.raises(Unreachable):
        watch.credentials()
    assert watch.for_risk_reduction() is first
    world.store.dark = None
    world.pass_time(60)
    assert watch.standing.state is OK


def test_in_shadow_it_warns_after_a_minute(canary: Canary) -> None:
    world = World("shadow", canary)
    world.save()
    world.write_freeze()
    watch = world.watch()
    world.store.dark = unreachable
    world.pass_time(45)
    assert watch.standing.cause == ""
    world.pass_time(15)
    assert (watch.standing.state, watch.standing.cause) == (OK, "unconfirmed")


def test_values_that_cannot_be_read_serve_for_four_hours_while_the_record_is_confirmed(prod: World) -> None:
    watch = prod.watch()
    first = watch.credentials()
    prod.store.broken[prod.name("api_key")] = unreachable
    prod.pass_time(4 * 3600 - 60)
    assert watch.credentials() is first
    assert (watch.standing.state, watch.standing.cause) == (OK, "failing")
    prod.pass_time(120)
    with pytest.raises(Unreachable):
        watch.credentials()
    assert prod.told[-1].state is HOLD
    assert watch.for_risk_reduction() is first


def test_at_start_strict_holds_until_the_record_is_confirmed(prod: World) -> None:
    prod.store.dark = unreachable
    watch = prod.watch()
    assert prod.states() == [HOLD]
    with pytest.raises(CredentialsOnHold):
        watch.credentials()
    with pytest.raises(NotFound):
        watch.for_risk_reduction()
    prod.store.dark = None
    prod.pass_time(10)
    assert prod.states() == [HOLD, OK]
    assert watch.credentials().api_key == Secret(prod.canary.api_key)


def test_at_start_best_effort_uses_what_it_gets_and_warns(canary: Canary, caplog: pytest.LogCaptureFixture) -> None:
    world = World("dev", canary)
    world.save()
    world.store.broken[world.freeze_name] = lambda: Denied("No right to read it.")
    watch = world.watch()
    assert (watch.standing.state, watch.standing.cause) == (OK, "unconfirmed")
    assert watch.credentials().api_key == Secret(canary.api_key)
    assert "No right to read it." in caplog.text


def test_an_expired_identity_is_no_denial(prod: World) -> None:
    watch = prod.watch()
    first = watch.credentials()
    prod.store.dark = lambda: IdentityProblem("The session has expired.")
    prod.pass_time(60)
    assert (watch.standing.state, watch.standing.cause) == (OK, "unconfirmed")
    assert watch.credentials() is first


def test_denied_reads_hold_at_once_in_every_mode_and_end_with_the_denial(canary: Canary) -> None:
    for environment in ("dev", "prod"):
        world = World(environment, canary)
        world.save()
        world.write_freeze()
        watch = world.watch()
        first = watch.credentials()
        world.store.broken[world.name("api_key")] = lambda: Denied("An explicit deny.")
        world.pass_time(330)
        assert (watch.standing.state, watch.standing.cause) == (HOLD, "denied")
        with pytest.raises(CredentialsOnHold, match="denied"):
            world.get()
        assert watch.for_risk_reduction() is first
        world.store.broken.clear()
        world.pass_time(60)
        assert watch.standing.state is OK
        assert watch.credentials().api_key == Secret(canary.api_key)


def test_the_poller_refreshes_values_so_that_the_bot_never_waits(prod: World) -> None:
    watch = prod.watch()
    old = watch.credentials().version_id
    new = prod.rotate_elsewhere(Canary.make())
    prod.store.reads.clear()
    for _ in range(60):
        prod.pass_time(10)
        reads = len(prod.store.reads)
        watch.credentials()
        prod.get()
        assert len(prod.store.reads) == reads
    assert prod.value_reads() == 2, "one at each TTL of 300 s"
    assert [told.version_id for told in prod.told] == [old, new]


def test_between_the_ttl_and_the_next_poll_a_watched_value_is_not_read_by_the_bot(prod: World) -> None:
    prod.watch()
    prod.time.now += 5
    prod.pass_time(290)
    prod.time.now += 7
    prod.store.reads.clear()
    prod.get()
    assert prod.store.reads == []


def test_a_rejected_key_makes_the_next_read_due_at_once_but_not_again_and_again(prod: World) -> None:
    watch = prod.watch()
    new = prod.rotate_elsewhere(Canary.make())
    prod.time.now += 5
    prod.store.reads.clear()
    watch.report_authentication_error()
    prod.watcher.poll_once()
    assert watch.credentials().version_id == prod.told[-1].version_id == new
    for _ in range(20):
        watch.report_authentication_error()
        prod.watcher.poll_once()
    assert prod.value_reads() == 1
    prod.time.now += 5
    prod.watcher.poll_once()
    assert prod.value_reads() == 2


def test_without_polls_a_hit_is_relied_on_no_longer_than_the_record_may_be_unconfirmed(prod: World) -> None:
    prod.watch()
    prod.get()
    prod.store.reads.clear()
    prod.time.now += 119
    prod.get()
    assert prod.store.reads == []
    prod.write_freeze(hold("bybit"))
    prod.time.now += 1
    with pytest.raises(CredentialsOnHold):
        prod.get()


def test_a_watch_takes_nothing_from_an_exchange_that_is_not_watched(prod: World) -> None:
    prod.watch()
    prod.provider.save_credentials("prod", "kraken", "k" * 56, "s" * 88)
    prod.provider.get_api_credentials("prod", "kraken")
    prod.store.reads.clear()
    prod.pass_time(290)
    prod.provider.get_api_credentials("prod", "kraken")
    assert prod.value_reads() == 0
    prod.write_freeze(hold("kraken"))
    prod.pass_time(10)
    with pytest.raises(CredentialsOnHold):
        prod.provider.get_api_credentials("prod", "kraken")
    assert prod.states() == [OK]


def test_after_the_last_watch_has_ended_the_ttl_rules_again(prod: World) -> None:
    watch, other = prod.watch(), prod.watch()
    for each, left in ((watch, True), (other, False)):
        each.stop()
        assert prod.watcher.reader.watched is left
    prod.get()
    prod.store.reads.clear()
    prod.time.now += 301
    prod.get()
    assert prod.value_reads() == 1


def test_a_slow_failure_is_overtaken_by_a_look_that_began_after_it(prod: World) -> None:
    known = KnownFreeze(prod.policy, middle)
    known.observe(FreezeReading(FreezeRecord(revision=3), present=True), at=10, now=11)
    for overtaken in (
        FreezeReading(None, "No answer."),
        FreezeReading(FreezeRecord(revision=2), present=True),
        FreezeReading(FreezeRecord()),
    ):
        known.observe(overtaken, at=5, now=20)
        assert known.standing(prod.ref, None, 20).cause == ""
    late_hold = FreezeRecord(revision=4, holds=(Hold("i-1", ("bybit",)),))
    known.observe(FreezeReading(late_hold, present=True), at=6, now=21)
    assert known.standing(prod.ref, None, 21).cause == "frozen"
