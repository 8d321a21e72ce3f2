"""What every backend promises of changes: versions, labels, deletion; the same results and kinds of error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, timedelta

import pytest

from secrets_core.clock import utc_now
from secrets_core.errors import (
    AlreadyExists,
    Conflict,
    CoreError,
    NotFound,
    ScheduledForDeletion,
)
from secrets_core.secret import Secret
from secrets_core.stores.base import (
    CURRENT,
    GOOD,
    PENDING,
    PREVIOUS,
    SecretStore,
    SecretVersion,
)
from tests.stores.contract import NAME, OTHER, current_text, fresh, staged, stored


def test_a_created_secret_is_current_at_once(store: SecretStore) -> None:
    before = utc_now()
    version_id = fresh()
    store.create(NAME, version_id, Secret("first"), {"team": "mm"})
    read = store.read_current([NAME])[NAME]
    assert isinstance(read, SecretVersion)
    assert (read.name, read.version_id, set(read.stages)) == (NAME, version_id, {CURRENT})
    assert read.value.reveal() == "first"
    assert read.created_at.tzinfo is UTC
    assert abs(read.created_at - before) < timedelta(seconds=30)
    described = store.describe(NAME)
    assert (described.stages, described.tags, described.deleted_at) == ({CURRENT: version_id}, {"team": "mm"}, None)
    assert described.created_at is not None
    assert described.created_at.tzinfo is UTC


def test_a_repeated_create_does_nothing_and_another_is_refused(store: SecretStore) -> None:
    version_id = stored(store)
    store.create(NAME, version_id, Secret("first"))
    with pytest.raises(AlreadyExists):
        store.create(NAME, version_id, Secret("another"))
    with pytest.raises(AlreadyExists):
        store.create(NAME, fresh(), Secret("first"))
    assert current_text(store) == "first"
    assert store.describe(NAME).stages == {CURRENT: version_id}


def test_a_pending_version_leaves_the_current_one_alone(store: SecretStore) -> None:
    first = stored(store)
    second = staged(store)
    assert current_text(store) == "first"
    assert store.describe(NAME).stages == {CURRENT: first, PENDING: second}
    assert store.read_version(NAME, second).value.reveal() == "second"
    assert store.read_version(NAME, second).stages == {PENDING}


def test_a_repeated_put_does_nothing_not_even_to_moved_labels(store: SecretStore) -> None:
    first = stored(store)
    second = staged(store)
    store.move_stage(NAME, CURRENT, to=second, expected=first)
    store.move_stage(NAME, PENDING, to=None, expected=second)
    store.put(NAME, second, Secret("second"), [PENDING])
    assert store.describe(NAME).stages == {CURRENT: second, PREVIOUS: first}


def test_a_version_is_immutable(store: SecretStore) -> None:
    stored(store)
    second = staged(store)
    with pytest.raises(AlreadyExists):
        store.put(NAME, second, Secret("changed"), [PENDING])
    assert store.read_version(NAME, second).value.reveal() == "second"


def test_a_put_as_current_keeps_the_former_one_as_previous(store: SecretStore) -> None:
    first = stored(store)
    second = fresh()
    store.put(NAME, second, Secret("second"), [CURRENT, GOOD])
    assert store.describe(NAME).stages == {CURRENT: second, GOOD: second, PREVIOUS: first}
    assert current_text(store) == "second"


def test_promotion_and_rollback_move_labels_only(store: SecretStore) -> None:
    first = stored(store)
    second = staged(store)
    store.move_stage(NAME, CURRENT, to=second, expected=first)
    assert store.describe(NAME).stages == {CURRENT: second, PENDING: second, PREVIOUS: first}
    assert current_text(store) == "second"
    store.move_stage(NAME, CURRENT, to=first, expected=second)
    assert store.describe(NAME).stages == {CURRENT: first, PENDING: second, PREVIOUS: second}
    assert current_text(store) == "first"


def test_a_label_that_moved_meanwhile_is_a_conflict_and_nothing_changes(store: SecretStore) -> None:
    first = stored(store)
    second = staged(store)
    third = fresh()
    store.put(NAME, third, Secret("third"), [CURRENT])
    before = store.describe(NAME).stages
    with pytest.raises(Conflict):
        store.move_stage(NAME, CURRENT, to=second, expected=first)
    with pytest.raises(Conflict):
        store.move_stage(NAME, CURRENT, to=second, expected=None)
    with pytest.raises(Conflict):
        store.move_stage(NAME, PENDING, to=None, expected=first)
    with pytest.raises(Conflict):
        store.move_stage(NAME, PENDING, to=None, expected=None)
    assert store.describe(NAME).stages == before


def test_a_label_that_nobody_holds_is_given_and_taken(store: SecretStore) -> None:
    first = stored(store)
    store.move_stage(NAME, GOOD, to=None, expected=None)
    store.move_stage(NAME, GOOD, to=first, expected=None)
    assert store.describe(NAME).stages == {CURRENT: first, GOOD: first}
    store.move_stage(NAME, GOOD, to=None, expected=first)
    assert store.describe(NAME).stages == {CURRENT: first}


def test_the_current_label_cannot_be_taken_away(store: SecretStore) -> None:
    first = stored(store)
    with pytest.raises(Conflict):
        store.move_stage(NAME, CURRENT, to=None, expected=first)
    with pytest.raises(Conflict):
        store.move_stage(NAME, CURRENT, to=None, expected=None)
    assert current_text(store) == "first"


def test_moving_a_label_to_or_from_what_does_not_exist(store: SecretStore) -> None:
    first = stored(store)
    with pytest.raises(NotFound):
        store.move_stage(NAME, CURRENT, to=fresh(), expected=first)
    with pytest.raises(NotFound):
        store.move_stage(NAME, CURRENT, to=first, expected=fresh())
    with pytest.raises(NotFound):
        store.move_stage(OTHER, CURRENT, to=first, expected=None)
    with pytest.raises(NotFound):
        store.move_stage(OTHER, PENDING, to=None, expected=None)
    assert current_text(store) == "first"


def test_a_version_without_labels_stays_readable_by_id(store: SecretStore) -> None:
    first = stored(store)
    second = staged(store)
    store.move_stage(NAME, PENDING, to=None, expected=second)
    assert store.describe(NAME).stages == {CURRENT: first}
    read = store.read_version(NAME, second)
    assert (read.value.reveal(), read.stages) == ("second", frozenset())
    assert {version.version_id: version.stages for version in store.list_versions(NAME)} == {
        second: frozenset(),
        first: {CURRENT},
    }
    store.move_stage(NAME, CURRENT, to=second, expected=first)
    assert current_text(store) == "second"


def test_a_secret_in_its_recovery_window_refuses_every_change(store: SecretStore) -> None:
    first = stored(store)
    store.delete(NAME)
    changes: list[Callable[[], None]] = [
        lambda: store.create(NAME, first, Secret("first")),
        lambda: store.create(NAME, fresh(), Secret("again")),
        lambda: store.put(NAME, fresh(), Secret("second"), [PENDING]),
        lambda: store.put_secret_value(NAME, fresh(), Secret("second")),
        lambda: store.move_stage(NAME, GOOD, to=first, expected=None),
        lambda: store.move_stage(NAME, PENDING, to=None, expected=None),
        lambda: store.tag(NAME, {"team": "mm"}),
        lambda: store.untag(NAME, ["team"]),
    ]
    for change in changes:
        with pytest.raises(ScheduledForDeletion):
            change()
    store.restore(NAME)
    assert store.describe(NAME).stages == {CURRENT: first}


def test_putting_into_what_does_not_exist(store: SecretStore) -> None:
    with pytest.raises(NotFound):
        store.put(NAME, fresh(), Secret("value"), [PENDING])
    assert store.list_metadata("") == []


def test_of_eight_who_move_the_same_label_one_wins(store: SecretStore) -> None:
    first = stored(store)
    targets = [staged(store, text=f"value {number}") for number in range(8)]
    start = threading.Barrier(len(targets))
    outcomes: dict[str, type | None] = {}

    def move(target: str) -> None:
        start.wait(10)
        try:
            store.move_stage(NAME, CURRENT, to=target, expected=first)
        except CoreError as error:
            outcomes[target] = type(error)
        else:
            outcomes[target] = None

    threads = [threading.Thread(target=move, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    winners = [target for target, outcome in outcomes.items() if outcome is None]
    assert len(winners) == 1
    assert [outcome for outcome in outcomes.values() if outcome is not None] == [Conflict] * 7
    stages = store.describe(NAME).stages
    assert (stages[CURRENT], stages[PREVIOUS]) == (winners[0], first)
