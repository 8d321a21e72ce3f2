"""Two and more operators at the same time: one wins, the other leaves nothing behind, and no reader sees a torn pair.

Every order with two changes of hands is tried, and a fixed sample of all the others.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from secrets_core.errors import AlreadyExists, Conflict, CoreError, Refused, ScheduledForDeletion, Torn
from secrets_core.names import API_SECRET, LEADER, CredentialRef, secret_name
from secrets_core.pairs import PairState, Written, repair, restore
from secrets_core.secret import Secret
from secrets_core.stores.base import SecretStore
from secrets_core.tags import record_key
from tests.pairs.interleaving import Actor
from tests.pairs.scenarios import (
    Act,
    adopting,
    deleting,
    empty_names,
    interrupted_save,
    legacy,
    mid_promotion,
    nothing,
    restoring,
    rolling_back,
    rotating,
    saved,
    saving,
    turned,
)
from tests.pairs.support import (
    THREE,
    TWO,
    Killed,
    World,
    no_sleep,
    pending_labels,
    put_foreign,
    record_tags,
    seen_by_reader,
    state_of,
)

Seen = int | str
SAMPLES = 100
SEED = 20250301
LONG = 400
"""Of races with more orders than this, only every second, third... is tried."""


def repairing(store: SecretStore, world: World, ref: CredentialRef) -> object:
    return repair(store, ref, world.clock(), sleep=no_sleep)


@dataclass(frozen=True, slots=True)
class Race:
    """Two changes that start from the same state."""

    name: str
    prepare: Callable[[World, CredentialRef], object]
    first: Act
    second: Act
    visible: frozenset[Seen]
    """All that a reader may ever see."""
    losses: tuple[type[CoreError], ...] = (Conflict,)
    """How a change may lose."""
    leaves_labels: bool = False
    """A label of the loser may be left until a late repair: he cannot touch what is scheduled for deletion."""
    chained: bool = True
    """Every success that changes the version is a ``Written`` that tells what it replaced."""


RACES = [
    Race("rotate and rotate", saved, rotating(2), rotating(3), frozenset({1, 2, 3})),
    Race("rotate and rotate from mid-promotion", mid_promotion, rotating(3), rotating(4), frozenset({2, 3, 4})),
    Race("rotate and rotate a legacy pair", legacy, rotating(2), rotating(3), frozenset({1, 2, 3}), chained=False),
    Race("save and save", nothing, saving(1), saving(2), frozenset({"missing", 1, 2}), (Conflict, AlreadyExists)),
    Race(
        "save and save after an interrupted one",
        interrupted_save,
        saving(1),
        saving(2),
        frozenset({"missing", 1, 2}),
        (Conflict, AlreadyExists),
    ),
    Race(
        "save and save into names without a version",
        empty_names,
        saving(1),
        saving(2),
        frozenset({"missing", 1, 2}),
        (Conflict, AlreadyExists),
    ),
    Race("rotate and roll back", turned, rotating(3), rolling_back, frozenset({1, 2, 3}), leaves_labels=True),
    Race("roll back and roll back", turned, rolling_back, rolling_back, frozenset({1, 2}), chained=False),
    Race(
        "rotate and delete",
        saved,
        rotating(2),
        deleting,
        frozenset({1, 2, "deleted"}),
        (Conflict, ScheduledForDeletion),
        leaves_labels=True,
    ),
    Race("rotate and repair", saved, rotating(2), repairing, frozenset({1, 2})),
    Race("rotate and repair from mid-promotion", mid_promotion, rotating(3), repairing, frozenset({2, 3})),
    Race("roll back and repair", turned, rolling_back, repairing, frozenset({1, 2})),
    Race("adopt and rotate", legacy, adopting, rotating(2), frozenset({1, 2}), (Conflict, Refused), chained=False),
    Race("adopt and adopt", legacy, adopting, adopting, frozenset({1}), (Conflict, Refused), chained=False),
    Race(
        "delete and restore",
        saved,
        deleting,
        restoring,
        frozenset({1, "deleted"}),
        leaves_labels=True,
    ),
]
EVERY_RACE = pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)


@dataclass(slots=True)
class Run:
    """One race being run."""

    race: Race
    ref: CredentialRef
    world: World = field(default_factory=World)
    actors: list[Actor] = field(default_factory=list)
    started_with: str | None = None
    records: set[str] = field(default_factory=set)

    def step(self, actor: Actor, where: str) -> None:
        """Let one make his next call, and look what a reader sees then."""
        actor.advance()
        seen = seen_by_reader(self.world.store, self.ref)
        assert seen in self.race.visible, f"{where}: a reader saw {seen}"


@contextmanager
def running(race: Race, ref: CredentialRef) -> Iterator[Run]:
    """Start both operators, each standing before his first call."""
    run = Run(race, ref)
    race.prepare(run.world, ref)
    if seen_by_reader(run.world.store, ref) != "missing":
        run.started_with = run.world.store.describe(secret_name(ref, LEADER)).current
        run.records = record_tags(run.world.store, ref)
    try:
        for name, act in (("first", race.first), ("second", race.second)):
            run.actors.append(Actor(name, run.world.store, bind(act, run.world, ref)))
        yield run
    finally:
        for actor in run.actors:
            actor.kill()


def bind(act: Act, world: World, ref: CredentialRef) -> Callable[..., object]:
    return lambda store: act(store, world, ref)


def hold_result(run: Run, where: str) -> None:
    """Hold what must be true once both are done: who won, what is left, and that it heals."""
    race, store, ref = run.race, run.world.store, run.ref
    errors = [actor.error for actor in run.actors if actor.error is not None]
    assert all(isinstance(error, race.losses) for error in errors), f"{where}: {errors}"
    assert len(errors) < 2, f"{where}: both lost"
    if not race.leaves_labels:
        assert pending_labels(store, ref) == {}, where
        assert state_of(store, ref) is PairState.PAIRED, where
    restore(store, ref)
    if race.chained:
        hold_chain(run, where)
    seen = seen_by_reader(store, ref)
    run.world.clock.forward(minutes=16)
    repair(store, ref, run.world.clock(), sleep=no_sleep)
    assert state_of(store, ref) is PairState.PAIRED, where
    assert pending_labels(store, ref) == {}, where
    assert seen_by_reader(store, ref) == seen, where


def hold_chain(run: Run, where: str) -> None:
    """Hold that every winner replaced the one before him, that the last one is current, and only they are recorded."""
    written = [actor.result for actor in run.actors if isinstance(actor.result, Written)]
    current = run.started_with
    for _ in written:
        following = [change for change in written if change.replaced == current]
        assert len(following) == 1, f"{where}: {len(following)} changes replaced the same version"
        current = following[0].version_id
    leader = run.world.store.describe(secret_name(run.ref, LEADER))
    assert leader.current == current, where
    if ScheduledForDeletion in run.race.losses:
        return  # the loser may not touch the record of what is scheduled for deletion
    recorded = record_tags(run.world.store, run.ref) - run.records
    assert recorded <= {record_key(change.version_id) for change in written}, f"{where}: the loser's record is left"


def lengths(race: Race, ref: CredentialRef) -> tuple[int, int]:
    """Count the calls of both, each on his own."""
    counts = []
    for act in (race.first, race.second):
        world = World()
        race.prepare(world, ref)
        actor = Actor("alone", world.store, bind(act, world, ref))
        count = 0
        while not actor.done:
            actor.advance()
            count += 1
        counts.append(count)
    return counts[0], counts[1]


@EVERY_RACE
def test_every_order_with_two_changes_of_hands(race: Race) -> None:
    counts = lengths(race, TWO)
    stride = 1 + counts[0] * counts[1] // LONG
    for leads in (0, 1):
        for before in range(counts[leads]):
            for between in range(1 + before % stride, counts[1 - leads] + 1, stride):
                where = f"{before} calls of operator {leads}, {between} of the other, then to the end"
                with running(race, TWO) as run:
                    one, other = run.actors[leads], run.actors[1 - leads]
                    for actor, count in ((one, before), (other, between), (one, 99), (other, 99)):
                        for _ in range(count):
                            if actor.done:
                                break
                            run.step(actor, where)
                    hold_result(run, where)


@EVERY_RACE
@pytest.mark.parametrize("ref", [TWO, THREE], ids=["two-parts", "three-parts"])
def test_a_sample_of_all_other_orders(race: Race, ref: CredentialRef) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a fixed sample, not a secret
    for number in range(SAMPLES):
        with running(race, ref) as run:
            reader = Actor("reader", run.world.store, reading(ref))
            run.actors.append(reader)
            moved: list[str] = []
            while not all(actor.done for actor in run.actors):
                actor = chance.choice([actor for actor in run.actors if not actor.done])
                for _ in range(chance.choice((1, 1, 1, 2, 5))):
                    moved.append(actor.name[0])
                    if not actor.done:
                        run.step(actor, f"sample {number}: {''.join(moved)}")
            run.actors.remove(reader)
            where = f"sample {number}: {''.join(moved)}"
            assert reader.error is None, where
            assert reader.result in race.visible, f"{where}: a slow reader got {reader.result}"
            hold_result(run, where)


def reading(ref: CredentialRef) -> Callable[..., object]:
    return lambda store: seen_by_reader(store, ref)


CROWD: Sequence[tuple[str, Act]] = (
    ("rotate 3", rotating(3)),
    ("rotate 4", rotating(4)),
    ("rotate 5", rotating(5)),
    ("roll back", rolling_back),
    ("repair", repairing),
)


@pytest.mark.parametrize("ref", [TWO, THREE], ids=["two-parts", "three-parts"])
def test_a_crowd_of_which_some_die(ref: CredentialRef) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a fixed sample, not a secret
    for number in range(SAMPLES):
        world = World()
        turned(world, ref)
        actors = [Actor(name, world.store, bind(act, world, ref)) for name, act in CROWD]
        actors.append(Actor("reader", world.store, reading(ref)))
        moved: list[str] = []
        while alive := [actor for actor in actors if not actor.done]:
            actor = chance.choice(alive)
            moved.append(actor.name)
            if chance.random() < 0.01:
                actor.kill()
            else:
                actor.advance(chance.choice((1, 1, 2, 6)))
            seen = seen_by_reader(world.store, ref)
            assert isinstance(seen, int), f"sample {number}, {moved}: a reader saw {seen}"
        assert isinstance(actors[-1].result, int | None), f"sample {number}: the slow reader got {actors[-1].result}"
        unexpected = [actor.error for actor in actors if isinstance(actor.error, AssertionError)]
        assert unexpected == [], f"sample {number}"
        seen = seen_by_reader(world.store, ref)
        world.clock.forward(minutes=16)
        repair(world.store, ref, world.clock(), sleep=no_sleep)
        assert state_of(world.store, ref) is PairState.PAIRED, f"sample {number}"
        assert pending_labels(world.store, ref) == {}, f"sample {number}"
        assert seen_by_reader(world.store, ref) == seen, f"sample {number}"


class Operators(RuleBasedStateMachine):
    """Operators who start, stall, go on and die at any call, and other tools that overwrite a follower.

    The model is the set of all complete pairs that anybody ever set out to write: a reader gets one of them, whole.
    """

    ref = TWO

    @initialize(start=st.sampled_from([nothing, saved, turned, mid_promotion, legacy]))
    def begin(self, start: Callable[[World, CredentialRef], object]) -> None:
        self.world = World()
        start(self.world, self.ref)
        self.complete: set[Seen] = {1, 2} if start is not nothing else set()
        self.serials = itertools.count(10)
        self.operators: list[Actor] = []
        self.may_be_deleted = False
        self.exists = start is not nothing

    def set_out(self, act: Act, serial: int | None = None) -> None:
        if serial is not None:
            self.complete.add(serial)
        self.operators = [operator for operator in self.operators if not operator.done]
        if len(self.operators) < 4:
            self.operators.append(Actor("operator", self.world.store, bind(act, self.world, self.ref)))

    @rule()
    def start_save(self) -> None:
        serial = next(self.serials)
        self.set_out(saving(serial), serial)

    @rule()
    def start_rotation(self) -> None:
        serial = next(self.serials)
        self.set_out(rotating(serial), serial)

    @rule(act=st.sampled_from([rolling_back, repairing, adopting]))
    def start_something(self, act: Act) -> None:
        self.set_out(act)

    @rule(act=st.sampled_from([deleting, restoring]))
    def start_removal(self, act: Act) -> None:
        self.may_be_deleted = True
        self.set_out(act)

    @precondition(lambda self: self.operators)
    @rule(data=st.data(), calls=st.integers(1, 12))
    def go_on(self, data: st.DataObject, calls: int) -> None:
        data.draw(st.sampled_from(self.operators)).advance(calls)

    @precondition(lambda self: self.operators)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.operators)).finish()

    @precondition(lambda self: self.operators)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.operators)).kill()

    @rule(minutes=st.sampled_from([1, 16, 60 * 24]))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.forward(minutes=minutes)

    @precondition(lambda self: state_of(self.world.store, self.ref) in (PairState.PAIRED, PairState.PENDING))
    @rule()
    def another_tool_overwrites_a_follower(self) -> None:
        put_foreign(self.world.store, secret_name(self.ref, API_SECRET), Secret("written-by-another-tool-8"))

    @invariant()
    def a_reader_sees_a_complete_pair(self) -> None:
        seen = seen_by_reader(self.world.store, self.ref)
        if seen == "missing":
            assert not self.exists
        elif seen == "deleted":
            assert self.may_be_deleted
        else:
            assert seen in self.complete
            self.exists = True

    @invariant()
    def nobody_stumbles(self) -> None:
        for operator in self.operators:
            assert operator.error is None or isinstance(operator.error, CoreError | Killed), operator.error
            assert not isinstance(operator.error, Torn)

    def teardown(self) -> None:
        for operator in self.operators:
            operator.kill()
        seen = seen_by_reader(self.world.store, self.ref)
        if state_of(self.world.store, self.ref) is PairState.MISSING:
            return
        restore(self.world.store, self.ref)
        self.world.clock.forward(minutes=16)
        repair(self.world.store, self.ref, self.world.clock(), sleep=no_sleep)
        assert pending_labels(self.world.store, self.ref) == {}
        after = seen_by_reader(self.world.store, self.ref)
        assert after == seen or seen == "deleted"
        if after != "missing":
            rotating(9)(self.world.store, self.world, self.ref)
            assert state_of(self.world.store, self.ref) is PairState.PAIRED
            assert seen_by_reader(self.world.store, self.ref) == 9


class OperatorsOnThreeParts(Operators):
    """The same with a passphrase."""

    ref = THREE


Operators.TestCase.settings = OperatorsOnThreeParts.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
)
TestOperators = Operators.TestCase
TestOperatorsOnThreeParts = OperatorsOnThreeParts.TestCase
