"""A desk to sit at: consoles over services whose stores answer, refuse, hang or change as a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from secrets_core.demo import demo_service
from secrets_core.errors import CoreError
from secrets_core.names import FREEZE, CredentialRef, control_name, secret_name
from secrets_core.secret import Secret
from secrets_core.service import Service
from secrets_core.settings import EnvironmentSettings, Settings
from secrets_core.stores.base import CURRENT, SecretMetadata, SecretStore
from secrets_core.stores.memory import MemoryStore
from secrets_core.versions import new_version_id
from tui.app import OperatorConsole

NOW = datetime(2026, 11, 24, 14, 3, 22, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, span: timedelta) -> None:
        self.now += span


class Store(MemoryStore):
    """A store that can be told to fail, or to hang, whenever it is listed; it counts the listings."""

    def __init__(self, clock: Callable[[], datetime] = lambda: NOW) -> None:
        super().__init__(clock, operator="alice")
        self.problem: CoreError | None = None
        self.free = threading.Event()
        self.free.set()
        self.listings = 0

    def list_metadata(self, prefix: str) -> list[SecretMetadata]:
        self.listings += 1
        if not self.free.wait(60):
            raise TimeoutError("a test left a store hanging")
        if self.problem is not None:
            raise self.problem
        return super().list_metadata(prefix)

    def add(self, ref: CredentialRef, *, days: float = 1, key: str = "K" * 20) -> None:
        """Store a sound credential that is so many days old."""
        version = new_version_id(NOW - timedelta(days=days))
        self.create(secret_name(ref, "api_secret"), version, Secret("s" * 20))
        self.create(secret_name(ref, "api_key"), version, Secret(key))

    def freeze(self, environment: str, scope: list[str], *, dead: bool = False) -> None:
        """Write a freeze record."""
        hold = {"scope": scope, "codename": "SAPPHIRE-HERON", "message": "a key leaked", "by": "bob"}
        revoked = [{"ref": f"{environment}/bybit", "version": "v", "incident": "i-1"}] if dead else []
        record = {"format": 1, "revision": 1, "holds": {"i-1": hold}, "dead": revoked, "burned": []}
        name, value = control_name(environment, FREEZE), Secret(json.dumps(record))
        version = new_version_id(NOW)
        if name in self.list_secrets(name):
            self.put(name, version, value, [CURRENT])
        else:
            self.create(name, version, value)


def service_over(stores: Mapping[str, SecretStore], *, clock: Callable[[], datetime] = lambda: NOW) -> Service:
    """Make a service over these environments."""
    settings = Settings(environments={name: Settings().environment(name) for name in stores})

    def open_environment(known: EnvironmentSettings) -> SecretStore:
        return stores[known.name]

    return Service(settings, variables={}, backend="demo", clock=clock, open_environment=open_environment)


def demo() -> Service:
    """Open the demo as it is at ``NOW``."""
    return demo_service(lambda: NOW)


def four_stores() -> dict[str, Store]:
    """Give a store for each standard environment, with a credential in each but soak."""
    stores = {name: Store() for name in ("dev", "shadow", "soak", "prod")}
    for name in ("dev", "shadow", "prod"):
        stores[name].add(CredentialRef(name, "bybit"))
    return stores


async def until(pilot: Pilot[None], condition: Callable[[], object], what: str = "") -> None:
    """Wait for a condition."""
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends, f"it never came to this: {what or condition}"
        await pilot.pause(0.01)


async def type_in(app: OperatorConsole, pilot: Pilot[None], text: str) -> None:
    """Type a text at the speed of a burst."""
    for character in text:
        app.post_message(events.Key(_character_to_key(character), character))
    await pilot.pause()


async def settle(app: OperatorConsole, pilot: Pilot[None]) -> None:
    """Wait until every environment has answered and nothing is being loaded."""
    await until(pilot, lambda: app.session.is_quiet, "every environment has answered")
    await pilot.pause()
    await until(pilot, lambda: not app.browse.detail.is_loading, "the versions are loaded")
    await pilot.pause()


@asynccontextmanager
async def console(
    open_service: Callable[[], Service] = demo,
    *,
    size: tuple[int, int] = (120, 36),
    settings: Settings | None = None,
    clock: Callable[[], datetime] = lambda: NOW,
    deadline: float = 30.0,
    is_demo: bool = True,
    settled: bool = True,
    write: tuple[str, ...] = (),
) -> AsyncIterator[tuple[OperatorConsole, Pilot[None]]]:
    """Open a console; by default over the demo, and when everything is there."""
    app = OperatorConsole(
        settings or Settings(), open_service, clock=clock, demo=is_demo, deadline=deadline, write=write, version="0.1.0"
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        if settled:
            await settle(app, pilot)
        yield app, pilot
