"""Servers that are not AWS at all: one that gives the same bytes to everybody, and a port where nobody listens."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def keys_of_nobody() -> str:
    """Make a profile whose keys no server checks; give its name."""
    path = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
    path.write_text("[nobody]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=none\n")
    return "nobody"


def unused_port() -> int:
    """Give a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def answering(answer: bytes, *, pause: float = 0) -> Iterator[str]:
    """Serve the same bytes to every request, one by one with a pause between where there is one."""
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65_536)
                pieces = [answer[i : i + 1] for i in range(len(answer))] if pause else [answer]
                for piece in pieces:
                    connection.sendall(piece)
                    if stop.wait(pause):
                        return
            except OSError:
                return  # the client had enough

    def accept() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=serve, args=(connection,), daemon=True)
            thread.start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            accepting.join()
