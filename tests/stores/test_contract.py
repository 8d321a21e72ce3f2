"""What every backend promises, by one suite: the same results and the same kinds of error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, timedelta
from itertools import count

import pytest

from secrets_core.clock import utc_now
from secrets_core.errors import (
    AlreadyExists,
    Conflict,
    CoreError,
    InvalidValue,
    NotFound,
    ScheduledForDeletion,
)
from secrets_core.secret import Secret
from secrets_core.stores.base import (
    CURRENT,
    GOOD,
    MAX_VALUE_BYTES,
    PENDING,
    PREVIOUS,
    SecretStore,
    SecretVersion,
)
from secrets_core.versions import new_version_id
from tests.canary import Canary

NAME = "mm-bot/dev/bybit/api_key"
OTHER = "mm-bot/dev/bybit/api_secret"
_MILLISECONDS = count()


def fresh() -> str:
    """Mint a version id; later ones are younger."""
    return new_version_id(utc_now() + timedelta(milliseconds=next(_MILLISECONDS)))


def stored(store: SecretStore, name: str = NAME, text: str = "first") -> str:
    """Create a secret; give its version id."""
    version_id = fresh()
    store.create(name, version_id, Secret(text))
    return version_id


def staged(store: SecretStore, name: str = NAME, text: str = "second") -> str:
    """Put a pending version; give its id."""
    version_id = fresh()
    store.put(name, version_id, Secret(text), [PENDING])
    return version_id


def current_text(store: SecretStore, name: str = NAME) -> str:
    return store.get_secret_value(name).reveal()


def kinds(store: SecretStore, *names: str) -> list[type]:
    """Give what reading the current versions gives for each name: a version, or which error."""
    outcomes = store.read_current(names)
    return [type(outcomes[name]) for name in names]


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


def test_versions_are_listed_newest_first(store: SecretStore) -> None:
    ids = [stored(store), *(staged(store, text=f"value {n}") for n in range(5))]
    listed = store.list_versions(NAME)
    assert {version.version_id for version in listed} == set(ids)
    times = [version.created_at for version in listed]
    assert times == sorted(times, reverse=True)
    assert all(time.tzinfo is UTC for time in times)
    with pytest.raises(NotFound):
        store.list_versions(OTHER)


def test_many_are_read_each_with_its_own_outcome(store: SecretStore) -> None:
    stored(store)
    stored(store, OTHER)
    store.delete(OTHER)
    outcomes = store.read_current([NAME, OTHER, "mm-bot/dev/okx/api_key", NAME])
    assert {name: type(outcome) for name, outcome in outcomes.items()} == {
        NAME: SecretVersion,
        OTHER: ScheduledForDeletion,
        "mm-bot/dev/okx/api_key": NotFound,
    }
    assert kinds(store, OTHER) == [ScheduledForDeletion]
    assert kinds(store, "mm-bot/dev/okx/api_key") == [NotFound]
    assert store.read_current([]) == {}


def test_reading_a_version_that_is_not_there(store: SecretStore) -> None:
    version_id = stored(store)
    with pytest.raises(NotFound):
        store.read_version(NAME, fresh())
    with pytest.raises(NotFound):
        store.read_version(OTHER, version_id)
    store.delete(NAME)
    with pytest.raises(ScheduledForDeletion):
        store.read_version(NAME, version_id)


def test_describing_what_is_not_there(store: SecretStore) -> None:
    with pytest.raises(NotFound):
        store.describe(NAME)


def test_known_names_are_probed_without_a_listing(store: SecretStore) -> None:
    stored(store)
    stored(store, OTHER)
    store.delete(OTHER)
    probed = store.describe_many(["mm-bot/dev/okx/api_key", OTHER, NAME, OTHER])
    assert [(secret.name, secret.deleted_at is None) for secret in probed] == [(OTHER, False), (NAME, True)]
    assert store.describe_many([]) == []


def test_a_listing_holds_its_prefix_only_sorted_and_the_deleted_too(store: SecretStore) -> None:
    for name in ("mm-bot/prod2/bybit/api_key", "mm-bot/prod/okx/api_key", "mm-bot/prod/bybit/api_key", "other/secret"):
        stored(store, name)
    store.delete("mm-bot/prod/okx/api_key")
    listed = store.list_metadata("mm-bot/prod/")
    assert [(secret.name, secret.deleted_at is None) for secret in listed] == [
        ("mm-bot/prod/bybit/api_key", True),
        ("mm-bot/prod/okx/api_key", False),
    ]
    assert len(store.list_metadata("")) == 4
    assert store.list_metadata("nothing/") == []
    assert store.list_secrets("mm-bot/prod/") == ["mm-bot/prod/bybit/api_key"]


def test_a_listing_of_250_secrets_shows_250(store: SecretStore) -> None:
    names = [f"mm-bot/dev/venue{number:03}/api_key" for number in range(250)]
    version_id = fresh()
    for name in names:
        store.create(name, version_id, Secret("value"))
    listed = store.list_metadata("mm-bot/dev/")
    assert [secret.name for secret in listed] == names
    assert {secret.current for secret in listed} == {version_id}


def test_tags_are_set_replaced_and_removed(store: SecretStore) -> None:
    stored(store)
    store.tag(NAME, {"mm:owner": "desk-a", "team": "mm"})
    store.tag(NAME, {"mm:owner": "desk-b"})
    store.untag(NAME, ["team", "never-there"])
    assert store.describe(NAME).tags == {"mm:owner": "desk-b"}
    assert [secret.tags for secret in store.list_metadata("mm-bot/")] == [{"mm:owner": "desk-b"}]
    with pytest.raises(NotFound):
        store.tag(OTHER, {"team": "mm"})
    with pytest.raises(NotFound):
        store.untag(OTHER, ["team"])


def test_a_deletion_is_scheduled_and_taken_back(store: SecretStore) -> None:
    version_id = stored(store)
    store.delete(NAME, 7)
    first = store.describe(NAME).deleted_at
    assert first is not None
    assert first.tzinfo is UTC
    store.delete(NAME, 30)
    assert store.describe(NAME).deleted_at == first
    store.restore(NAME)
    store.restore(NAME)
    assert store.describe(NAME).deleted_at is None
    assert store.read_version(NAME, version_id).value.reveal() == "first"
    with pytest.raises(NotFound):
        store.delete(OTHER)
    with pytest.raises(NotFound):
        store.restore(OTHER)


@pytest.mark.parametrize("days", [6, 31, 0, -1])
def test_a_recovery_window_has_limits(store: SecretStore, days: int) -> None:
    stored(store)
    with pytest.raises(InvalidValue):
        store.delete(NAME, days)
    assert store.describe(NAME).deleted_at is None


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


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n",
        "Grüße 🔑 \\ \" '",
        " spaces around ",
        "x" * MAX_VALUE_BYTES,
    ],
    ids=["pem", "unicode", "spaces", "largest"],
)
def test_values_come_back_as_they_were_given(store: SecretStore, value: str) -> None:
    stored(store, text=value)
    assert current_text(store) == value


@pytest.mark.parametrize("value", ["", "x" * (MAX_VALUE_BYTES + 1), "ü" * (MAX_VALUE_BYTES // 2 + 1)])
def test_values_of_a_wrong_size_are_refused(store: SecretStore, value: str) -> None:
    with pytest.raises(InvalidValue):
        store.create(NAME, fresh(), Secret(value))
    stored(store)
    with pytest.raises(InvalidValue):
        store.put(NAME, fresh(), Secret(value), [PENDING])
    assert current_text(store) == "first"


def test_the_simple_verbs(store: SecretStore) -> None:
    with pytest.raises(NotFound):
        store.get_secret_value(NAME)
    store.put_secret_value(NAME, fresh(), Secret("first"))
    store.put_secret_value(NAME, fresh(), Secret("second"))
    assert current_text(store) == "second"
    store.delete_secret(NAME)
    with pytest.raises(ScheduledForDeletion):
        store.get_secret_value(NAME)
    assert store.list_secrets() == []


def test_it_tells_who_acts(store: SecretStore) -> None:
    assert store.identity().operator
    assert store.backend in ("memory", "aws")


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


def test_values_stay_out_of_errors_and_of_what_is_printed(store: SecretStore, canary: Canary) -> None:
    version_id = fresh()
    store.create(NAME, version_id, Secret(canary.api_key))
    caught: list[CoreError] = []
    attempts: list[Callable[[], None]] = [
        lambda: store.create(NAME, fresh(), Secret(canary.api_secret)),
        lambda: store.put(NAME, version_id, Secret(canary.api_secret), [PENDING]),
        lambda: store.put(OTHER, version_id, Secret(canary.api_secret), [PENDING]),
    ]
    for attempt in attempts:
        try:
            attempt()
        except CoreError as error:
            caught.append(error)
    assert [type(error) for error in caught] == [AlreadyExists, AlreadyExists, NotFound]
    printed = [repr(store.read_current([NAME, OTHER])), repr(store.read_version(NAME, version_id)), repr(store)]
    printed += [f"{error!r} {error} {error.hint} {error.path}" for error in caught]
    assert canary.leaks_in("\n".join(printed)) == []
