"""A program on a terminal of its own, driven and read from outside: what an operator types and sees, byte for byte."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyte

ANSWERS: Mapping[bytes, bytes] = {
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",  # synchronised output: known
    b"\x1b[?2048$p": b"\x1b[?2048;0$y",  # resize reports in the input: not known, so that the resize signal counts
    b"\x1b[c": b"\x1b[?62;22c",
    b"\x1b[6n": b"\x1b[1;1R",
}
"""What a terminal like xterm answers to the questions that Textual's Linux driver asks."""
LONGEST_QUESTION = max(map(len, ANSWERS))
NOT_FOR_PYTE = re.compile(rb"\x1b\[[<>=?][0-9;]*u|\x1b\[\?[0-9;]*\$p|\x1b\[[<>=][0-9;]*[A-Za-z]")
"""Keyboard protocol and mode questions: pyte would print their last letter."""
UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*)?\Z")
PRIVATE_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
CLIPBOARD = re.compile(rb"\x1b\]52;[^;\x07\x1b]*;([^\x07\x1b]*)(?:\x07|\x1b\\)")
TITLE = re.compile(rb"\x1b\]([012]);([^\x07\x1b]*)(?:\x07|\x1b\\)")
ESCAPES = re.compile(
    rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]"
    rb"|[\x00-\x08\x0b-\x1f]"
)

KEYS: Mapping[str, bytes] = {
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "shift+tab": b"\x1b[Z",
    "space": b" ",
    "backspace": b"\x7f",
    "delete": b"\x1b[3~",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "pageup": b"\x1b[5~",
    "pagedown": b"\x1b[6~",
    "f1": b"\x1bOP",
    "f2": b"\x1bOQ",
    "f5": b"\x1b[15~",
    "f12": b"\x1b[24~",
}
ON_MEANS_BROKEN = {
    1049: "alternate screen",
    1000: "mouse",
    1002: "mouse",
    1003: "mouse",
    1006: "mouse",
    1015: "mouse",
    1016: "mouse",
    1004: "focus reports",
    2004: "bracketed paste",
    2026: "synchronised output",
}
OFF_MEANS_BROKEN = {25: "hidden cursor", 7: "no line wrap"}


def key_bytes(key: str) -> bytes:
    """Give what a terminal sends for a key: a name of KEYS, ``ctrl+`` and a letter, or one character."""
    if key in KEYS:
        return KEYS[key]
    if key.startswith("ctrl+") and len(key) == 6:
        return bytes([ord(key[-1].upper()) & 0x1F])
    if len(key) != 1:
        raise ValueError(f"no such key: {key}")
    return key.encode()


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """One child process on one pseudo-terminal. Use it as a context manager: the child never outlives it.

    ``raw`` is all that the child ever wrote; ``arrivals`` says when (seconds since its start) how much of it was there.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        size: tuple[int, int] = (80, 24),
        hidden: Sequence[str] = (),
    ) -> None:
        """Start ``command``; ``size`` is columns and rows; what is ``hidden`` is kept out of failure messages."""
        self.raw = bytearray()
        self.arrivals: list[tuple[float, int]] = []
        self.exit_code: int | None = None
        self._hidden = hidden
        self._shown = 0
        self._asked = 0
        self._ended = False
        self._screen: Any = pyte.Screen(*size)
        self._stream: Any = pyte.ByteStream(self._screen)
        self._master, slave = os.openpty()
        self._set_size(*size)
        self._cooked = termios.tcgetattr(self._master)
        self._start = time.perf_counter()
        try:
            self._child = subprocess.Popen(
                command,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                cwd=cwd,
                env=dict(env),
                start_new_session=True,
                preexec_fn=_own_terminal,  # noqa: PLW1509  # no other way to give a child its controlling terminal
            )
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The child's process id; it leads a session of its own."""
        return self._child.pid

    @property
    def elapsed(self) -> float:
        """Seconds since just before the child was started."""
        return time.perf_counter() - self._start

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._screen.columns, self._screen.lines

    # What it shows

    @property
    def lines(self) -> list[str]:
        """The screen as it is now, a line each, without blanks at the right."""
        self._render()
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """The screen as it is now, in one text."""
        return "\n".join(self.lines)

    def attributes(self, row: int) -> list[tuple[str, str, bool]]:
        """Give foreground, background and reverse of every cell of a row."""
        self._render()
        cells = self._screen.buffer[row]
        return [(cells[x].fg, cells[x].bg, cells[x].reverse) for x in range(self._screen.columns)]

    @property
    def last_words(self) -> str:
        """What was written after the alternate screen was left, as text: what stays in the scrollback."""
        return ESCAPES.sub(b"", self.raw.rpartition(b"\x1b[?1049l")[2]).decode("utf-8", errors="replace").strip()

    @property
    def titles(self) -> list[str]:
        """Every window title that was set, in order."""
        return [found[2].decode("utf-8", errors="replace") for found in TITLE.finditer(self.raw)]

    @property
    def clipboard(self) -> list[bytes]:
        """The base64 of every text that was sent to the system's clipboard (OSC 52)."""
        return [found[1] for found in CLIPBOARD.finditer(self.raw)]

    def modes(self) -> dict[int, bool]:
        """Say for every private mode that the child ever touched whether it is on now."""
        state: dict[int, bool] = {}
        for found in PRIVATE_MODE.finditer(self.raw):
            for number in found[1].split(b";"):
                state[int(number)] = found[2] == b"h"
        return state

    @property
    def alternate(self) -> bool:
        """Whether the alternate screen is on."""
        return self.modes().get(1049, False)

    def broken(self) -> list[str]:
        """Name what an operator would find amiss in this terminal if the program left it as it is now."""
        modes = self.modes()
        amiss = {name for number, name in ON_MEANS_BROKEN.items() if modes.get(number, False)}
        amiss |= {name for number, name in OFF_MEANS_BROKEN.items() if not modes.get(number, True)}
        if self.raw.count(b"\x1b[>1u") > self.raw.count(b"\x1b[<u"):
            amiss.add("keyboard protocol")
        flags = termios.ECHO | termios.ICANON | termios.ISIG
        if termios.tcgetattr(self._master)[3] & flags != self._cooked[3] & flags:
            amiss.add("raw input")
        return sorted(amiss)

    # Reading

    def pump(self, timeout: float = 0.0) -> bool:
        """Read what is there, waiting at most ``timeout`` seconds for it; say whether anything came."""
        if self._ended or not select.select([self._master], [], [], max(0.0, timeout))[0]:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:  # how Linux says that the other side is closed
                raise
            data = b""
        if not data:
            self._ended = True
            return False
        self.raw += data
        self.arrivals.append((self.elapsed, len(self.raw)))
        self._answer()
        return True

    def wait_for(self, wanted: str | Callable[[Terminal], bool], timeout: float = 15.0) -> None:
        """Read until the text is on the screen, or the condition holds; ``AssertionError`` with the screen if never."""
        what = repr(wanted) if isinstance(wanted, str) else getattr(wanted, "__name__", "the condition")
        deadline = self.elapsed + timeout
        while not (wanted in self.text if isinstance(wanted, str) else wanted(self)):
            if self._ended:
                raise AssertionError(self._account(f"the program ended while waiting for {what}"))
            if self.elapsed > deadline:
                raise AssertionError(self._account(f"{timeout:g} s were not enough for {what}"))
            self.pump(0.05)

    def wait_for_bytes(self, wanted: bytes, *, since: int = 0, timeout: float = 15.0) -> float:
        """Read until the bytes were written after position ``since``; give when (seconds since the child's start).

        For measuring: nothing is rendered meanwhile.
        """
        deadline = self.elapsed + timeout
        while (at := self.raw.find(wanted, since)) < 0:
            if self._ended or self.elapsed > deadline:
                raise AssertionError(self._account(f"never written: {wanted!r}"))
            self.pump(0.05)
        return next(when for when, length in self.arrivals if length >= at + len(wanted))

    def settle(self, quiet: float = 0.25, timeout: float = 15.0) -> None:
        """Read until nothing was written for ``quiet`` seconds."""
        deadline = self.elapsed + timeout
        while self.pump(quiet):
            if self.elapsed > deadline:
                raise AssertionError(self._account(f"not quiet within {timeout:g} s"))

    def written_within(self, seconds: float) -> bytes:
        """Read for so long; give what was written meanwhile."""
        before, deadline = len(self.raw), self.elapsed + seconds
        while not self._ended and (left := deadline - self.elapsed) > 0:
            self.pump(left)
        return bytes(self.raw[before:])

    # Acting

    def send(self, data: bytes) -> None:
        """Write bytes as if they were typed, reading meanwhile so that neither side waits for the other for ever."""
        sent = 0
        while sent < len(data) and not self._ended:
            self.pump()
            if select.select([], [self._master], [], 0.05)[1]:
                sent += os.write(self._master, data[sent : sent + 512])

    def press(self, *keys: str, gap: float = 0.03) -> None:
        """Press keys one after the other, ``gap`` seconds apart, as a quick typist does."""
        for key in keys:
            self.send(key_bytes(key))
            self.written_within(gap)

    def type(self, text: str) -> None:
        """Type a text, a key at a time."""
        self.press(*text)

    def paste(self, text: str) -> None:
        """Paste a text in brackets, as every terminal does once the program has asked for it."""
        if not self.modes().get(2004, False):
            raise AssertionError(self._account("the program has not asked for bracketed pastes"))
        self.send(b"\x1b[200~" + text.encode() + b"\x1b[201~")

    def click(self, column: int, row: int) -> None:
        """Press and release the left mouse button on a cell (counted from 0)."""
        place = f"{column + 1};{row + 1}"
        self.send(f"\x1b[<0;{place}M\x1b[<0;{place}m".encode())

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self._render()
        self._screen.resize(lines=rows, columns=columns)
        self._set_size(columns, rows)

    def signal(self, number: signal.Signals) -> None:
        """Send the child a signal."""
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Close the terminal under the child, as a lost connection does."""
        os.close(self._master)
        self._ended = True
        self._master = -1

    def wait_exit(self, timeout: float = 10.0) -> int:
        """Read to the end and give the exit code; the number of a deadly signal counts negative."""
        deadline = self.elapsed + timeout
        while self._child.poll() is None or not self._ended:
            if self.elapsed > deadline:
                raise AssertionError(self._account(f"still running after {timeout:g} s"))
            if not self.pump(0.02):
                time.sleep(0.002)
        self.exit_code = self._child.returncode
        return self.exit_code

    def close(self) -> None:
        """End the child if it still runs, read to the end, let go of the terminal."""
        if self._child.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        deadline = self.elapsed + 5.0
        while not self._ended and self.elapsed < deadline:
            self.pump(0.05)
        self.exit_code = self._child.wait(timeout=5.0)
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    # Within

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _answer(self) -> None:
        fresh = bytes(self.raw[max(0, self._asked - LONGEST_QUESTION) :])
        begun = len(self.raw) - len(fresh)
        for question, answer in ANSWERS.items():
            at = fresh.find(question)
            while at >= 0:
                if begun + at + len(question) > self._asked:
                    os.write(self._master, answer)
                at = fresh.find(question, at + 1)
        self._asked = len(self.raw)

    def _render(self) -> None:
        fresh = bytes(self.raw[self._shown :])
        if cut := UNFINISHED.search(fresh):
            fresh = fresh[: cut.start()]
        self._shown += len(fresh)
        self._stream.feed(NOT_FOR_PYTE.sub(b"", fresh))

    def _account(self, problem: str) -> str:
        code = self._child.poll()
        state = "running" if code is None else f"exit code {code}"
        account = f"{problem} ({state}, {self.size[0]}x{self.size[1]})\n{self.text}"
        for value in self._hidden:
            account = account.replace(value, "<hidden>")
        return account
