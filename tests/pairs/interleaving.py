"""Several writers at once, one call at a time and in an order that the test decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from secrets_core.errors import CoreError
from secrets_core.stores.base import SecretStore, SecretVersion
from tests.pairs.support import ForwardingStore, Killed, T


class Actor:
    """One operator in a thread of his own, who stands still before each of his calls until he may go on."""

    def __init__(self, name: str, store: SecretStore, act: Callable[[SecretStore], object]) -> None:
        """Take what he does; he goes up to his first call at once."""
        self.name = name
        self.result: object = None
        self.error: BaseException | None = None
        self.next_call = ""
        self.done = False
        self._may_go = threading.Semaphore(0)
        self._stands = threading.Semaphore(0)
        self._dead = False
        self._thread = threading.Thread(target=self._run, args=(SteppedStore(store, self), act), daemon=True)
        self._thread.start()
        self._stands.acquire()

    def advance(self, calls: int = 1) -> None:
        """Let him make so many calls, or as many as he still has to."""
        for _ in range(calls):
            if self.done:
                return
            self._may_go.release()
            self._stands.acquire()

    def finish(self) -> None:
        """Let him make all his calls."""
        while not self.done:
            self.advance()

    def kill(self) -> None:
        """End him before his next call."""
        self._dead = True
        self.finish()

    def wait_for_turn(self, call: str) -> None:
        """Stand before a call; raise ``Killed`` when it will never be made."""
        self.next_call = call
        self._stands.release()
        self._may_go.acquire()
        if self._dead:
            raise Killed

    def _run(self, store: SecretStore, act: Callable[[SecretStore], object]) -> None:
        try:
            self.result = act(store)
        except (CoreError, Killed, AssertionError) as error:
            self.error = error
        finally:
            self.done = True
            self._stands.release()


class SteppedStore(ForwardingStore):
    """An actor's view of the store: each call waits for its turn, and a batch reads its secrets one by one."""

    def __init__(self, inner: SecretStore, actor: Actor) -> None:
        super().__init__(inner)
        self._actor = actor

    def step(self, operation: str, name: str, run: Callable[[], T]) -> T:
        self._actor.wait_for_turn(f"{operation} {name}")
        return run()

    def read_current(self, names: Sequence[str]) -> dict[str, SecretVersion | CoreError]:
        # AWS documents no snapshot between the secrets of one BatchGetSecretValue.
        outcomes: dict[str, SecretVersion | CoreError] = {}
        for name in names:
            outcomes |= super().read_current([name])
        return outcomes
