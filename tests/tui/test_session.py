"""The gateway: what hangs holds up neither keys nor quitting, and what is slow is asked once."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from datetime import timedelta

import pytest

from secrets_core.demo import demo_service
from secrets_core.errors import Denied, SettingsError, Throttled
from secrets_core.names import CredentialRef, secret_name
from secrets_core.secret import Secret
from secrets_core.service import Service
from secrets_core.settings import Settings
from secrets_core.stores.base import VersionMetadata
from tests.tui.desk import NOW, Store, console, four_stores, service_over, settle, until
from tests.tui.screen import screen_text
from tui.blocking import call_blocking
from tui.session import MOST_HANGING


async def test_keys_answer_and_others_are_listed_while_one_environment_hangs() -> None:
    stores = four_stores()
    stores["shadow"].free.clear()
    async with console(lambda: service_over(stores), settled=False) as (app, pilot):
        await until(pilot, lambda: app.browse.table.row_count == 2)
        await pilot.press("j")
        assert app.browse.table.cursor == 1
        await pilot.press("2")
        await pilot.pause()
        assert "… Connecting" in screen_text(app)
        stores["shadow"].free.set()
        await until(pilot, lambda: app.browse.table.row_count == 1)


async def test_quitting_does_not_wait_for_a_backend_that_hangs() -> None:
    stores = four_stores()
    for store in stores.values():
        store.free.clear()
    started = time.monotonic()
    async with console(lambda: service_over(stores), settled=False) as (app, pilot):
        await until(pilot, lambda: all(store.listings for store in stores.values()))
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    assert time.monotonic() - started < 10
    assert app.return_code == 0
    for store in stores.values():
        store.free.set()


async def test_a_deadline_of_its_own_and_only_so_many_calls_that_hang() -> None:
    store = Store()
    store.free.clear()
    async with console(lambda: service_over({"dev": store}), settled=False, deadline=0.1) as (app, pilot):
        await until(pilot, lambda: app.session.is_quiet)
        await pilot.press("1")
        await pilot.pause()
        assert "dev did not answer within 0.1 s." in screen_text(app)
        for _ in range(4):
            await pilot.press("ctrl+r")
            await settle(app, pilot)
        assert store.listings == MOST_HANGING
        store.add(CredentialRef("dev", "okx"))
        store.free.set()
        await until(pilot, lambda: all(not thread.is_alive() for thread in app.session._running["dev"]))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: app.browse.table.row_count == 1)


async def test_refreshes_while_one_is_running_become_one() -> None:
    store = Store()
    async with console(lambda: service_over({"dev": store})) as (app, pilot):
        store.free.clear()
        listings = store.listings
        await pilot.press("ctrl+r")
        await until(pilot, lambda: store.listings == listings + 1)
        await pilot.press("ctrl+r", "ctrl+r", "f5")
        await until(pilot, lambda: "refreshing …" in screen_text(app))
        store.free.set()
        await settle(app, pilot)
        assert store.listings == listings + 1
        assert "refreshing" not in screen_text(app)


class Legacy(Store):
    """A store with credentials of another tool, whose version lists can be made to fail."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.lists = 0
        self.list_problem: Denied | Throttled | None = None
        self._clock = lambda: NOW - timedelta(days=200)
        for number in range(count):
            for part, digit in (("api_secret", "a"), ("api_key", "b")):
                name = secret_name(CredentialRef("dev", f"bybit@a{number}"), part)
                self.create(name, f"1234567{number}-0000-4000-8000-{digit * 12}", Secret("v" * 20))
        self._clock = lambda: NOW

    def list_versions(self, name: str) -> list[VersionMetadata]:
        self.lists += 1
        if self.list_problem is not None:
            raise self.list_problem
        return super().list_versions(name)


async def test_legacy_ages_are_looked_up_in_the_background() -> None:
    async with console(lambda: service_over({"dev": Legacy(3)})) as (app, _):
        table = app.browse.table
        assert {row.condition.value for row in table._rows} == {"overdue"}
        assert "200/90 d" in screen_text(app)


async def test_a_look_up_that_fails_is_told_and_tried_again_with_a_refresh() -> None:
    store = Legacy(2)
    store.list_problem = Denied("alice may not list versions.")
    async with console(lambda: service_over({"dev": store})) as (app, pilot):
        assert "≤200/90 d" in screen_text(app)
        assert "alice may not list versions." in app.browse.detail.text
        store.list_problem = None
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "≤200" not in screen_text(app))
        await settle(app, pilot)
        assert "not looked up" not in app.browse.detail.text


async def test_versions_that_can_not_be_listed_say_why() -> None:
    store = Store()
    ref = CredentialRef("dev", "okx")
    store.add(ref)
    service = service_over({"dev": store})

    def refuse(asked: CredentialRef) -> None:
        raise Denied("alice may not list versions.", hint="Ask for it.")

    service.history = refuse  # type: ignore[method-assign,assignment]  # a service that refuses
    async with console(lambda: service) as (app, _):
        assert "alice may not list versions. Ask for it." in app.browse.detail.text


async def test_versions_are_loaded_for_where_the_cursor_rests_and_once() -> None:
    asked: list[CredentialRef] = []
    service = demo_service(lambda: NOW)
    history = service.history

    def counted(ref: CredentialRef) -> object:
        asked.append(ref)
        return history(ref)

    service.history = counted  # type: ignore[method-assign,assignment]  # counts
    async with console(lambda: service) as (app, pilot):
        await pilot.press(*["down"] * 3)
        await settle(app, pilot)
        await pilot.press("up", "down")
        await settle(app, pilot)
        await pilot.pause(0.3)
        assert len(asked) == len(set(asked))
        assert app.browse.table.row is not None
        assert asked[-1] == app.browse.table.row.ref


async def test_a_service_that_can_not_be_opened_is_told_and_ends_the_console() -> None:
    def broken() -> Service:
        raise SettingsError(
            "SECRETS_BACKEND names an unknown backend.", hint="Known: memory, vault, aws.", path="there"
        )

    for key in ("escape", "enter", "ctrl+q"):
        async with console(broken, settled=False) as (app, pilot):
            await until(
                pilot,
                lambda app=app: "SECRETS_BACKEND names an unknown backend." in screen_text(app),  # type: ignore[misc]  # bound now
            )
            assert "Known: memory, vault, aws." in screen_text(app)
            await pilot.press(key)
            await until(pilot, lambda app=app: app._exit)  # type: ignore[misc]  # bound now
        assert app.return_code == 2, key


async def test_a_console_without_settings_lists_nothing_for_ever_short() -> None:
    settings = Settings(refresh_seconds=3600)
    store = Store()
    async with console(lambda: service_over({"dev": store}), settings=settings) as (_, pilot):
        await pilot.pause(0.2)
        assert store.listings == 1


async def test_a_blocking_call_gives_raises_and_lets_go() -> None:
    assert await call_blocking(lambda: 7) == 7
    with pytest.raises(KeyError):
        await call_blocking(lambda: os.environ["THERE IS NO SUCH VARIABLE"])
    free = threading.Event()
    threads: list[threading.Thread] = []
    with pytest.raises(TimeoutError):
        await call_blocking(free.wait, 0.05, started=threads)
    task = asyncio.create_task(call_blocking(free.wait, started=threads))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all(thread.daemon for thread in threads)
    free.set()
    for thread in threads:
        thread.join(5)
    await asyncio.sleep(0.01)


def test_a_blocking_call_that_ends_after_its_loop_is_nobodys_error() -> None:
    free, threads = threading.Event(), list[threading.Thread]()

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            await call_blocking(free.wait, 0.01, started=threads)

    asyncio.run(leave())
    free.set()
    threads[0].join(5)
    assert not threads[0].is_alive()
