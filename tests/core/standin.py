"""A store that can be made to fail, a clock that only moves when told, and a world that puts both under a provider."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence

from secrets_core.errors import CoreError
from secrets_core.names import FREEZE, CredentialRef, control_name, secret_name
from secrets_core.policy import EnvironmentPolicy, default_policy
from secrets_core.provider import SecretProvider
from secrets_core.secret import Secret
from secrets_core.standing import Standing, State, Uniform
from secrets_core.stores.base import SecretVersion
from secrets_core.stores.memory import MemoryStore
from secrets_core.watching import Watch, Watcher
from tests.canary import Canary


class StandInStore(MemoryStore):
    """A memory store that counts its reads and fails as told."""

    def __init__(self) -> None:
        super().__init__(operator="operator@desk")
        self.dark: Callable[[], CoreError] | None = None
        """What every call fails with."""
        self.broken: dict[str, Callable[[], CoreError]] = {}
        """What a read of one secret gives instead of its value, by name."""
        self.before_read: Callable[[Sequence[str]], None] = lambda names: None
        self.reads: list[tuple[str, ...]] = []
        self._count_lock = threading.Lock()

    def read_current(self, names: Sequence[str]) -> dict[str, SecretVersion | CoreError]:
        with self._count_lock:
            self.reads.append(tuple(names))
        self.before_read(names)
        if self.dark is not None:
            raise self.dark()
        outcomes = super().read_current(names)
        return outcomes | {name: self.broken[name]() for name in names if name in self.broken}


class FakeTime:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def middle(low: float, high: float) -> float:
    """Stand in for ``random.uniform``: no spread."""
    return (low + high) / 2


class World:
    """One environment with one credential, and everything that can happen to it."""

    def __init__(
        self,
        environment: str,
        canary: Canary,
        *,
        exchange: str = "bybit",
        uniform: Uniform = middle,
        policy: EnvironmentPolicy | None = None,
    ) -> None:
        self.ref = CredentialRef(environment, exchange)
        self.canary = canary
        self.store = StandInStore()
        self.time = FakeTime()
        self.policy = policy or default_policy(environment)
        self.variables: dict[str, str] = {}
        self.provider = SecretProvider(
            self.store,
            policies={environment: self.policy},
            variables=self.variables,
            monotonic=self.time,
            sleep=self.time.sleep,
            uniform=uniform,
        )
        self.revision = 0
        self.told: list[Standing] = []
        self.watcher = Watcher(self.provider.reader(environment), deadline_seconds=5)

    def save(self) -> None:
        self.provider.save_credentials(
            self.ref.environment, self.ref.exchange, self.canary.api_key, self.canary.api_secret
        )
        self.store.reads.clear()

    def rotate(self, canary: Canary) -> str:
        return self.provider.rotate_credentials(
            self.ref.environment, self.ref.exchange, canary.api_key, canary.api_secret
        ).version_id

    def rotate_elsewhere(self, canary: Canary) -> str:
        """Rotate as another process does: this one's cache hears nothing of it."""
        other = SecretProvider(self.store, variables={})
        return other.rotate_credentials(
            self.ref.environment, self.ref.exchange, canary.api_key, canary.api_secret
        ).version_id

    def get(self) -> object:
        return self.provider.get_api_credentials(self.ref.environment, self.ref.exchange)

    def watch(self) -> Watch:
        """Watch by hand: ``pass_time`` polls."""
        made = self.watcher.add(self.ref.exchange, self.told.append)
        self.watcher.poll_once()
        return made

    def pass_time(self, seconds: float) -> None:
        """Let time pass, polling as the environment's rules say."""
        until = self.time.now + seconds
        while self.time.now + self.policy.poll_seconds <= until:
            self.time.now += self.policy.poll_seconds
            self.watcher.poll_once()
        self.time.now = until

    @property
    def freeze_name(self) -> str:
        return control_name(self.ref.environment, FREEZE)

    def name(self, part: str) -> str:
        return secret_name(self.ref, part)

    def write_freeze(
        self, holds: Mapping[str, Mapping[str, object]] | None = None, *, dead: Sequence[str] = (), revision: int = 0
    ) -> None:
        """Write the freeze record as an incident does; with ``holds`` empty it is a thaw."""
        self.revision = revision or self.revision + 1
        record = {
            "format": 1,
            "revision": self.revision,
            "holds": holds or {},
            "dead": [{"ref": str(self.ref), "version": version, "incident": "i-1"} for version in dead],
            "burned": [],
        }
        self.write_raw(json.dumps(record))

    def write_raw(self, text: str) -> None:
        version = f"freeze-{len(self.store.reads)}-{self.time.now}-{len(text)}-{self.revision}"
        self.store.put_secret_value(self.freeze_name, version, Secret(text))

    def value_reads(self) -> int:
        """How often values were read, apart from looks at the freeze record alone."""
        return sum(len(names) > 1 for names in self.store.reads)

    def states(self) -> list[State]:
        return [standing.state for standing in self.told]


def cause(watch: Watch) -> str:
    """Give why the credential stands where it does now; anew with every call, which a property hides."""
    return watch.standing.cause


def hold(*scope: str, message: str = "") -> dict[str, Mapping[str, object]]:
    """Give the holds of a record with one incident."""
    return {"i-1": {"scope": list(scope), "codename": "night-owl", "message": message}}
