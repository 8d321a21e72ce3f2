"""A backend that takes every call and never answers, and the settings that point the console to it."""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType

from tests.terminal.sandbox import Sandbox

IDENTITY = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
"""Enough for boto3 to make its call; no one ever looks at it."""


class Silence:
    """Listens on this machine's loopback; use it as a context manager."""

    def __init__(self) -> None:
        self.calls = 0
        self._held: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._taker = threading.Thread(target=self._take, daemon=True)

    def __enter__(self) -> Silence:
        self._taker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._taker.join(timeout=5)
        for caller in self._held:
            caller.close()

    def wait_for_call(self, before: int = 0, timeout: float = 15.0) -> None:
        """Wait until there were more calls than ``before``."""
        deadline = time.monotonic() + timeout
        while self.calls <= before:
            if time.monotonic() > deadline:
                raise AssertionError(f"nobody called within {timeout:g} s")
            time.sleep(0.01)

    def settings(self, sandbox: Sandbox) -> None:
        """Make every environment of a sandbox's settings one that calls here."""
        address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        tables = (
            f'[environments.{name}]\nbackend = "aws"\nregion = "us-east-1"\nendpoint_url = "{address}"\n'
            for name in ("dev", "shadow", "soak", "prod")
        )
        sandbox.settings("\n".join(tables))

    def _take(self) -> None:
        while True:
            try:
                caller, _ = self._server.accept()
            except OSError:  # closed: the end
                return
            self._held.append(caller)
            self.calls += 1
