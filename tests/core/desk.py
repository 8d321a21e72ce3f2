"""A service over memory stores that can be made to fail, with a clock that only moves when told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from secrets_core.errors import CoreError
from secrets_core.exchanges import parts_of
from secrets_core.names import CredentialRef
from secrets_core.policy import default_policy
from secrets_core.secret import Secret
from secrets_core.service import Service
from secrets_core.settings import EnvironmentSettings, ExchangeSettings, Settings
from secrets_core.stores.base import SecretMetadata
from secrets_core.stores.memory import MemoryStore
from secrets_core.views import CredentialRow
from tests.pairs.support import ForwardingStore, MovableClock, put_foreign

T = TypeVar("T")
ALL = "*"


class FailingStore(ForwardingStore):
    """Fail the operations that a test names, by operation, by operation and secret, or all of them."""

    def __init__(self, inner: MemoryStore) -> None:
        super().__init__(inner)
        self.fails: dict[str | tuple[str, str], CoreError] = {}
        self.calls: Counter[str] = Counter()
        self.listing: Callable[[list[SecretMetadata]], list[SecretMetadata]] = list
        """What a listing shows of what is there."""
        self.before: Callable[[str], None] = lambda operation: None

    def step(self, operation: str, name: str, run: Callable[[], T]) -> T:
        self.calls[operation] += 1
        self.before(operation)
        for key in (ALL, operation, (operation, name)):
            if key in self.fails:
                raise self.fails[key]
        return run()

    def identity(self) -> Any:
        return self.step("identity", "", self.inner.identity)

    def list_metadata(self, prefix: str) -> list[SecretMetadata]:
        found = super().list_metadata(prefix)
        return self.listing(found)


class Desk:
    """Environments in memory that the service takes for a real backend."""

    def __init__(
        self,
        *environments: str,
        backend: str = "aws",
        variables: Mapping[str, str] | None = None,
        exchanges: Sequence[str] = (),
        **more: Any,
    ) -> None:
        """Take the environments (``dev`` and ``prod`` where none is named) and the exchanges that settings name.

        ``more`` are fields of the policies (by name) and ``ci_markers``.
        """
        names = environments or ("dev", "prod")
        self.clock = MovableClock()
        self.inner = {name: MemoryStore(self.clock, operator="alice@desk") for name in names}
        self.stores = {name: FailingStore(store) for name, store in self.inner.items()}
        self.opened: list[str] = []
        markers = {"ci_markers": more.pop("ci_markers")} if "ci_markers" in more else {}
        known = {exchange: ExchangeSettings() for exchange in exchanges}
        self.service = Service(
            Settings(
                environments={
                    name: EnvironmentSettings(name, replace(default_policy(name), **more), exchanges=known)
                    for name in names
                }
            ),
            variables=variables or {},
            backend=backend,
            clock=self.clock,
            open_environment=self._open,
            **markers,
        )

    def _open(self, known: EnvironmentSettings) -> FailingStore:
        self.opened.append(known.name)
        return self.stores[known.name]

    def save(self, ref: CredentialRef, *serials: int) -> list[str]:
        """Store versions by the service, oldest first, and list; gives their ids."""
        service = self.service
        if service.is_read_only(ref.environment):
            service.lift_read_only(ref.environment)
        ids = [service.save(ref, values(ref, serials[0] if serials else 1)).version_id]
        ids += [service.rotate(ref, values(ref, serial)).version_id for serial in serials[1:]]
        service.refresh(ref.environment)
        return [version_id for version_id in ids if version_id]

    def save_foreign(self, ref: CredentialRef, serial: int = 1) -> None:
        """Store a credential as another tool does: part by part, under ids of its own."""
        for part, value in values(ref, serial).items():
            put_foreign(self.inner[ref.environment], f"{ref.base_name}/{part}", value)

    def row(self, ref: CredentialRef) -> CredentialRow:
        """Give a credential's row of the latest view."""
        return next(row for row in self.service.view(ref.environment).rows if row.ref == ref)

    def names(self, environment: str) -> list[str]:
        """Give the credentials' names in the latest view, in its order."""
        return [row.ref.exchange for row in self.service.view(environment).rows]


def values(ref: CredentialRef, serial: int = 1) -> dict[str, Secret]:
    """Give a complete credential, other than that of another serial number."""
    return {part: Secret(f"{part}-of-{ref.exchange}-number-{serial}") for part in parts_of(ref.exchange)}
