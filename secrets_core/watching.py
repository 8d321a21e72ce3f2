"""Watching the freeze record for a running bot, so that it hears of a freeze within one poll and not within a TTL.

One poller per environment looks at ``_freeze`` alone, with a deadline of its own. Reading values and telling the bot
happen beside it: neither a slow backend nor a bot that takes long to cancel its orders makes it miss a look.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from secrets_core.freeze import FreezeReading
from secrets_core.names import CredentialRef
from secrets_core.reader import JITTER, EnvironmentReader
from secrets_core.standing import Standing

if TYPE_CHECKING:
    from secrets_core.credentials import APICredentials
    from secrets_core.provider import SecretProvider

DEADLINE_SECONDS = 3.0
"""How long a poll waits for each of its errands."""
FALLBACK_SECONDS = 10.0
"""The pause between two polls when the usual way of waiting fails."""

OnChange = Callable[[Standing], object]
_log = logging.getLogger("secrets_core")


class Watch:
    """One bot's watch over one credential."""

    def __init__(self, watcher: Watcher, ref: CredentialRef, on_change: OnChange | None) -> None:
        """Made by ``watch`` or ``Watcher.add``."""
        self.ref = ref
        self._watcher = watcher
        self._on_change = on_change
        self._told: tuple[object, ...] = ()

    @property
    def standing(self) -> Standing:
        """Where the credential stands now: state, reason and the version in memory. Never reads."""
        return self._watcher.reader.standing(self.ref)

    def credentials(self) -> APICredentials:
        """Give the credential; raises as ``SecretProvider.get_api_credentials``."""
        return self._watcher.reader.get(self.ref.exchange)

    def for_risk_reduction(self) -> APICredentials:
        """Give what is held in memory, also on hold; see ``SecretProvider.for_risk_reduction``."""
        return self._watcher.reader.held(self.ref)

    def report_authentication_error(self) -> None:
        """Say that the exchange rejected the key: the values are read again at once, if that was not just done."""
        if self._watcher.reader.report_rejected(self.ref):
            self._watcher.wake()

    def stop(self) -> None:
        """End this watch; the poller ends with the last one. What is cached lives on by its TTL."""
        with _registry:
            self._watcher.remove(self)
            if not self._watcher.reader.watched:
                _watchers.pop(self._watcher.reader, None)

    def change(self, standing: Standing) -> bool:
        """Note where the credential stands now; tells whether the bot has to hear of it."""
        # Not every wording of the same trouble is news, but another version or another operator's message is.
        reason = standing.reason if standing.cause == "frozen" else ""
        now = (standing.state, standing.cause, standing.version_id, reason)
        changed, self._told = now != self._told, now
        return changed

    def tell(self, standing: Standing) -> None:
        """Call the bot; what it raises is logged by its type alone, as it may hold anything."""
        if self._on_change is None:
            return
        try:
            self._on_change(standing)
        except Exception as error:  # noqa: BLE001 - a bot's mistake must not end its own watch
            _log.error("%s: the callback on a change raised %s.", self.ref, type(error).__name__)


class Watcher:
    """The poller of one environment. ``poll_once`` is all it does; ``start`` does that again and again."""

    def __init__(
        self,
        reader: EnvironmentReader,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Take what reads the environment; ``wait`` waits between two polls (default: until woken)."""
        self.reader = reader
        self._watches: list[Watch] = []
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._wait = wait or self._wait_until_woken
        self._thread: threading.Thread | None = None
        self._untold: deque[tuple[Watch, Standing]] = deque()
        self._deadline_seconds = deadline_seconds
        self._look = _Errand("look", reader.look, deadline_seconds)
        self._refresh = _Errand("refresh", self._refresh_values, deadline_seconds)
        self._telling = _Errand("tell", self._tell_all, deadline_seconds)

    def add(self, exchange: str, on_change: OnChange | None = None) -> Watch:
        """Watch one credential from the next poll on; raises ``InvalidName``."""
        made = Watch(self, CredentialRef(self.reader.policy.environment, exchange), on_change)
        with self._lock:
            self._watches.append(made)
            self._announce()
        return made

    def remove(self, watch: Watch) -> None:
        """End one watch."""
        with self._lock:
            self._watches = [known for known in self._watches if known is not watch]
            self._announce()
        self.wake()

    def start(self) -> None:
        """Poll in a daemon thread for as long as something is watched; does nothing when it polls already."""
        with self._lock:
            if self._watches and self._thread is None:
                name = f"mm-secrets-watch-{self.reader.policy.environment}"
                thread = threading.Thread(target=self._run, daemon=True, name=name)
                thread.start()
                self._thread = thread  # only once it runs: what failed to start is started by the next call

    def wake(self) -> None:
        """Let the next poll begin now."""
        self._woken.set()

    def poll_once(self) -> None:
        """Look at the freeze record, refresh the values that are due, and tell every change; never raises for these.

        Each of the three takes the deadline at most; what takes longer goes on beside the next poll.
        """
        with self._turn:
            began = self.reader.monotonic()
            if not self._look.run():
                reason = f"The freeze record was not read, or not answered within {self._deadline_seconds:g} s."
                self.reader.observe(FreezeReading(None, reason), at=began)
            self._refresh.run()
            for known in list(self._watches):
                standing = known.standing
                if known.change(standing):
                    self._untold.append((known, standing))
            if self._telling.run() and self._untold:
                self._telling.run()  # the last one was ending just when something was added

    def abandon(self) -> None:
        """In a forked child: the poller did not come along, so that nothing is watched here."""
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._watches, self._thread = [], None

    def _announce(self) -> None:
        self.reader.watch(known.ref.exchange for known in self._watches)

    def _run(self) -> None:
        took = 0.0
        try:
            while True:
                self._pause(took)
                with self._lock:
                    if not self._watches:
                        self._thread = None
                        return
                began = self.reader.monotonic()
                try:
                    self.poll_once()
                except Exception as error:  # noqa: BLE001 - a poller that dies would leave its bot unfrozen
                    _log.error("%s: a poll failed with %s.", self.reader.policy.environment, type(error).__name__)
                took = self.reader.monotonic() - began
        finally:
            with self._lock:
                if self._thread is threading.current_thread():
                    self._thread = None  # so that start() makes another one

    def _pause(self, took: float) -> None:
        try:
            pause = self.reader.policy.poll_seconds * self.reader.uniform(*JITTER)
            self._wait(max(1.0, pause - took))
        except Exception as error:  # noqa: BLE001 - as above
            environment = self.reader.policy.environment
            _log.error("%s: waiting for the next poll failed with %s.", environment, type(error).__name__)
            self._wait_until_woken(FALLBACK_SECONDS)

    def _wait_until_woken(self, seconds: float) -> None:
        self._woken.wait(seconds)
        self._woken.clear()

    def _refresh_values(self) -> None:
        for ref in {known.ref for known in list(self._watches)}:
            self.reader.refresh(ref)

    def _tell_all(self) -> None:
        while self._untold:
            watch, standing = self._untold.popleft()
            watch.tell(standing)


class _Errand:
    """Something done in a daemon thread, once at a time, and waited for no longer than its deadline."""

    def __init__(self, name: str, work: Callable[[], None], deadline_seconds: float) -> None:
        self._name = name
        self._work = work
        self._deadline_seconds = deadline_seconds
        self._ended: threading.Event | None = None
        self._failed = False

    def run(self) -> bool:
        """Begin, unless the last one is still under way, and wait; tells whether it ended well."""
        ended = self._ended
        if ended is None or ended.is_set():
            ended = self._ended = threading.Event()
            self._failed = False
            thread = threading.Thread(target=self._carry_out, args=(ended,), daemon=True, name=f"mm-{self._name}")
            try:
                thread.start()
            except Exception as error:  # noqa: BLE001 - no thread to be had now: the next poll tries again
                self._fail(error)
                ended.set()
        return ended.wait(self._deadline_seconds) and not self._failed

    def _carry_out(self, ended: threading.Event) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - whatever a store raises, the poller goes on
            self._fail(error)
        finally:
            ended.set()

    def _fail(self, error: Exception) -> None:
        self._failed = True
        _log.error("The watch's errand %s failed with %s.", self._name, type(error).__name__)


_watchers: dict[EnvironmentReader, Watcher] = {}
_registry = threading.RLock()


def watch(
    environment: str,
    exchange: str,
    on_change: OnChange | None = None,
    *,
    provider: SecretProvider | None = None,
) -> Watch:
    """Watch a credential: a poller notices a freeze, refreshes values, and calls ``on_change`` with each ``Standing``.

    The first one comes at once; it is called in a thread of the watch. Without ``provider`` it is the one that
    ``get_api_credentials`` uses. Returns after the first poll, which takes a few seconds at most, whatever its outcome:
    ``Watch.standing`` tells. After a fork the child watches nothing until it calls this again.
    Raises ``Refused`` (``MM_ENV``, CI), ``InvalidName``, and as ``get_secret_provider``.
    """
    from secrets_core.provider import get_secret_provider

    reader = (provider or get_secret_provider(environment)).reader(environment)
    reader.guard()
    with _registry:
        watcher = _watchers.setdefault(reader, Watcher(reader))
        made = watcher.add(exchange, on_change)
    watcher.poll_once()
    try:
        watcher.start()
    except Exception:
        made.stop()  # nothing would look after it
        raise
    return made


def _after_fork() -> None:
    for watcher in _watchers.values():
        watcher.abandon()
    _watchers.clear()
    _registry.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_registry.acquire, after_in_parent=_registry.release, after_in_child=_after_fork)
