"""A writer that dies, or is failed, at every one of his calls: readers see the old or the new pair, and it heals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from secrets_core.errors import (
    AlreadyExists,
    CoreError,
    Denied,
    NotFound,
    OutcomeUnknown,
    ScheduledForDeletion,
    Throttled,
    Unreachable,
)
from secrets_core.names import CredentialRef
from secrets_core.pairs import PairState, delete, repair, restore
from tests.pairs.scenarios import (
    BROKEN,
    REMOVALS,
    ROLL_BACKS,
    ROTATIONS,
    SAVES,
    SCENARIOS,
    Act,
    Scenario,
    Seen,
    rolling_back,
    rotating,
    saving,
)
from tests.pairs.support import (
    THREE,
    TWO,
    ForwardingStore,
    Killed,
    KillingStore,
    T,
    World,
    no_sleep,
    pending_labels,
    seen_by_reader,
    state_of,
)

PARTS = pytest.mark.parametrize("ref", [TWO, THREE], ids=["two-parts", "three-parts"])
STORES = pytest.mark.parametrize("forgetful", [False, True], ids=["keeps-versions", "forgets-unlabelled"])
EVERY = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
GONE = (PairState.DELETED, PairState.HALF_DELETED)
ABSENT = (PairState.MISSING, PairState.INCOMPLETE)


def calls_of(scenario: Scenario, ref: CredentialRef, *, forgetful: bool = False) -> int:
    """Count the calls of the whole change, and hold that it ends as it should."""
    world = scenario.start(ref, forgetful=forgetful)
    store = KillingStore(world.store)
    scenario.act(store, world, ref)
    assert seen_by_reader(world.store, ref) == scenario.after
    return store.calls


def killed(act: Act, world: World, ref: CredentialRef, at: int, *, applied: bool) -> bool:
    """Carry out a change that dies at its n-th call; false when it ended before."""
    try:
        act(KillingStore(world.store, at, applied=applied), world, ref)
    except Killed:
        return True
    except CoreError:
        return False
    return False


def after_each_kill(
    scenario: Scenario, ref: CredentialRef, *, forgetful: bool = False
) -> Iterator[tuple[str, World, Seen]]:
    """Give the world after each possible death, where it happened, and what a reader sees then."""
    for at in range(1, calls_of(scenario, ref, forgetful=forgetful) + 1):
        for applied in (False, True):
            world = scenario.start(ref, forgetful=forgetful)
            assert killed(scenario.act, world, ref, at, applied=applied)
            where = f"killed {'after' if applied else 'before'} call {at}"
            seen = seen_by_reader(world.store, ref)
            assert seen in (scenario.before, scenario.after), where
            yield where, world, seen


def late_repair(world: World, ref: CredentialRef) -> None:
    """Repair sixteen minutes later."""
    world.clock.forward(minutes=16)
    repair(world.store, ref, world.clock(), sleep=no_sleep)


def assert_clean(world: World, ref: CredentialRef, where: str, seen: Seen) -> None:
    """Hold that nothing is left of the dead writer, and that a reader sees this."""
    assert seen_by_reader(world.store, ref) == seen, where
    state = state_of(world.store, ref)
    if state in GONE:
        # What waits for its deletion refuses every other change: the label goes once it is restored.
        assert seen == "deleted", where
        return
    assert pending_labels(world.store, ref) == {}, where
    if seen == "missing":
        assert state in ABSENT, where
    else:
        assert state is PairState.PAIRED, where


@STORES
@PARTS
@EVERY
def test_repair_heals_every_death_and_changes_nothing_that_a_reader_sees(
    ref: CredentialRef, scenario: Scenario, forgetful: bool
) -> None:
    for where, world, seen in after_each_kill(scenario, ref, forgetful=forgetful):
        if state_of(world.store, ref) is PairState.MISSING:
            with pytest.raises(NotFound):
                repair(world.store, ref, world.clock(), sleep=no_sleep)
            continue
        repair(world.store, ref, world.clock(), sleep=no_sleep)
        assert seen_by_reader(world.store, ref) == seen, where
        if isinstance(seen, int) and state_of(world.store, ref) is not PairState.LEGACY:
            assert state_of(world.store, ref) in (PairState.PAIRED, PairState.PENDING), where
        late_repair(world, ref)
        if state_of(world.store, ref) is PairState.LEGACY:
            assert pending_labels(world.store, ref) == {}, where
            assert seen_by_reader(world.store, ref) == seen, where
        else:
            assert_clean(world, ref, where, seen)


@STORES
@PARTS
@EVERY
def test_the_next_change_heals_every_death(ref: CredentialRef, scenario: Scenario, forgetful: bool) -> None:
    for where, world, seen in after_each_kill(scenario, ref, forgetful=forgetful):
        world.clock.forward(seconds=30)
        if isinstance(seen, int):
            rotating(9)(world.store, world, ref)
        elif seen == "missing":
            with pytest.raises(NotFound):
                rotating(9)(world.store, world, ref)
            saving(9)(world.store, world, ref)
        else:
            for refused in (rotating(9), saving(9)):
                with pytest.raises(ScheduledForDeletion):
                    refused(world.store, world, ref)
            restore(world.store, ref)
            late_repair(world, ref)
            rotating(9)(world.store, world, ref)
        assert_clean(world, ref, where, 9)


@STORES
@PARTS
@EVERY
def test_delete_and_restore_finish_whatever_was_left(ref: CredentialRef, scenario: Scenario, forgetful: bool) -> None:
    for where, world, seen in after_each_kill(scenario, ref, forgetful=forgetful):
        if state_of(world.store, ref) is PairState.MISSING:
            continue
        if state_of(world.store, ref) is not PairState.DELETED:
            delete(world.store, ref)
        assert state_of(world.store, ref) is PairState.DELETED, where
        restore(world.store, ref)
        back = seen_by_reader(world.store, ref)
        assert back == seen or (seen == "deleted" and isinstance(back, int)), where
        late_repair(world, ref)
        if state_of(world.store, ref) is not PairState.LEGACY:
            assert_clean(world, ref, where, back)


@STORES
@PARTS
@pytest.mark.parametrize("scenario", [*ROTATIONS, *ROLL_BACKS], ids=lambda scenario: scenario.name)
def test_a_roll_back_after_every_death_gives_a_complete_pair(
    ref: CredentialRef, scenario: Scenario, forgetful: bool
) -> None:
    for where, world, seen in after_each_kill(scenario, ref, forgetful=forgetful):
        try:
            rolling_back(world.store, world, ref)
        except CoreError:
            assert seen_by_reader(world.store, ref) == seen, where
        else:
            assert seen_by_reader(world.store, ref) in {1, 2, 3} - {seen}, where
        if state_of(world.store, ref) is not PairState.LEGACY:
            final = seen_by_reader(world.store, ref)
            late_repair(world, ref)
            assert_clean(world, ref, where, final)


HEALERS: dict[str, Act] = {
    "repair": lambda store, world, ref: repair(store, ref, world.clock() + timedelta(minutes=16), sleep=no_sleep),
    "rotate": rotating(5),
    "save": saving(5),
    "delete": lambda store, world, ref: delete(store, ref),
    "restore": lambda store, world, ref: restore(store, ref),
    "roll back": rolling_back,
}
DOUBLE_KILLS = [
    *((scenario, healer) for scenario in (ROTATIONS[0], ROTATIONS[1], ROLL_BACKS[0]) for healer in HEALERS),
    *((scenario, healer) for scenario in SAVES[:1] for healer in ("repair", "save", "rotate", "delete")),
    *((scenario, healer) for scenario in REMOVALS for healer in ("repair", "delete", "restore")),
]


@PARTS
@pytest.mark.parametrize(("scenario", "healer"), DOUBLE_KILLS, ids=lambda value: getattr(value, "name", value))
def test_a_second_death_during_the_healing(ref: CredentialRef, scenario: Scenario, healer: str) -> None:
    for first in range(1, calls_of(scenario, ref, forgetful=True) + 1):
        for second in range(1, 99):
            world = scenario.start(ref, forgetful=True)
            assert killed(scenario.act, world, ref, first, applied=True)
            once = seen_by_reader(world.store, ref)
            again = killed(HEALERS[healer], world, ref, second, applied=True)
            where = f"killed after call {first}, then after call {second} of {healer}"
            seen = seen_by_reader(world.store, ref)
            allowed: set[Seen] = {once}
            if healer == "roll back" and isinstance(once, int):
                allowed |= {1, 2}
            elif healer in ("rotate", "save"):
                allowed |= {5}
            elif healer == "delete":
                allowed |= {"deleted"}
            elif healer == "restore" and once == "deleted":
                allowed |= {1}
            assert seen in allowed, where
            if state_of(world.store, ref) is not PairState.MISSING:
                restore(world.store, ref)
                late_repair(world, ref)
            if state_of(world.store, ref) is not PairState.LEGACY:
                assert_clean(world, ref, where, seen_by_reader(world.store, ref))
            if not again:
                break
        else:
            pytest.fail("the healing never ended")


@PARTS
@pytest.mark.parametrize("scenario", BROKEN, ids=lambda scenario: scenario.name)
def test_what_was_broken_before_is_never_guessed_and_healed_by_the_next_rotation(
    ref: CredentialRef, scenario: Scenario
) -> None:
    for at in range(1, calls_of(scenario, ref, forgetful=True) + 1):
        world = scenario.start(ref, forgetful=True)
        assert killed(scenario.act, world, ref, at, applied=True)
        assert seen_by_reader(world.store, ref) in ("torn", "incomplete", scenario.after), f"killed after call {at}"
        rotating(9)(world.store, world, ref)
        assert_clean(world, ref, f"killed after call {at}", 9)


class FailingStore(ForwardingStore):
    """Fail the n-th call, applied or not; with ``for_good`` every later one too, as when the network is gone."""

    def __init__(self, world: World, at: int, error: CoreError, *, applied: bool, for_good: bool) -> None:
        super().__init__(world.store)
        self.calls = 0
        self._at, self._error, self._applied, self._for_good = at, error, applied, for_good

    def step(self, operation: str, name: str, run: Callable[[], T]) -> T:
        self.calls += 1
        if self.calls > self._at and self._for_good:
            raise Unreachable("No answer.")
        if self.calls != self._at:
            return run()
        if self._applied:
            run()
        raise self._error


FAILURES: dict[str, Callable[[World, int], FailingStore]] = {
    "throttled": lambda w, n: FailingStore(w, n, Throttled("Slow down."), applied=False, for_good=False),
    "denied": lambda w, n: FailingStore(w, n, Denied("No right to do this."), applied=False, for_good=False),
    "not sent": lambda w, n: FailingStore(w, n, Unreachable("No answer."), applied=False, for_good=False),
    "answer lost": lambda w, n: FailingStore(w, n, OutcomeUnknown("Lost."), applied=True, for_good=False),
    "request lost": lambda w, n: FailingStore(w, n, OutcomeUnknown("Lost."), applied=False, for_good=False),
    "gone before": lambda w, n: FailingStore(w, n, Unreachable("No answer."), applied=False, for_good=True),
    "gone after": lambda w, n: FailingStore(w, n, OutcomeUnknown("Lost."), applied=True, for_good=True),
}


@PARTS
@EVERY
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_at_any_call_never_makes_it_say_what_is_not_so(
    ref: CredentialRef, scenario: Scenario, failure: str
) -> None:
    for at in range(1, 99):
        world = scenario.start(ref, forgetful=True)
        store = FAILURES[failure](world, at)
        where = f"{failure} at call {at}"
        outcome: CoreError | None = None
        try:
            scenario.act(store, world, ref)
        except CoreError as error:
            outcome = error
        seen = seen_by_reader(world.store, ref)
        if outcome is None:
            assert seen == scenario.after, f"{where}: it said that it was done"
        elif isinstance(outcome, OutcomeUnknown) or scenario in REMOVALS:
            assert seen in (scenario.before, scenario.after), where
        else:
            assert seen == scenario.before, f"{where}: it said {outcome.code}"
        assert not isinstance(outcome, AlreadyExists), where
        if state_of(world.store, ref) is not PairState.MISSING:
            late_repair(world, ref)
            if state_of(world.store, ref) is not PairState.LEGACY:
                assert_clean(world, ref, where, seen)
        if store.calls < at:
            return
    pytest.fail("it never ended")
