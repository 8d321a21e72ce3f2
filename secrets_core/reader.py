"""Reading the credentials of one environment for a bot: the cache, and what a freeze means for it.

A hit costs a dictionary look-up and a comparison: a credential is in ``ready`` only while it may be handed out, so
whatever takes that right away (a freeze, an outage, a poller's finding) takes it out of there.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from secrets_core.errors import (
    CoreError,
    Denied,
    IdentityProblem,
    NotFound,
    Refused,
    ScheduledForDeletion,
    Throttled,
    Unreachable,
    WrongAccount,
)
from secrets_core.freeze import FreezeReading, interpret
from secrets_core.names import FREEZE, CredentialRef, control_name
from secrets_core.pairs.reading import PairRead, read_pair
from secrets_core.pairs.states import PairState
from secrets_core.policy import EnvironmentPolicy
from secrets_core.standing import KnownFreeze, Standing, State, Uniform, refusal
from secrets_core.stores.base import SecretStore

if TYPE_CHECKING:
    from secrets_core.credentials import APICredentials

Ready = dict[tuple[str, str], tuple[float, "APICredentials"]]
"""What may be handed out without looking further, and until when: by environment and exchange."""

JITTER = (0.9, 1.1)
"""Spread of every period, so that a fleet does not call in step."""
RETRY_SECONDS = 30
"""How long after a failed read the next one is made, while something can be handed out meanwhile."""
REJECTION_SECONDS = 5
"""How soon after a read a bot's report of a rejected key makes another one."""
LATE_POLLS = 3
"""By how many polls a poller may be late before a hit no longer relies on it."""

_WHOLE_CALL = (Unreachable, Throttled, IdentityProblem, WrongAccount)
_ABSENT = (NotFound, ScheduledForDeletion)
_log = logging.getLogger("secrets_core")
_Error = TypeVar("_Error", bound=CoreError)


@dataclass(slots=True)
class _Entry:
    credentials: APICredentials | None = None
    version_id: str | None = None
    loaded_at: float = -math.inf
    tried_at: float = -math.inf
    refresh_at: float = -math.inf
    failure: CoreError | None = None
    """Why the latest read gave nothing; ``None`` when it gave something."""
    legacy: bool = False


@dataclass(slots=True)
class _Flight:
    """One read on its way, and those who wait for it."""

    landed: threading.Event = field(default_factory=threading.Event)
    result: APICredentials | CoreError | None = None
    """``None`` when it was overtaken by ``forget``: whoever waits reads again."""


class EnvironmentReader:
    """Hands out the credentials of one environment from one store. Safe for threads, and after a fork."""

    def __init__(
        self,
        store: SecretStore,
        policy: EnvironmentPolicy,
        *,
        ready: Ready,
        guard: Callable[[], None],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
        uniform: Uniform,
    ) -> None:
        """Take what it reads and by which rules; ``guard`` raises before a read that must not happen."""
        self.policy = policy
        self.guard = guard
        self.monotonic = monotonic
        self.uniform = uniform
        self._store = store
        self._ready = ready
        self._sleep = sleep
        self._freeze = KnownFreeze(policy, uniform)
        self._entries: dict[str, _Entry] = {}
        self._flights: dict[str, _Flight] = {}
        self._generation = 0
        self._watched: frozenset[str] = frozenset()
        self._told_notices: set[str] = set()
        self._lock = threading.Lock()
        _readers.add(self)

    def get(self, exchange: str) -> APICredentials:
        """Give a credential, reading it where that is due; raises as ``SecretProvider.get_api_credentials``."""
        ref = CredentialRef(self.policy.environment, exchange)
        self.guard()
        result: APICredentials | CoreError | None = self._at_hand(ref)
        while result is None:
            result = self._join(ref)
        if isinstance(result, CoreError):
            raise _again(result)
        return result

    def held(self, ref: CredentialRef) -> APICredentials:
        """Give what is in memory, also on HOLD; never reads. Raises ``CredentialsDead``, or ``NotFound`` when empty."""
        with self._lock:
            entry = self._entries.get(ref.exchange, _Entry())
            standing = self._freeze.standing(ref, entry.version_id, self.monotonic())
            credentials = entry.credentials
        if standing.state is State.DEAD:
            raise refusal(standing)
        if credentials is None:
            raise NotFound(f"Nothing of {ref} is held in memory.", hint="It was never read here.", path=str(ref))
        return credentials

    def standing(self, ref: CredentialRef) -> Standing:
        """Tell where this reader stands with a credential. Never reads."""
        with self._lock:
            return self._standing(ref, self._entries.get(ref.exchange, _Entry()), self.monotonic())

    def refresh(self, ref: CredentialRef) -> None:
        """Read a credential if that is due and nothing holds it; what comes of it shows in ``standing``."""
        with self._lock:
            now = self.monotonic()
            due = now >= self._entries.get(ref.exchange, _Entry()).refresh_at
            held = self._freeze.standing(ref, None, now).state is State.HOLD
        if due and not held:
            self._join(ref)

    def look(self) -> None:
        """Read the freeze record alone and take in what it says."""
        at = self.monotonic()
        self.observe(self._read_freeze(), at=at)

    def observe(self, reading: FreezeReading, *, at: float) -> None:
        """Take in a look at the freeze record that began at ``at``; a hold takes effect before this returns."""
        with self._lock:
            now = self.monotonic()
            self._freeze.observe(reading, at=at, now=now)
            self._publish_all(now)
            news = self._freeze.news()
        _tell(self.policy.environment, [news])

    def watch(self, exchanges: Iterable[str]) -> None:
        """Be told for which exchanges a poller refreshes the values; for none when it stops."""
        with self._lock:
            self._watched = frozenset(exchanges)
            self._freeze.polled = bool(self._watched)
            self._publish_all(self.monotonic())

    @property
    def watched(self) -> bool:
        """Whether a poller is at work."""
        return bool(self._watched)

    def report_rejected(self, ref: CredentialRef) -> bool:
        """Make the next read due, as the exchange rejected the key; false when the latest one is too fresh for that."""
        with self._lock:
            entry = self._entries.setdefault(ref.exchange, _Entry())
            now = self.monotonic()
            entry.refresh_at = min(entry.refresh_at, max(now, entry.tried_at + REJECTION_SECONDS))
            return entry.refresh_at <= now

    def forget(self, exchange: str | None = None, *, ready: Ready | None = None) -> None:
        """Let the next call read again, whatever is on its way; what is in memory stays for reducing risk.

        From then on it is handed out through ``ready``, where one is given.
        """
        with self._lock:
            for known, entry in self._entries.items():
                if exchange in (None, known):
                    entry.loaded_at = entry.refresh_at = -math.inf
            self._generation += 1
            self._flights = {}
            self._publish_all(self.monotonic())
            if ready is not None:
                self._ready = ready

    def after_fork(self) -> None:
        """Start afresh in a forked child, where no other thread lives on and a lock may be held by one that is gone."""
        self._lock = threading.Lock()
        self.watch(())
        self.forget()

    def _at_hand(self, ref: CredentialRef) -> APICredentials | CoreError | None:
        """Give what is known without reading: ``None`` when a read is due."""
        with self._lock:
            now = self.monotonic()
            entry = self._entries.get(ref.exchange, _Entry())
            ready = self._ready.get((ref.environment, ref.exchange))
            if ready is not None and now < ready[0]:
                return ready[1]
            standing = self._standing(ref, entry, now)
            # What a poller looks after is not read here as well: it comes back by the poller's finding.
            polled = self._freeze.polled and standing.cause in ("frozen", "unconfirmed")
            refreshed = ref.exchange in self._watched and standing.cause in ("denied", "revoked", "gone")
            if standing.state is State.OK or not (polled or refreshed):
                return None
            return self._verdict(ref, entry, now)

    def _join(self, ref: CredentialRef) -> APICredentials | CoreError | None:
        """Read, or wait for whoever is reading already."""
        with self._lock:
            flight = self._flights.get(ref.exchange)
            mine = flight is None
            if flight is None:
                flight = self._flights[ref.exchange] = _Flight()
            generation = self._generation
        if not mine:
            flight.landed.wait()
            return flight.result
        try:
            flight.result = self._load(ref, generation)
        finally:
            with self._lock:
                if self._flights.get(ref.exchange) is flight:
                    del self._flights[ref.exchange]
            flight.landed.set()
        return flight.result

    def _load(self, ref: CredentialRef, generation: int) -> APICredentials | CoreError | None:
        at = self.monotonic()
        outcome = self._read(ref)
        reading = self._read_freeze(outcome) if isinstance(outcome, CoreError) else outcome[1].freeze
        with self._lock:
            now = self.monotonic()
            self._freeze.observe(reading, at=at, now=now)
            news = self._freeze.news()
            notices = [notice for notice in self._store.notices if notice not in self._told_notices]
            self._told_notices.update(notices)
            about_it = ""
            result = None
            if generation == self._generation:
                entry = self._entries.setdefault(ref.exchange, _Entry())
                about_it = self._settle(ref, entry, outcome, at=at, now=now)
                result = self._verdict(ref, entry, now)
            self._publish_all(now)
        _tell(self.policy.environment, [news, *notices])
        _tell(ref, [about_it])
        return result

    def _read(self, ref: CredentialRef) -> tuple[APICredentials, PairRead] | CoreError:
        from secrets_core.credentials import APICredentials

        try:
            pair = read_pair(self._store, ref, sleep=self._sleep)
            if pair.state is not PairState.LEGACY or self.policy.legacy_pairs != "refuse":
                return APICredentials.of(ref, pair.values, pair.version_id), pair
        except CoreError as error:
            return _again(error)
        return Refused(
            f"{ref} is a legacy pair: nothing proves that its parts belong together.",
            guard="legacy-pairs",
            hint="Adopt it, or rotate it.",
            path=str(ref),
        )

    def _read_freeze(self, failure: CoreError | None = None) -> FreezeReading:
        """Read the freeze record alone, unless the failure of the values says that nothing can be read."""
        if isinstance(failure, _WHOLE_CALL):
            return FreezeReading(None, f"The freeze record cannot be read: {failure.message}")
        name = control_name(self.policy.environment, FREEZE)
        try:
            return interpret(self._store.read_current([name])[name])
        except CoreError as error:
            return FreezeReading(None, f"The freeze record cannot be read: {error.message}")

    def _settle(
        self,
        ref: CredentialRef,
        entry: _Entry,
        outcome: tuple[APICredentials, PairRead] | CoreError,
        *,
        at: float,
        now: float,
    ) -> str:
        """Put the outcome of a read into the entry; gives what should be said about it, where that is new."""
        entry.tried_at = now
        if isinstance(outcome, CoreError):
            news = entry.failure is None or entry.failure.code != outcome.code
            entry.failure = outcome
            entry.refresh_at = now + RETRY_SECONDS * self.uniform(*JITTER)
            using = self._standing(ref, entry, now).state is State.OK
            rest = " The last proven credential stays in use." if using else ""
            return f"{outcome.message}{rest}" if news else ""
        entry.failure = None
        if self._freeze.standing(ref, None, now).state is State.HOLD:
            return ""  # nothing new is taken in, not even for reducing risk
        credentials, pair = outcome
        legacy = pair.state is PairState.LEGACY
        warn = legacy and not entry.legacy and self.policy.legacy_pairs == "warn"
        entry.credentials, entry.version_id, entry.legacy, entry.loaded_at = (
            credentials,
            pair.leader_version,
            legacy,
            at,
        )
        dead = self._freeze.is_dead(ref, pair.leader_version)
        entry.refresh_at = now + (RETRY_SECONDS if dead else self.policy.ttl_seconds) * self.uniform(*JITTER)
        return "It is a legacy pair: nothing proves that its parts belong together. Adopt it." if warn else ""

    def _usable(self, entry: _Entry, now: float) -> bool:
        stopped = isinstance(entry.failure, (Denied, *_ABSENT))
        return entry.credentials is not None and not stopped and now < self._stale_at(entry)

    def _stale_at(self, entry: _Entry) -> float:
        return entry.loaded_at + self.policy.max_stale_seconds

    def _standing(self, ref: CredentialRef, entry: _Entry, now: float) -> Standing:
        standing = self._freeze.standing(ref, entry.version_id, now)
        failure = entry.failure
        if standing.state is not State.OK or (failure is None and self._usable(entry, now)):
            return standing
        version = entry.version_id
        if failure is None:
            return Standing(ref, State.HOLD, "failing", f"{ref} has not been read yet.", version)
        if isinstance(failure, Denied):
            return Standing(ref, State.HOLD, "denied", f"Reading {ref} is denied: {failure.message}", version)
        if isinstance(failure, _ABSENT):
            return Standing(ref, State.HOLD, "gone", failure.message, version)
        state = State.OK if self._usable(entry, now) else State.HOLD
        return Standing(ref, state, "failing", failure.message, version)

    def _verdict(self, ref: CredentialRef, entry: _Entry, now: float) -> APICredentials | CoreError:
        standing = self._standing(ref, entry, now)
        if standing.state is State.OK and entry.credentials is not None:
            return entry.credentials
        if standing.cause in ("gone", "failing") and entry.failure is not None:
            return entry.failure
        return refusal(standing)

    def _publish_all(self, now: float) -> None:
        """Bring ``ready`` in line with where every credential stands."""
        for exchange, entry in self._entries.items():
            ref = CredentialRef(self.policy.environment, exchange)
            key = (ref.environment, exchange)
            standing = self._standing(ref, entry, now)
            if standing.cause == "frozen":
                # A freeze mostly ends with another key: after the thaw it is read before anything is handed out.
                entry.loaded_at = entry.refresh_at = -math.inf
            elif standing.cause == "revoked" and entry.credentials is not None:
                entry.credentials, entry.refresh_at = None, min(entry.refresh_at, now + RETRY_SECONDS)
            grace = LATE_POLLS * self.policy.poll_seconds if exchange in self._watched else 0
            until = min(entry.refresh_at + grace, self._stale_at(entry), self._freeze.good_until)
            if standing.state is State.OK and entry.credentials is not None and now < until:
                self._ready[key] = (until, entry.credentials)
            else:
                self._ready.pop(key, None)


def _tell(about: object, sentences: Iterable[str]) -> None:
    for sentence in filter(None, sentences):
        _log.warning("%s: %s", about, sentence)


def _again(error: _Error) -> _Error:
    """Give a copy without traceback and context: it is kept, and raised by several threads."""
    copy = type(error).__new__(type(error))
    copy.args = error.args
    copy.__dict__.update(error.__dict__)
    return copy


_readers: weakref.WeakSet[EnvironmentReader] = weakref.WeakSet()


def _after_fork() -> None:
    for reader in list(_readers):
        reader.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
