"""A watch with its real threads: slow stores, slow and broken callbacks, forks, the end of the process."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import pytest

from secrets_core import clear_cache, get_api_credentials, get_secret_provider, watch
from secrets_core.errors import CoreError, CredentialsOnHold, Refused, Unreachable
from secrets_core.names import FREEZE, control_name
from secrets_core.secret import Secret
from secrets_core.standing import Standing, State
from secrets_core.stores.base import SecretStore
from secrets_core.watching import Watcher
from tests.canary import Canary
from tests.core.standin import World, cause, hold
from tests.project.checkout import ROOT

FROZEN = '{"format":1,"revision":5,"holds":{"i-1":{"scope":["bybit"],"message":"Call the desk."}}}'
THAWED = '{"format":1,"revision":6,"holds":{}}'


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    clear_cache()
    yield
    clear_cache()


@pytest.fixture
def seeded(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> SecretStore:
    """Give the store behind the module functions, with one credential in it."""
    seed = f'{{"mm-bot/prod/bybit": {{"api_key": "{canary.api_key}", "api_secret": "{canary.api_secret}"}}}}'
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", seed)
    return get_secret_provider("prod").store


def test_the_function_watches_in_a_daemon_thread_until_it_is_stopped(seeded: SecretStore) -> None:
    told: list[Standing] = []
    first = watch("prod", "bybit", told.append)
    second = watch("prod", "kraken")
    assert [standing.state for standing in told] == [State.OK]
    assert first.credentials() is get_api_credentials("prod", "bybit")
    threads = [thread for thread in threading.enumerate() if thread.name == "mm-secrets-watch-prod"]
    assert len(threads) == 1, "one poller per environment and process"
    assert threads[0].daemon
    seeded.put_secret_value(control_name("prod", FREEZE), "frozen", Secret(FROZEN))
    first.report_authentication_error()
    first._watcher.wake()  # the poll that would come within ten seconds
    until(lambda: first.standing.state is State.HOLD)
    until(lambda: [standing.state for standing in told] == [State.OK, State.HOLD])
    with pytest.raises(CredentialsOnHold, match="Call the desk"):
        get_api_credentials("prod", "bybit")
    first.stop()
    second.stop()
    until(lambda: not threads[0].is_alive())


def test_clearing_the_cache_leaves_a_watched_environment_its_store_and_its_memory_of_the_freeze(
    seeded: SecretStore,
) -> None:
    watching = watch("prod", "bybit")
    first = watching.credentials()
    clear_cache()
    assert get_secret_provider("prod").store is seeded
    assert get_api_credentials("prod", "bybit") is not first
    seeded.put_secret_value(control_name("prod", FREEZE), "frozen", Secret(FROZEN))
    watching._watcher.poll_once()  # the poll that would come within ten seconds
    clear_cache()
    with pytest.raises(CredentialsOnHold):
        get_api_credentials("prod", "bybit")
    assert watching.for_risk_reduction().version_id == first.version_id
    watching.stop()
    clear_cache()
    assert get_secret_provider("prod").store is not seeded


def test_a_bound_process_watches_no_other_environment(seeded: SecretStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MM_ENV", "shadow")
    with pytest.raises(Refused):
        watch("prod", "bybit")


@pytest.fixture
def prod(canary: Canary) -> World:
    world = World("prod", canary)
    world.save()
    world.write_freeze()
    return world


def test_a_callback_that_raises_ends_nothing_and_its_message_is_not_logged(
    prod: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(standing: Standing) -> None:
        raise ValueError(f"{prod.canary.api_secret} is what I was given")

    prod.watcher.add("bybit", broken)
    watching = prod.watch()
    assert "ValueError" in caplog.text
    assert not prod.canary.leaks_in(caplog.text)
    prod.write_freeze(hold("bybit"))
    prod.pass_time(10)
    assert watching.standing.state is State.HOLD
    assert prod.states() == [State.OK, State.HOLD]


def test_a_callback_that_takes_long_keeps_no_poll_from_looking(prod: World) -> None:
    release = threading.Event()
    told: list[State] = []

    def slow(standing: Standing) -> None:
        told.append(standing.state)
        release.wait(10)

    watcher = Watcher(prod.provider.reader("prod"), deadline_seconds=0.05)
    watching = watcher.add("bybit", slow)
    watcher.poll_once()
    prod.write_freeze(hold("bybit"))
    watcher.poll_once()
    assert watching.standing.state is State.HOLD
    assert told == [State.OK]
    release.set()
    until(lambda: told == [State.OK, State.HOLD])


def test_values_that_take_long_keep_no_poll_from_looking(prod: World) -> None:
    release = threading.Event()

    def slow(names: Sequence[str]) -> None:
        if len(names) > 1:
            release.wait(10)

    watcher = Watcher(prod.provider.reader("prod"), deadline_seconds=0.05)
    watching = watcher.add("bybit")
    prod.store.before_read = slow
    watcher.poll_once()
    assert cause(watching) == "failing"
    prod.write_freeze(hold("bybit"))
    watcher.poll_once()
    assert cause(watching) == "frozen"
    release.set()
    until(lambda: prod.value_reads() == 1)
    with pytest.raises(CredentialsOnHold):
        watching.credentials()


def test_a_look_that_hangs_is_unconfirmed_at_its_deadline_and_a_late_freeze_still_counts(prod: World) -> None:
    release = threading.Event()

    def hang(names: Sequence[str]) -> None:
        if len(names) == 1:
            release.wait(10)

    watcher = Watcher(prod.provider.reader("prod"), deadline_seconds=0.05)
    watching = watcher.add("bybit")
    watcher.poll_once()
    prod.write_freeze(hold("bybit"))
    prod.store.before_read = hang
    prod.store.reads.clear()
    for _ in range(3):
        prod.time.now += 10
        watcher.poll_once()
        assert (watching.standing.state, watching.standing.cause) == (State.OK, "unconfirmed")
        assert "not answered within" in watching.standing.reason
    assert len(prod.store.reads) == 1, "a look that hangs is not piled upon"
    release.set()
    until(lambda: watching.standing.cause == "frozen")


def test_a_store_that_breaks_in_an_unexpected_way_does_not_end_the_watch(
    prod: World, caplog: pytest.LogCaptureFixture
) -> None:
    watching = prod.watch()

    def explode(names: Sequence[str]) -> None:
        raise KeyError(prod.canary.api_secret)

    prod.store.before_read = explode
    prod.pass_time(130)
    assert (watching.standing.state, watching.standing.cause) == (State.HOLD, "unconfirmed")
    assert not prod.canary.leaks_in(caplog.text)
    prod.store.before_read = lambda names: None
    prod.pass_time(30)
    assert watching.standing.state is State.OK


def test_the_thread_polls_on_after_a_poll_that_fails(prod: World, caplog: pytest.LogCaptureFixture) -> None:
    turn = threading.Semaphore(0)
    watcher = Watcher(prod.provider.reader("prod"), wait=lambda seconds: turn.acquire())
    watching = watcher.add("bybit")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prod.provider.reader("prod"), "standing", lambda ref: 1 / 0)
        watcher.start()
        turn.release()
        until(lambda: "a poll failed with ZeroDivisionError" in caplog.text)
    prod.write_freeze(hold("bybit"))
    turn.release()
    until(lambda: watching.standing.state is State.HOLD)
    watching.stop()
    turn.release()
    until(lambda: "mm-secrets-watch-prod" not in [thread.name for thread in threading.enumerate()])


def test_a_thread_that_cannot_be_started_blinds_the_watch_for_one_poll_and_no_longer(
    prod: World, caplog: pytest.LogCaptureFixture
) -> None:
    watching = prod.watch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        prod.watcher.poll_once()
    assert (watching.standing.state, cause(watching)) == (State.OK, "unconfirmed")
    assert "failed with RuntimeError" in caplog.text
    prod.write_freeze(hold("bybit"))
    prod.watcher.poll_once()
    assert cause(watching) == "frozen"


def no_thread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_poller_that_could_not_be_started_is_started_by_the_next_watch(prod: World) -> None:
    reader = prod.provider.reader("prod")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError):
            watch("prod", "bybit", provider=prod.provider)
    assert not reader.watched, "nothing is left that only looks like a watch"
    watching = watch("prod", "bybit", provider=prod.provider)
    assert "mm-secrets-watch-prod" in [thread.name for thread in threading.enumerate()]
    watching.stop()


def test_the_thread_polls_on_when_waiting_fails(prod: World, caplog: pytest.LogCaptureFixture) -> None:
    waits = iter([0])

    def wait(seconds: float) -> None:
        next(waits)

    watcher = Watcher(prod.provider.reader("prod"), wait=wait)
    watching = watcher.add("bybit")
    watcher.start()
    until(lambda: "waiting for the next poll failed with StopIteration" in caplog.text)
    prod.write_freeze(hold("bybit"))
    watcher.wake()  # the pause that takes the place of the wait
    until(lambda: cause(watching) == "frozen")
    watching.stop()
    watcher.wake()
    until(lambda: watcher._thread is None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_poller_that_ended_all_the_same_is_replaced_by_start(prod: World) -> None:
    turn = threading.Semaphore(0)

    def wait(seconds: float) -> None:
        turn.acquire()
        if prod.revision == 1:
            raise SystemExit

    watcher = Watcher(prod.provider.reader("prod"), wait=wait)
    watching = watcher.add("bybit")
    watcher.start()
    turn.release()
    until(lambda: watcher._thread is None)
    prod.write_freeze(hold("bybit"))
    watcher.start()
    turn.release()
    until(lambda: cause(watching) == "frozen")
    watching.stop()
    turn.release()
    until(lambda: watcher._thread is None)


def python(script: str) -> str:
    command = [sys.executable, "-c", textwrap.dedent(script)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_forked_child_watches_nothing_but_reads_by_itself_and_sees_the_freeze() -> None:
    output = python("""
        import os, sys, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        from secrets_core import CredentialsOnHold, Secret, get_api_credentials, get_secret_provider, watch
        provider = get_secret_provider("dev")
        provider.save_credentials("dev", "bybit", "k" * 18, "s" * 36)
        watching = watch("dev", "bybit")
        get_api_credentials("dev", "bybit")
        provider.reader("dev")._lock.acquire()
        child = os.fork()
        if child == 0:
            assert not provider.reader("dev").watched
            assert get_api_credentials("dev", "bybit").api_key == Secret("k" * 18)
            record = '{"format":1,"revision":1,"holds":{"i-1":{"scope":["*"]}}}'
            provider.store.put_secret_value("mm-bot/dev/_freeze", "v", Secret(record))
            provider.clear_cache()
            try:
                watching.credentials()
            except CredentialsOnHold:
                again = watch("dev", "bybit")
                print(again.standing.state, flush=True)
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        provider.reader("dev")._lock.release()
        print(watching.standing.state)
    """)
    assert output.split() == ["HOLD", "OK"]


def test_a_watching_process_ends_at_once_whatever_the_watch_is_doing() -> None:
    began = time.monotonic()
    python("""
        import threading, time
        from secrets_core import get_secret_provider, watch
        store = get_secret_provider("prod").store
        watch("prod", "bybit")
        hanging = threading.Event()
        def hang(names):
            hanging.set()
            time.sleep(60)
        store.read_current = hang
        watch("prod", "kraken", lambda standing: time.sleep(60))
        assert hanging.is_set()
    """)
    assert time.monotonic() - began < 30


def test_no_value_shows_in_anything_a_watching_bot_leaves_behind(prod: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    watching = prod.watch()
    prod.watcher.add("bybit", seen.append)
    steps: list[Callable[[], object]] = [
        lambda: prod.rotate_elsewhere(prod.canary),
        lambda: setattr(prod.store, "dark", lambda: Unreachable("No answer.")),
        lambda: setattr(prod.store, "dark", None),
        lambda: prod.write_freeze(hold("bybit", message="Leaked.")),
        lambda: prod.write_freeze(dead=[watching.for_risk_reduction().version_id or ""]),
    ]
    for step in steps:
        with suppress(CoreError):
            step()
        prod.pass_time(400)
        for read in (watching.credentials, watching.for_risk_reduction, prod.get):
            try:
                seen.append(read())
            except CoreError as error:
                seen += [error, error.hint, error.__dict__, error.__context__ or "", error.__cause__ or ""]
    reader = prod.provider.reader("prod")
    seen += [prod.told, watching.standing, reader._entries, reader._flights, reader._ready]  # all of it
    assert State.DEAD in prod.states()
    assert not prod.canary.leaks_in(f"{seen!r} {seen} {caplog.text}")
