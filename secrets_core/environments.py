"""The environments of one service: their settings and stores, and what is remembered of each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from secrets_core.clock import Clock
from secrets_core.fingerprints import FingerprintKey, ensure_key, read_key
from secrets_core.names import CredentialRef
from secrets_core.settings import STANDARD_ENVIRONMENTS, EnvironmentSettings, Settings
from secrets_core.stores.base import SecretStore
from secrets_core.stores.opening import Patience, choose_backend, open_store
from secrets_core.versions import new_version_id
from secrets_core.views import EnvironmentView

StoreOpener = Callable[[EnvironmentSettings], SecretStore]


@dataclass(slots=True)
class KnownEnvironment:
    """What a service remembers of one environment."""

    settings: EnvironmentSettings
    backend: str
    store: SecretStore | None = None
    view: EnvironmentView | None = None
    fingerprint_key: FingerprintKey | None = None
    lifted_until: datetime | None = None
    births: dict[tuple[CredentialRef, str], datetime] = field(default_factory=dict)
    """Creation dates of legacy credentials that were looked up, by their leader's version."""
    begun: int = 0
    """How many refreshes were begun; the view is of the one with number ``shown``."""
    shown: int = 0
    changed: dict[CredentialRef, int] = field(default_factory=dict)
    """What was changed here, and how many refreshes had begun by then: those know nothing of it."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Environments:
    """Gives each environment by its name; opens its store at the first need, once. Safe for threads."""

    def __init__(
        self,
        settings: Settings,
        *,
        variables: Mapping[str, str],
        backend: str | None,
        clock: Clock,
        patience: Patience,
        open_environment: StoreOpener | None,
        metadata_only: bool = False,
    ) -> None:
        """Take where stores come from; raise ``SettingsError`` for an unknown backend."""
        self._settings = settings
        self._clock = clock
        self._open: StoreOpener
        self._backend_of: Callable[[EnvironmentSettings], str]
        if open_environment is not None:
            self._open = open_environment
            self._backend_of = lambda _: backend or "memory"
        else:
            self._open = lambda known: open_store(
                known,
                variables=variables,
                backend=backend,
                patience=patience,
                clock=clock,
                metadata_only=metadata_only,
            )
            self._backend_of = lambda known: choose_backend(known, variables, backend, named=settings.environments)
        self.names = tuple(settings.environments) or STANDARD_ENVIRONMENTS
        """Those that settings name, else the four standard ones."""
        self._known: dict[str, KnownEnvironment] = {}
        for name in self.names:
            self.get(name)

    def get(self, name: str) -> KnownEnvironment:
        """Give what is remembered of an environment, also of one that is not among ``names``.

        Raises ``InvalidName``, and ``SettingsError`` as ``choose_backend``.
        """
        if name not in self._known:
            settings = self._settings.environment(name)
            self._known[name] = KnownEnvironment(settings, self._backend_of(settings))
        return self._known[name]

    def store(self, name: str) -> SecretStore:
        """Give its store, opening it where that was not done yet; raises as ``open_store``."""
        known = self.get(name)
        with known.lock:
            if known.store is None:
                known.store = self._open(known.settings)
            return known.store

    def fingerprint_key(self, name: str, *, make: bool = False) -> FingerprintKey | None:
        """Give its fingerprint key, ``None`` where there is none; ``make`` makes it then. I/O the first time."""
        known = self.get(name)
        if known.fingerprint_key is None:
            store = self.store(name)
            if make:
                known.fingerprint_key = ensure_key(store, name, new_version_id(self._clock()))
            else:
                known.fingerprint_key = read_key(store, name)
        return known.fingerprint_key
