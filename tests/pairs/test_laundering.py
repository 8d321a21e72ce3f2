"""What an incident marked stays marked: no new id, no other account and no way round makes it current again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from secrets_core.errors import Conflict, Refused
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.pairs import adopt, create, roll_back, rotate
from secrets_core.stores.base import CURRENT
from secrets_core.versions import tail
from tests.pairs.support import (
    KEY,
    TWO,
    HookedStore,
    World,
    change,
    make_legacy,
    no_sleep,
    once_before,
    pending_labels,
    seen_by_reader,
    values,
    write_freeze,
)


@pytest.fixture
def world() -> World:
    return World()


def refused(act: object, *arguments: object, **options: object) -> str:
    """Give the guard that refuses."""
    assert callable(act)
    with pytest.raises(Refused) as caught:
        act(*arguments, **options, sleep=no_sleep)
    return caught.value.guard


@pytest.mark.parametrize("mark", ["dead", "burned"])
def test_adopting_does_not_launder_a_leaked_legacy_pair(world: World, mark: str) -> None:
    make_legacy(world.store, 1)
    leader = world.store.describe(secret_name(TWO, LEADER)).current
    write_freeze(world.store, **{mark: [{"ref": str(TWO), "version": leader}]})
    assert refused(adopt, world.store, TWO, change(world.clock)) == "burned"
    written = rotate(world.store, TWO, values(2), change(world.clock), sleep=no_sleep)
    assert any("leaked" in notice for notice in written.notices)
    assert seen_by_reader(world.store) == 2


@pytest.mark.parametrize("mark", ["dead", "burned"])
def test_values_of_a_version_that_was_marked_by_its_id_are_known_by_their_fingerprint(world: World, mark: str) -> None:
    first = create(world.store, TWO, values(1), change(world.clock), sleep=no_sleep)
    rotate(world.store, TWO, values(2), change(world.clock), sleep=no_sleep)
    write_freeze(world.store, **{mark: [{"ref": str(TWO), "version": first.version_id}]})
    assert refused(rotate, world.store, TWO, values(1), change(world.clock)) == "burned"
    assert seen_by_reader(world.store) == 2


def test_burned_values_are_not_stored_under_another_account_either(world: World) -> None:
    write_freeze(world.store, burned=[{"ref": str(TWO), "fingerprint": KEY.of(values(1))}])
    other = CredentialRef(TWO.environment, "bybit@mm9")
    assert refused(create, world.store, other, values(1, other), change(world.clock)) == "burned"


def test_a_freeze_is_seen_before_any_label_is_moved(world: World) -> None:
    create(world.store, TWO, values(1), change(world.clock), sleep=no_sleep)
    second = rotate(world.store, TWO, values(2), change(world.clock), sleep=no_sleep)
    name = secret_name(TWO, LEADER)
    previous = world.store.describe(name).stages["AWSPREVIOUS"]
    world.store.move_stage(name, CURRENT, to=previous, expected=second.version_id)  # now mid-promotion
    write_freeze(world.store, holds={"incident-1": {"scope": ["*"]}})
    moves: list[str] = []
    watched = HookedStore(world.store, lambda operation, _name, _run: moves.append(operation))
    assert refused(rotate, watched, TWO, values(3), change(world.clock)) == "frozen"
    assert refused(roll_back, watched, TWO, change(world.clock), to=second.version_id) == "frozen"
    assert not [move for move in moves if move.startswith("move_stage")]


def test_what_a_losing_rotation_left_is_not_rolled_back_to(world: World) -> None:
    create(world.store, TWO, values(1), change(world.clock), sleep=no_sleep)
    name = secret_name(TWO, LEADER)
    before = {version.version_id for version in world.store.list_versions(name)}

    def win() -> None:
        rotate(world.store, TWO, values(2), change(world.clock, by="bob@desk"), sleep=no_sleep)

    raced = once_before(world.store, f"move_stage {CURRENT}", name, win)
    with pytest.raises(Conflict):
        rotate(raced, TWO, values(3), change(world.clock), sleep=no_sleep)
    current = world.store.describe(name).current
    (lost,) = {version.version_id for version in world.store.list_versions(name)} - before - {current}
    assert refused(roll_back, world.store, TWO, change(world.clock), to=tail(lost)) == "abandoned"
    assert (seen_by_reader(world.store), pending_labels(world.store)) == (2, {})


def test_a_key_replaced_on_suspicion_comes_back_only_by_its_name(world: World) -> None:
    first = create(world.store, TWO, values(1), change(world.clock), sleep=no_sleep)
    suspected = replace(change(world.clock), why="suspected")
    rotate(world.store, TWO, values(2), suspected, sleep=no_sleep)
    assert refused(roll_back, world.store, TWO, change(world.clock)) == "suspected"
    roll_back(world.store, TWO, change(world.clock), to=first.version_id, sleep=no_sleep)
    assert seen_by_reader(world.store) == 1


def test_a_hold_beside_a_malformed_entry_is_in_force_for_writers_too(world: World) -> None:
    write_freeze(world.store, holds={"incident-1": {"scope": ["*"]}}, dead=[{"ref": str(TWO)}])
    lenient = change(world.clock, strict=False)
    assert refused(create, world.store, TWO, values(1), lenient) == "frozen"
