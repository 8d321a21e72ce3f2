"""What a bot gets from a provider: one object per credential, read once, and the verbs around it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from secrets_core import APICredentials, CredentialRef, Secret, SecretProvider
from secrets_core.errors import (
    AlreadyExists,
    CoreError,
    Denied,
    InvalidValue,
    NotFound,
    Refused,
    ScheduledForDeletion,
    Unreachable,
)
from secrets_core.policy import default_policy
from secrets_core.stores.memory import MemoryStore
from tests.canary import Canary
from tests.core.standin import StandInStore, World

BYBIT_KEY = "k" * 18
BYBIT_SECRET = "s" * 36


@pytest.fixture
def world(canary: Canary) -> World:
    made = World("dev", canary)
    made.save()
    return made


def test_the_saved_parts_come_back_as_one_object(world: World, canary: Canary) -> None:
    credentials = world.provider.get_api_credentials("dev", "bybit")
    assert isinstance(credentials, APICredentials)
    assert credentials.ccxt() == {"apiKey": canary.api_key, "secret": canary.api_secret}
    assert world.provider.get_api_key("dev", "bybit") == Secret(canary.api_key)
    assert world.provider.get_api_secret("dev", "bybit") == Secret(canary.api_secret)


def test_a_cold_read_is_one_call_and_a_hit_none_however_it_is_called(world: World) -> None:
    first = world.provider.get_api_credentials("dev", "bybit")
    assert world.provider.get_api_credentials(environment="dev", exchange="bybit") is first
    assert world.provider.get_api_credentials("dev", exchange="bybit") is first
    assert len(world.store.reads) == 1
    assert world.freeze_name in world.store.reads[0]


def test_a_value_is_read_again_after_its_ttl_and_not_before(world: World) -> None:
    world.get()
    world.time.now += 299
    world.get()
    assert len(world.store.reads) == 1
    world.time.now += 2
    world.get()
    assert len(world.store.reads) == 2


def test_the_ttl_is_spread_by_a_tenth(canary: Canary) -> None:
    for edge, fresh_for in ((min, 270), (max, 330)):
        world = World("dev", canary, uniform=edge)
        world.save()
        world.get()
        world.time.now += fresh_for - 1
        world.get()
        assert len(world.store.reads) == 1
        world.time.now += 2
        world.get()
        assert len(world.store.reads) == 2


def test_eight_threads_on_a_cold_entry_read_once(world: World) -> None:
    everyone = threading.Barrier(8)
    slow = threading.Event()
    world.store.before_read = lambda names: (slow.wait(0.2), None)[1]
    results: list[object] = []

    def bot() -> None:
        everyone.wait()
        results.append(world.get())

    threads = [threading.Thread(target=bot) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.store.reads) == 1
    assert len(results) == 8
    assert all(result is results[0] for result in results)


def test_threads_that_wait_for_a_read_that_fails_share_the_failure_not_the_exception(canary: Canary) -> None:
    world = World("dev", canary)
    release = threading.Event()
    world.store.before_read = lambda names: (release.wait(5), None)[1]
    raised: list[BaseException] = []

    def bot() -> None:
        try:
            world.get()
        except CoreError as error:
            raised.append(error)

    threads = [threading.Thread(target=bot) for _ in range(4)]
    for thread in threads:
        thread.start()
    release.set()
    for thread in threads:
        thread.join()
    assert {type(error) for error in raised} == {NotFound}
    assert len({id(error) for error in raised}) == 4


def test_a_store_that_breaks_in_an_unexpected_way_leaves_no_thread_waiting(world: World) -> None:
    def explode(names: object) -> None:
        raise KeyError("a bug")

    world.store.before_read = explode
    for _ in range(2):
        with pytest.raises(KeyError):
            world.get()
    world.store.before_read = lambda names: None
    world.get()


def test_own_writes_are_seen_at_once(world: World) -> None:
    world.get()
    other = Canary.make()
    world.rotate(other)
    assert world.provider.get_api_key("dev", "bybit") == Secret(other.api_key)
    world.provider.delete_credentials("dev", "bybit")
    with pytest.raises(ScheduledForDeletion):
        world.get()


def test_a_read_under_way_when_the_cache_is_cleared_is_not_kept(world: World, canary: Canary) -> None:
    other = Canary.make()

    def rotate_meanwhile(names: object) -> None:
        world.store.before_read = lambda names: None
        world.provider.clear_cache()

    world.store.before_read = rotate_meanwhile
    world.get()
    assert len(world.store.reads) == 2
    world.rotate(other)
    assert world.provider.get_api_key("dev", "bybit") == Secret(other.api_key)


def test_while_the_backend_fails_the_last_value_serves_up_to_its_maximum_age(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    first = world.get()
    world.store.dark = lambda: Unreachable("No answer from the backend.")
    world.time.now += 301
    assert world.get() is first
    assert "No answer from the backend." in caplog.text
    reads = len(world.store.reads)
    assert world.get() is first
    assert len(world.store.reads) == reads, "a failed read is not repeated with every call"
    world.time.now = 1000 + 24 * 3600 - 1
    assert world.get() is first
    world.time.now += 2
    with pytest.raises(Unreachable):
        world.get()
    world.store.dark = None
    assert world.get() is not first


def test_what_is_gone_is_never_served_from_memory(world: World) -> None:
    world.get()
    SecretProvider(world.store).delete_credentials("dev", "bybit")
    world.time.now += 301
    with pytest.raises(ScheduledForDeletion):
        world.get()


def test_without_anything_in_memory_the_stores_own_error_comes_through(world: World) -> None:
    world.store.dark = lambda: Unreachable("No answer from the backend.", hint="Look at the network.")
    with pytest.raises(Unreachable) as caught:
        world.get()
    assert caught.value.hint == "Look at the network."
    assert caught.value.__context__ is None
    assert len(world.store.reads) == 1, "what just did not answer is not asked for the freeze record as well"


def test_a_failure_that_is_kept_holds_no_frame_and_no_earlier_exception(world: World) -> None:
    def fail(names: object) -> None:
        try:
            raise KeyError(world.canary.api_secret)
        except KeyError:
            raise Unreachable("No answer from the backend.")  # noqa: B904 - the careless store under test

    world.get()
    world.store.before_read = fail
    world.time.now += 301
    world.get()
    kept = world.provider.reader("dev")._entries["bybit"].failure
    assert isinstance(kept, Unreachable)
    assert (kept.__traceback__, kept.__context__, kept.__cause__) == (None, None, None)


def test_one_environments_rules_may_be_given_to_another_without_reading_the_wrong_one(canary: Canary) -> None:
    provider = SecretProvider(MemoryStore(), policies={"uat": default_policy("dev")}, variables={})
    provider.save_credentials("uat", "bybit", canary.api_key, canary.api_secret)
    assert provider.get_api_credentials("uat", "bybit").environment == "uat"


def test_a_process_bound_by_mm_env_touches_no_other_environment(world: World) -> None:
    world.variables["MM_ENV"] = "shadow"
    acts: list[Callable[[], object]] = [
        world.get,
        lambda: world.provider.save_credentials("dev", "kraken", BYBIT_KEY, BYBIT_SECRET),
        lambda: world.provider.rotate_credentials("dev", "bybit", BYBIT_KEY, BYBIT_SECRET),
        lambda: world.provider.delete_credentials("dev", "bybit"),
        lambda: world.provider.list_credentials("dev"),
    ]
    for act in acts:
        with pytest.raises(Refused) as caught:
            act()
        assert caught.value.guard == "bound"
    assert world.provider.list_credentials() == []
    assert world.store.reads == []
    world.variables["MM_ENV"] = "dev"
    world.get()


def test_ci_never_reaches_prod_on_a_real_backend(canary: Canary) -> None:
    world = World("prod", canary)
    world.save()
    world.variables["GITHUB_ACTIONS"] = "true"
    world.get()
    world.store.backend = "aws"
    world.provider.clear_cache()
    with pytest.raises(Refused) as caught:
        world.get()
    assert caught.value.guard == "ci"


def test_a_read_only_environment_is_not_changed_but_in_memory_it_never_is_one(canary: Canary) -> None:
    world = World("prod", canary)
    world.save()
    world.store.backend = "aws"
    for change in (
        lambda: world.rotate(Canary.make()),
        lambda: world.provider.save_credentials("prod", "kraken", BYBIT_KEY, BYBIT_SECRET),
        lambda: world.provider.delete_credentials("prod", "bybit"),
    ):
        with pytest.raises(Refused) as caught:
            change()
        assert caught.value.guard == "read-only"
    world.get()


def test_listing_names_what_can_be_read(world: World) -> None:
    world.provider.save_credentials("dev", "kraken", BYBIT_KEY, BYBIT_SECRET)
    world.provider.save_credentials("shadow", "bybit@mm1", BYBIT_KEY, BYBIT_SECRET)
    world.store.create("mm-bot/dev/okx/api_secret", "only-a-follower", Secret("x"))
    world.store.create("mm-bot/dev/okx/emergency/api_key", "emergency", Secret("x"))
    world.store.create("mm-bot/Something Foreign", "foreign", Secret("x"))
    world.provider.delete_credentials("dev", "kraken")
    assert world.provider.list_credentials() == [CredentialRef("dev", "bybit"), CredentialRef("shadow", "bybit@mm1")]
    assert world.provider.list_credentials("shadow") == [CredentialRef("shadow", "bybit@mm1")]


def test_a_third_part_is_asked_for_and_handed_out(canary: Canary) -> None:
    provider = SecretProvider(MemoryStore())
    with pytest.raises(InvalidValue, match="missing"):
        provider.save_credentials("dev", "kucoin", canary.api_key, canary.api_secret)
    provider.save_credentials("dev", "kucoin", canary.api_key, canary.api_secret, Secret(canary.api_passphrase))
    credentials = provider.get_api_credentials("dev", "kucoin")
    assert credentials.api_passphrase == Secret(canary.api_passphrase)


def test_saving_twice_and_rotating_nothing_name_the_other_verb(world: World, canary: Canary) -> None:
    with pytest.raises(AlreadyExists) as exists:
        world.save()
    assert "rotate" in exists.value.hint
    with pytest.raises(NotFound) as missing:
        world.provider.rotate_credentials("dev", "kraken", canary.api_key, canary.api_secret)
    assert "save" in missing.value.hint


def test_a_bad_value_is_refused_without_being_repeated(world: World, canary: Canary) -> None:
    with pytest.raises(InvalidValue) as caught:
        world.provider.save_credentials("dev", "kraken", f" {canary.api_key}", canary.api_secret)
    assert not canary.leaks_in(f"{caught.value!r} {caught.value.hint} {caught.value.__dict__}")


def test_a_denied_fingerprint_key_stops_no_save_but_is_said(canary: Canary) -> None:
    world = World("dev", canary)
    world.store.broken["mm-bot/dev/_fingerprint"] = lambda: Denied("Not for you.")
    written = world.provider.save_credentials("dev", "bybit", canary.api_key, canary.api_secret)
    assert any("fingerprinted" in notice for notice in written.notices)


def test_notices_of_the_store_are_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    class Talkative(StandInStore):
        notices = ("No region is set: us-east-1 is used.",)

    store = Talkative()
    provider = SecretProvider(store, variables={})
    provider.save_credentials("dev", "bybit", BYBIT_KEY, BYBIT_SECRET)
    provider.get_api_credentials("dev", "bybit")
    provider.clear_cache()
    provider.get_api_credentials("dev", "bybit")
    assert caplog.text.count("us-east-1 is used") == 1
