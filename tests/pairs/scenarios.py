"""Every change from every state it may start in, for tests that stop or disturb it at each of its calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secrets_core.names import API_SECRET, LEADER, CredentialRef, secret_name
from secrets_core.pairs import adopt, create, delete, restore, roll_back, rotate
from secrets_core.secret import Secret
from secrets_core.stores.base import CURRENT, PENDING, SecretStore
from secrets_core.versions import new_version_id
from tests.pairs.support import World, change, make_empty, make_legacy, no_sleep, put_foreign, values

Act = Callable[[SecretStore, World, CredentialRef], object]
Seen = int | str


def saving(serial: int) -> Act:
    return lambda store, world, ref: create(store, ref, values(serial, ref), change(world.clock), sleep=no_sleep)


def rotating(serial: int) -> Act:
    return lambda store, world, ref: rotate(store, ref, values(serial, ref), change(world.clock), sleep=no_sleep)


def rolling_back(store: SecretStore, world: World, ref: CredentialRef) -> object:
    return roll_back(store, ref, change(world.clock), sleep=no_sleep)


def adopting(store: SecretStore, world: World, ref: CredentialRef) -> object:
    return adopt(store, ref, change(world.clock), sleep=no_sleep)


def deleting(store: SecretStore, world: World, ref: CredentialRef) -> None:
    delete(store, ref)


def restoring(store: SecretStore, world: World, ref: CredentialRef) -> None:
    restore(store, ref)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One change: what it starts from, and what a reader may see before and after it; nothing else in between."""

    name: str
    prepare: Callable[[World, CredentialRef], object]
    act: Act
    before: Seen
    after: Seen

    def start(self, ref: CredentialRef, *, forgetful: bool = False) -> World:
        """Give a world in the state that the change starts from, a day later."""
        world = World(forgetful)
        self.prepare(world, ref)
        world.clock.forward(days=1)
        return world


def nothing(world: World, ref: CredentialRef) -> None:
    """Start from an empty store."""


def saved(world: World, ref: CredentialRef) -> None:
    saving(1)(world.store, world, ref)


def turned(world: World, ref: CredentialRef) -> None:
    saved(world, ref)
    world.clock.forward(days=1)
    rotating(2)(world.store, world, ref)


def legacy(world: World, ref: CredentialRef) -> None:
    make_legacy(world.store, 1, ref)


def interrupted_save(world: World, ref: CredentialRef) -> None:
    world.store.create(secret_name(ref, API_SECRET), new_version_id(world.clock()), values(7, ref)[API_SECRET])


def empty_names(world: World, ref: CredentialRef) -> None:
    make_empty(world.store, ref)


def staged_by_the_dead(world: World, ref: CredentialRef) -> None:
    saved(world, ref)
    version_id = new_version_id(world.clock())
    for part, value in values(7, ref).items():
        world.store.put(secret_name(ref, part), version_id, value, [PENDING])


def mid_promotion(world: World, ref: CredentialRef) -> None:
    saved(world, ref)
    version_id = new_version_id(world.clock())
    for part, value in values(2, ref).items():
        world.store.put(secret_name(ref, part), version_id, value, [PENDING])
    leader = secret_name(ref, LEADER)
    world.store.move_stage(leader, CURRENT, to=version_id, expected=world.store.describe(leader).current)


def foreign_follower(world: World, ref: CredentialRef) -> None:
    saved(world, ref)
    put_foreign(world.store, secret_name(ref, API_SECRET), Secret("written-by-another-tool-8"))


def torn(world: World, ref: CredentialRef) -> None:
    saved(world, ref)
    put_foreign(world.store, secret_name(ref, LEADER), Secret("written-by-another-tool-8"))


def incomplete(world: World, ref: CredentialRef) -> None:
    world.store.create(secret_name(ref, LEADER), new_version_id(world.clock()), values(1, ref)[LEADER])


def deleted(world: World, ref: CredentialRef) -> None:
    saved(world, ref)
    delete(world.store, ref)


def half_deleted(world: World, ref: CredentialRef) -> None:
    saved(world, ref)
    world.store.delete(secret_name(ref, LEADER))


SAVES = (
    Scenario("save", nothing, saving(2), "missing", 2),
    Scenario("save after an interrupted one", interrupted_save, saving(2), "missing", 2),
    Scenario("save into names without a version", empty_names, saving(2), "missing", 2),
)
ROTATIONS = (
    Scenario("rotate", saved, rotating(2), 1, 2),
    Scenario("rotate a legacy pair", legacy, rotating(2), 1, 2),
    Scenario("rotate over a dead writer", staged_by_the_dead, rotating(2), 1, 2),
    Scenario("rotate from mid-promotion", mid_promotion, rotating(3), 2, 3),
    Scenario("rotate from a foreign follower", foreign_follower, rotating(2), 1, 2),
)
ROLL_BACKS = (
    Scenario("roll back", turned, rolling_back, 2, 1),
    Scenario("roll back from mid-promotion", mid_promotion, rolling_back, 2, 1),
)
ADOPTIONS = (Scenario("adopt", legacy, adopting, 1, 1),)
REMOVALS = (
    Scenario("delete", saved, deleting, 1, "deleted"),
    Scenario("delete what is half deleted", half_deleted, deleting, "deleted", "deleted"),
    Scenario("restore", deleted, restoring, "deleted", 1),
    Scenario("restore what is half deleted", half_deleted, restoring, "deleted", 1),
)
BROKEN = (
    Scenario("rotate what is torn", torn, rotating(2), "torn", 2),
    Scenario("rotate what is incomplete", incomplete, rotating(2), "incomplete", 2),
)
SCENARIOS = (*SAVES, *ROTATIONS, *ROLL_BACKS, *ADOPTIONS, *REMOVALS)
