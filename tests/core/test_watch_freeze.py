"""A freeze as a bot meets it: it takes hold within one poll and is lifted by nothing but a thaw."""

from __future__ import annotations

import json

import pytest

from secrets_core.errors import CredentialsDead, CredentialsOnHold, Denied, IdentityProblem, Unreachable
from secrets_core.secret import Secret
from secrets_core.standing import State
from tests.canary import Canary
from tests.core.standin import World, hold

OK, HOLD, DEAD = State.OK, State.HOLD, State.DEAD


def unreachable() -> Unreachable:
    return Unreachable("No answer from the backend.")


@pytest.fixture
def prod(canary: Canary) -> World:
    world = World("prod", canary)
    world.save()
    world.write_freeze()
    return world


def test_a_freeze_refuses_within_one_poll_and_gives_the_operators_message(prod: World) -> None:
    watch = prod.watch()
    first = watch.credentials()
    prod.write_freeze(hold("bybit", message="Key leaked in a public repository. Call the desk."))
    assert prod.get() is first, "until the next poll nothing can be known"
    prod.pass_time(10)
    reads = len(prod.store.reads)
    for read in (prod.get, watch.credentials):
        with pytest.raises(CredentialsOnHold, match="Call the desk") as caught:
            read()
        assert "thaw" in caught.value.hint
    assert len(prod.store.reads) == reads
    assert [told.state for told in prod.told] == [OK, HOLD]
    assert "night-owl" in prod.told[-1].reason
    assert watch.for_risk_reduction() is first
    assert prod.provider.for_risk_reduction("prod", "bybit") is first


@pytest.mark.parametrize("scope", ["*", "bybit", "bybit@mm1"])
def test_a_freeze_holds_what_its_scope_covers(canary: Canary, scope: str) -> None:
    world = World("prod", canary, exchange="bybit@mm1")
    world.save()
    watch = world.watch()
    world.write_freeze(hold("kraken", "bybit@mm2"))
    world.pass_time(10)
    assert watch.standing.state is OK
    world.write_freeze(hold(scope))
    world.pass_time(10)
    assert watch.standing.state is HOLD


def break_record(world: World, how: str) -> None:
    if how == "absent":
        world.store._entries.pop(world.freeze_name)  # no interface destroys at once
    elif how == "denied":
        world.store.broken[world.freeze_name] = lambda: Denied("No right to read it.")
    elif how == "deleted":
        world.store.delete(world.freeze_name)
    elif how == "bad JSON":
        world.write_raw("{")
    elif how == "unknown format":
        world.write_raw('{"format": 2, "revision": 99, "holds": {}}')
    elif how == "older":
        world.write_freeze(revision=1)
    elif how == "dark":
        world.store.dark = unreachable
    else:
        world.store.dark = lambda: IdentityProblem("The session has expired.")


BROKEN = ["absent", "denied", "deleted", "bad JSON", "unknown format", "older", "dark", "identity"]


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("environment", ["prod", "dev"])
def test_a_freeze_is_lifted_by_nothing_but_a_thaw(canary: Canary, how: str, environment: str) -> None:
    world = World(environment, canary)
    world.save()
    world.write_freeze()
    watch = world.watch()
    world.write_freeze(hold("bybit", "kraken"))
    world.pass_time(world.policy.poll_seconds)
    break_record(world, how)
    world.pass_time(3600)
    assert (watch.standing.state, watch.standing.cause) == (HOLD, "frozen")
    with pytest.raises(CredentialsOnHold, match="night-owl"):
        world.get()
    assert world.states() == [OK, HOLD]


@pytest.mark.parametrize("how", BROKEN)
def test_a_record_that_was_seen_once_and_cannot_be_confirmed_is_no_all_clear(prod: World, how: str) -> None:
    prod.write_freeze()
    watch = prod.watch()
    break_record(prod, how)
    prod.pass_time(10)
    assert (watch.standing.state, watch.standing.cause) == (OK, "unconfirmed")
    prod.pass_time(110)
    assert (watch.standing.state, watch.standing.cause) == (HOLD, "unconfirmed")


def record(**fields: object) -> str:
    return json.dumps({"format": 1, **fields})


GOOD = {"scope": ["bybit"], "codename": "red-fox"}
DOUBTFUL = {
    "a lower revision": record(revision=3, holds={"i-2": GOOD}),
    "no revision": record(holds={"i-2": GOOD}),
    "a malformed hold beside it": record(revision=9, holds={"i-3": {"scope": ["Bybit"]}, "i-2": GOOD}),
    "a malformed dead entry": record(revision=9, holds={"i-2": GOOD}, dead=[{"noref": 1}]),
    "a malformed revision": record(revision="nine", holds={"i-2": GOOD}),
}


@pytest.mark.parametrize("environment", ["prod", "dev"])
@pytest.mark.parametrize("how", DOUBTFUL)
def test_a_hold_counts_in_any_record_that_can_be_read_and_only_a_newer_one_takes_it_away(
    canary: Canary, how: str, environment: str
) -> None:
    world = World(environment, canary)
    world.save()
    world.write_freeze(hold("kraken"), revision=7)
    watch, other = world.watch(), world.watcher.add("kraken")
    assert (watch.standing.state, other.standing.cause) == (OK, "frozen")
    world.write_raw(DOUBTFUL[how])
    world.pass_time(world.policy.poll_seconds)
    assert "red-fox" in watch.standing.reason
    assert other.standing.cause == "frozen", "what is older or doubtful lifts nothing"
    assert world.watcher.add("okx").standing.cause in ("unconfirmed", "failing")
    world.write_raw(record(revision=3))
    world.pass_time(world.policy.poll_seconds)
    assert watch.standing.cause == "frozen"
    world.write_freeze(revision=10)
    world.pass_time(world.policy.poll_seconds)
    assert (watch.standing.state, watch.standing.cause) == (OK, "")


def test_a_version_that_an_older_record_calls_dead_is_dead(prod: World) -> None:
    prod.write_freeze(revision=7)
    watch = prod.watch()
    prod.write_freeze(dead=[watch.standing.version_id or ""], revision=3)
    prod.pass_time(10)
    prod.write_freeze(revision=8)
    prod.pass_time(10)
    assert watch.standing.state is State.DEAD


def test_a_record_that_is_not_understood_whole_is_no_confirmation(prod: World) -> None:
    watch = prod.watch()
    prod.write_raw(record(revision=9, holds={"i-3": {"scope": ["Bybit"]}}))
    prod.pass_time(10)
    assert (watch.standing.state, watch.standing.cause) == (OK, "unconfirmed")
    assert "Not all of the freeze record is understood: holds." in watch.standing.reason
    prod.pass_time(110)
    assert (watch.standing.state, watch.standing.cause) == (HOLD, "unconfirmed")


def test_a_record_that_was_set_up_and_never_used_may_not_vanish_either(canary: Canary) -> None:
    world = World("prod", canary)
    world.save()
    world.write_raw('{"format": 1, "revision": 0, "holds": {}}')
    watch = world.watch()
    break_record(world, "absent")
    world.pass_time(10)
    assert (watch.standing.state, watch.standing.cause) == (OK, "unconfirmed")


def test_a_record_that_was_never_set_up_is_no_freeze(canary: Canary) -> None:
    world = World("prod", canary)
    world.save()
    watch = world.watch()
    world.pass_time(3600)
    assert watch.standing.state is OK


def test_a_thaw_of_another_exchange_changes_nothing_and_the_right_one_reads_anew(prod: World) -> None:
    watch = prod.watch()
    first = watch.credentials()
    prod.write_freeze(hold("bybit", "kraken"))
    prod.pass_time(10)
    prod.write_freeze(hold("bybit"))
    prod.pass_time(10)
    assert watch.standing.state is HOLD
    prod.write_freeze()
    prod.pass_time(10)
    assert prod.states() == [OK, HOLD, OK]
    assert watch.credentials() is not first
    assert watch.credentials().api_key == Secret(prod.canary.api_key)


def test_after_a_thaw_an_old_value_is_not_handed_out_because_the_new_one_cannot_be_read(prod: World) -> None:
    watch = prod.watch()
    prod.write_freeze(hold("bybit"))
    prod.pass_time(10)
    prod.write_freeze()
    prod.store.broken[prod.name("api_key")] = unreachable
    prod.pass_time(10)
    assert (watch.standing.state, watch.standing.cause) == (HOLD, "failing")
    with pytest.raises(Unreachable):
        watch.credentials()


def test_what_is_stored_during_a_freeze_reaches_no_bot_before_the_thaw(prod: World) -> None:
    watch = prod.watch()
    first = watch.credentials()
    prod.write_freeze()
    new = prod.rotate_elsewhere(Canary.make())
    prod.write_freeze(hold("bybit"))
    prod.pass_time(600)
    prod.provider.clear_cache()
    prod.pass_time(600)
    assert watch.for_risk_reduction() is first
    prod.write_freeze()
    prod.pass_time(10)
    assert watch.credentials().version_id == new


def test_a_dead_version_is_taken_out_of_memory_for_good(prod: World) -> None:
    watch = prod.watch()
    version = watch.credentials().version_id or ""
    prod.write_freeze(hold("bybit"), dead=[version])
    prod.pass_time(10)
    assert prod.states() == [OK, DEAD]
    for read in (prod.get, watch.credentials, watch.for_risk_reduction):
        with pytest.raises(CredentialsDead) as caught:
            read()
        assert caught.value.__context__ is None
    prod.write_freeze()
    prod.pass_time(600)
    assert watch.standing.state is DEAD, "a thaw does not revive a revoked version"
    with pytest.raises(CredentialsDead):
        watch.credentials()
    new = Canary.make()
    version = prod.rotate(new)
    prod.pass_time(60)
    assert watch.standing.state is OK
    assert watch.credentials().version_id == version
    assert prod.told[-1].version_id == version


def test_a_freeze_outranks_a_denial(prod: World) -> None:
    prod.store.broken[prod.name("api_key")] = lambda: Denied("An explicit deny.")
    prod.write_freeze(hold("bybit", message="Leaked."))
    with pytest.raises(CredentialsOnHold, match="Leaked"):
        prod.get()
    watch = prod.watch()
    assert watch.standing.cause == "frozen"
    prod.store.broken.clear()
    prod.pass_time(330)
    assert watch.standing.cause == "frozen", "an end of the denial is no thaw"


def test_without_a_watch_a_freeze_takes_hold_at_the_next_read_and_a_thaw_at_the_one_after_it(prod: World) -> None:
    first = prod.get()
    prod.write_freeze(hold("bybit", message="Leaked."))
    prod.time.now += 301
    for _ in range(2):
        with pytest.raises(CredentialsOnHold, match="Leaked"):
            prod.get()
    assert prod.provider.for_risk_reduction("prod", "bybit") is first
    prod.write_freeze()
    assert prod.get() is not first


def test_without_a_watch_an_outage_at_the_ttl_is_bridged_for_as_long_as_a_watch_would_bridge_it(prod: World) -> None:
    first = prod.get()
    prod.store.dark = unreachable
    prod.time.now += 301
    assert prod.get() is first
    prod.time.now += 118
    assert prod.get() is first
    prod.time.now += 2
    with pytest.raises(CredentialsOnHold):
        prod.get()
    prod.store.dark = None
    with pytest.raises(CredentialsOnHold, match="second confirmation"):
        prod.get()
    prod.time.now += 10
    prod.get()


def test_the_freeze_record_is_honoured_whoever_wrote_the_first_one(canary: Canary) -> None:
    world = World("dev", canary)
    world.save()
    world.get()
    world.write_freeze(hold("*"))
    world.time.now += 301
    with pytest.raises(CredentialsOnHold):
        world.get()
