"""The gateway: the only module that calls the service. Every call runs in a thread of its own, with a deadline.

One task an environment lists it, looks up the ages that a listing does not give, waits, and lists again. So a backend
that hangs holds up neither the keys, nor another environment, nor the end of the console.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from tui.blocking import call_blocking
from tui.messages import EnvironmentChanged, HistoryLoaded, KeySearched, RefreshStarted, ServiceFailed, ServiceOpened

if TYPE_CHECKING:
    from textual.app import App
    from textual.message import Message
    from textual.message_pump import MessagePump

    from secrets_core.clock import Clock
    from secrets_core.names import CredentialRef
    from secrets_core.secret import Secret
    from secrets_core.service import Service
    from secrets_core.settings import EnvironmentSettings
    from secrets_core.views import Action, EnvironmentView, Reason

DEADLINE = 30.0
"""Seconds after which the console calls an environment unreachable, whatever the backend's own time-outs are."""
MOST_HANGING = 3
"""So many calls of one environment may hang before no other one is started."""
TELL_EVERY = 0.5
"""Seconds between two repaints while many ages are looked up."""
JITTER = 0.1
"""Consoles that were opened together do not stay together."""
SHORTEST_PAUSE = 20.0
"""Seconds between two listings at least, where they keep step with the clock."""


class Session:
    """Everything between the screens and the service."""

    def __init__(
        self,
        app: App[None],
        open_service: Callable[[], Service],
        *,
        refresh_seconds: float,
        clock: Clock,
        write: Sequence[str] = (),
        deadline: float = DEADLINE,
    ) -> None:
        """Take what opens the service (called in a thread), and the environments whose read-only is lifted at once."""
        self._app = app
        self._open_service = open_service
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._write = write
        self._deadline = deadline
        self._service: Service | None = None
        self._screen: MessagePump | None = None
        self._asked: dict[str, asyncio.Event] = {}
        self._running: dict[str, list[threading.Thread]] = {}
        self._resting: set[str] = set()
        """Environments of which everything is known until the next listing."""
        self._age_problems: dict[tuple[CredentialRef, str | None], str] = {}
        self._unlisted: set[str] = set()
        """Environments that have not answered yet, neither with a listing nor with a problem."""
        self._listed = asyncio.Event()

    @property
    def is_listed(self) -> bool:
        """Whether every environment has answered once."""
        return self._listed.is_set()

    @property
    def is_quiet(self) -> bool:
        """Whether every environment was listed, nothing is being looked up, and nothing was asked for."""
        return self._service is not None and len(self._resting) == len(self._asked) > 0

    def start(self, screen: MessagePump) -> None:
        """Open the service and begin to list every environment; ``screen`` gets the messages."""
        self._screen = screen
        self._app.run_worker(self._open(), group="service", name="open the service")

    def refresh(self, environments: Sequence[str]) -> None:
        """List environments again, now; one that is being listed already is not listed twice."""
        for environment in environments:
            if environment in self._asked and not self._asked[environment].is_set():
                for key in [key for key in self._age_problems if key[0].environment == environment]:
                    del self._age_problems[key]
                self._resting.discard(environment)
                self._post(RefreshStarted(environment))
                self._asked[environment].set()

    def load_history(self, ref: CredentialRef, version_id: str | None) -> None:
        """Load the versions of a credential; an older such wish that still waits is dropped."""
        self._app.run_worker(self._history(ref, version_id), group="history", exclusive=True, name="history")

    def find_key(self, key: Secret) -> None:
        """Ask whose key id this is; the answer comes when every environment has answered once."""
        self._app.run_worker(self._find(key), group="find", exclusive=True, name="find")

    def environment_settings(self, environment: str) -> EnvironmentSettings | None:
        """Give what settings say of an environment; ``None`` until the service is open."""
        return self._service.environment_settings(environment) if self._service else None

    def refusal(self, action: Action, subject: CredentialRef | str) -> Reason | None:
        """Tell why an action is refused, as the service judges."""
        return self._service.refusal(action, subject) if self._service else None

    def age_problem(self, ref: CredentialRef, version_id: str | None) -> str:
        """Tell why the true age of a legacy credential could not be looked up, or nothing."""
        return self._age_problems.get((ref, version_id), "")

    def _post(self, message: Message) -> None:
        if self._screen is not None:
            self._screen.post_message(message)

    async def _open(self) -> None:
        from secrets_core.errors import CoreError

        try:
            service = await call_blocking(self._open_service)
            for environment in self._write:
                self._lift(service, environment)
        except CoreError as error:
            self._post(ServiceFailed(error))
            return
        self._service = service
        self._unlisted.update(service.environments)
        self._post(ServiceOpened(service.environments))
        for environment in service.environments:
            self._post(EnvironmentChanged(service.view(environment)))
            self._asked[environment] = asyncio.Event()
            self._app.run_worker(self._keep(service, environment), group=f"environment {environment}")

    def _lift(self, service: Service, environment: str) -> None:
        from secrets_core.errors import SettingsError

        if environment not in service.environments:
            known = ", ".join(service.environments)
            raise SettingsError("--write names an environment that there is not.", hint=f"Known: {known}.")
        service.lift_read_only(environment)

    async def _keep(self, service: Service, environment: str) -> None:
        """Keep the view of one environment fresh, for ever."""
        asked = self._asked[environment]
        while True:
            self._resting.discard(environment)
            view = await self._list(service, environment)
            asked.clear()
            self._post(EnvironmentChanged(view))
            self._unlisted.discard(environment)
            if not self._unlisted:
                self._listed.set()
            await self._look_up_ages(service, view, asked)
            self._resting.add(environment)
            try:
                async with asyncio.timeout(self._pause()):
                    await asked.wait()
            except TimeoutError:
                continue

    def _pause(self) -> float:
        """Give the seconds until the next listing.

        Whole minutes keep step with the clock on the screen, so that nothing is written between two listings.
        """
        minutes, rest = divmod(self._refresh_seconds, 60)
        if rest or not minutes:
            return self._refresh_seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load only
        now = self._clock()
        pause = 60 * minutes - now.second - now.microsecond / 1e6
        return pause if pause >= SHORTEST_PAUSE else pause + 60

    async def _list(self, service: Service, environment: str) -> EnvironmentView:
        from secrets_core.errors import Unreachable
        from secrets_core.views import EnvironmentState

        hanging = [thread for thread in self._running.get(environment, ()) if thread.is_alive()]
        self._running[environment] = hanging
        if len(hanging) < MOST_HANGING:
            try:
                return await call_blocking(partial(service.refresh, environment), self._deadline, started=hanging)
            except TimeoutError:
                pass
        problem = Unreachable(
            f"{environment} did not answer within {self._deadline:g} s.",
            hint="Check the network and the backend's address. The call itself is left to end by its own time-outs.",
            path=environment,
        )
        return replace(service.view(environment), state=EnvironmentState.UNREACHABLE, problem=problem)

    async def _look_up_ages(self, service: Service, view: EnvironmentView, asked: asyncio.Event) -> None:
        """Look up the ages of legacy credentials one by one, until somebody asks for a new listing."""
        from secrets_core.errors import CoreError
        from secrets_core.overview import needs_look_up
        from secrets_core.views import EnvironmentState

        if view.state is not EnvironmentState.READY:
            return
        loop = asyncio.get_running_loop()
        told = loop.time()
        for row in view.rows:
            key = row.ref, row.version_id
            if asked.is_set():
                return
            if key in self._age_problems or not needs_look_up(row):
                continue
            problem, answers = "the backend has no creation date for it", True
            try:
                view = await call_blocking(partial(service.look_up_age, row.ref), self._deadline)
            except CoreError as error:
                problem = error.message
            except TimeoutError:
                problem, answers = f"no answer within {self._deadline:g} s", False
            now = next((other for other in view.rows if (other.ref, other.version_id) == key), None)
            if now is not None and needs_look_up(now):
                self._age_problems[key] = problem
            if not answers:
                break
            if loop.time() - told >= TELL_EVERY:
                told = loop.time()
                self._post(EnvironmentChanged(view))
        self._post(EnvironmentChanged(view))

    async def _history(self, ref: CredentialRef, version_id: str | None) -> None:
        from secrets_core.errors import CoreError

        service = self._service
        if service is None:
            return
        try:
            entries = await call_blocking(partial(service.history, ref), self._deadline)
        except CoreError as error:
            self._post(HistoryLoaded(ref, version_id, (), f"{error.message} {error.hint}".strip()))
        except TimeoutError:
            self._post(HistoryLoaded(ref, version_id, (), f"No answer within {self._deadline:g} s."))
        else:
            self._post(HistoryLoaded(ref, version_id, entries))

    async def _find(self, key: Secret) -> None:
        from secrets_core.errors import CoreError

        await self._listed.wait()
        service = self._service
        if service is None:
            return
        try:
            found = await call_blocking(partial(service.find_key, key), self._deadline)
        except CoreError as error:
            self._post(KeySearched(None, error.message))
        except TimeoutError:
            self._post(KeySearched(None, f"No answer within {self._deadline:g} s."))
        else:
            self._post(KeySearched(found))
