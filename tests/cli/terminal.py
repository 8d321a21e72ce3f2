"""Runs the command line as a user does: as a process, in this process, or at a terminal."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secrets_core.cli import main
from tests.project.checkout import ROOT

PROGRAM = (sys.executable, "-m", "secrets_core")
SECONDS = 30
AT_TERMINAL = """
import fcntl, runpy, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
runpy.run_module("secrets_core", run_name="__main__")
"""
"""Takes standard input as the terminal that controls the process, as a shell's job has one."""


@dataclass(frozen=True, slots=True, repr=False)
class Ran:
    """How a command ended; without a repr, so that a failing assertion prints no value."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one line of JSON that is all of standard output."""
        assert self.out.endswith("\n")
        assert self.out.count("\n") == 1
        data = json.loads(self.out)
        assert isinstance(data, dict)
        assert self.out == json.dumps(data, sort_keys=True, separators=(",", ":")) + "\n"
        return data

    @property
    def everything(self) -> str:
        """All that was printed."""
        return self.out + self.err


def run_process(*arguments: str, stdin: str | bytes = b"", env: Mapping[str, str] | None = None, **popen: Any) -> Ran:
    """Run ``python -m secrets_core`` with these arguments."""
    command = popen.pop("command", (*PROGRAM, *arguments))
    done = subprocess.run(
        command,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        timeout=SECONDS,
        **popen,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def call(*arguments: str, stdin: str = "") -> Ran:
    """Run a command in this process, its standard input a pipe that holds ``stdin``."""
    out, err = io.StringIO(), io.StringIO()
    with piped(stdin), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(arguments))
    return Ran(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def piped(text: str) -> Iterator[None]:
    """Make descriptor 0 a pipe that holds ``text``; the text must fit into a pipe's buffer."""
    kept = os.dup(0)
    reading, writing = os.pipe()
    try:
        os.write(writing, text.encode(errors="surrogateescape"))
        os.close(writing)
        os.dup2(reading, 0)
        yield
    finally:
        os.dup2(kept, 0)
        os.close(reading)
        os.close(kept)


def at_terminal(
    arguments: Sequence[str], typed: Sequence[tuple[str, str]], look: Callable[[int], None] | None = None
) -> Ran:
    """Run a command at a terminal of its own: wait for each prompt, then type its answer.

    Standard output is a pipe; standard error and the prompts are all that the terminal showed. ``look`` gets the
    process id at each prompt.
    """
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        (sys.executable, "-c", AT_TERMINAL, *arguments),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        cwd=ROOT,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    try:
        for prompt, answer in typed:
            shown = _read_until(controller, prompt.encode(), shown)
            if look is not None:
                look(process.pid)
            os.write(controller, answer.encode())
        assert process.stdout is not None
        out = process.stdout.read().decode()
        code = process.wait(SECONDS)
        shown += _rest(controller)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        os.close(controller)
    return Ran(code, out, shown.decode())


def _read_until(descriptor: int, wanted: bytes, shown: bytes) -> bytes:
    end = time.monotonic() + SECONDS
    seen = len(shown)
    while wanted not in shown[seen:]:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise TimeoutError("the prompt did not come")
        shown += os.read(descriptor, 4096)
    return shown


def _rest(descriptor: int) -> bytes:
    shown = b""
    with contextlib.suppress(OSError):
        while select.select([descriptor], [], [], 0.2)[0]:
            chunk = os.read(descriptor, 4096)
            if not chunk:
                break
            shown += chunk
    return shown
