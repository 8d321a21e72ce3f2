"""What every backend promises of reads, listings, tags and values; the same results and kinds of error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

import pytest

from secrets_core.errors import (
    AlreadyExists,
    CoreError,
    InvalidValue,
    NotFound,
    ScheduledForDeletion,
)
from secrets_core.secret import Secret
from secrets_core.stores.base import (
    MAX_VALUE_BYTES,
    PENDING,
    SecretStore,
    SecretVersion,
)
from tests.canary import Canary
from tests.stores.contract import NAME, OTHER, current_text, fresh, kinds, staged, stored


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
