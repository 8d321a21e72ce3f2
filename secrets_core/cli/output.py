"""What a command prints: one JSON line, or a plain readable form; notes go to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TextIO

from secrets_core.cli.parsing import PROGRAM
from secrets_core.errors import CoreError, Refused

DONE, FAILED, USAGE, UNMET = 0, 1, 2, 3
INTERRUPTED = 130
"""The shell's way to say that a command ended by the interrupt key: 128 and the signal's number."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has to say: fields of the JSON line (``action`` is added), and the same for people."""

    fields: Mapping[str, object]
    human: str
    status: str = "OK"
    """``OK``; ``PARTIAL``: something of it could not be done; ``DIFFERENT`` (verify), ``PROBLEMS`` (doctor); ``UNMET``:
    a policy that the caller asked for is not met."""

    @property
    def code(self) -> int:
        """The exit code."""
        return {"OK": DONE, "UNMET": UNMET}.get(self.status, FAILED)


@dataclass(frozen=True, slots=True)
class Document:
    """A text that is printed as it is, such as a completion script."""

    text: str
    code: int = DONE


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure as fields of the JSON line."""

    code: str
    error: str
    hint: str = ""
    path: str = ""
    guard: str = ""
    more: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, error: CoreError) -> Problem:
        """Take over what an error says."""
        guard = error.guard if isinstance(error, Refused) else ""
        return cls(error.code, error.message, error.hint, error.path, guard)

    def fields(self) -> dict[str, object]:
        """Give code and error, and the others where there is something to say."""
        optional = {"hint": self.hint, "path": self.path, "guard": self.guard}
        return {"code": self.code, "error": self.error} | {k: v for k, v in optional.items() if v} | dict(self.more)

    @property
    def sentence(self) -> str:
        """What happened and what to do next."""
        return f"{self.error} {self.hint}".strip()


def json_line(fields: Mapping[str, object]) -> str:
    """Give one line of JSON: keys sorted, no spaces, ASCII only, so that every locale can print it."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def iso(time: datetime | None) -> str | None:
    """Give a time as ``2026-01-31T12:00:00Z``."""
    return None if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give aligned columns under their titles; without rows, nothing."""
    lines = [list(row) for row in rows]
    if not lines:
        return ""
    widths = [max(len(line[column]) for line in [list(titles), *lines]) for column in range(len(titles))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [list(titles), *lines]
    )


def plain(text: str) -> str:
    """Give a text in which nothing but line ends steers a terminal: what others wrote into a store is shown too."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


def write_out(text: str) -> int:
    """Write to standard output and give an exit code: a reader that has gone is no failure, a full disk is one."""
    stream = sys.stdout
    if stream is None:
        return DONE
    try:
        stream.write(_encodable(text, stream))
        stream.flush()
    except BrokenPipeError:
        _stop_output(stream)
    except (OSError, ValueError):
        _stop_output(stream)
        note("The answer could not be written to standard output.")
        return FAILED
    return DONE


def note(text: str) -> None:
    """Write lines to standard error, where there is one."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        for line in plain(text).split("\n"):
            stream.write(_encodable(f"{PROGRAM}: {line}\n", stream))
        stream.flush()
    except (OSError, ValueError):
        _stop_output(stream)


def _encodable(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _stop_output(stream: TextIO) -> None:
    """Let nothing more be written to a stream that fails, or the interpreter would complain about it at its end."""
    try:
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except (OSError, ValueError):
        return
    os.dup2(nowhere, number)
    os.close(nowhere)
