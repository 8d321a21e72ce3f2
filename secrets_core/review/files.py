"""Files of reviews: written whole or not at all, for their owner alone; read with a limit."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from secrets_core.review.document import ReviewProblem


def write_private(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a file (mode 0600) so that it is there whole or not at all, also after a power failure.

    Raises ``ReviewProblem`` when it cannot be written, or, unless ``replace``, when there is one of that name.
    """
    name = path.parent / f".{path.name[:64]}.{secrets.token_hex(8)}"
    problem = ""
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(name, path)  # noqa: PTH105 - beside os.link, which pathlib has under another name
        else:
            os.link(name, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        problem = "There is a file of that name already; a signed review never takes the place of another."
    except OSError as error:
        problem = f"The file cannot be written: {os.strerror(error.errno) if error.errno else type(error).__name__}."
    finally:
        with contextlib.suppress(OSError):
            name.unlink()
    if problem:
        raise ReviewProblem(problem, hint="Name another file.", path="--out")


def read_file(path: Path | int, limit: int) -> bytes | None:
    """Give the bytes of a file or a descriptor, at most one more than ``limit``; ``None`` where it cannot be read."""
    try:
        with open(path, "rb", closefd=not isinstance(path, int)) as file:
            return file.read(limit + 1)
    except (OSError, ValueError):
        return None
