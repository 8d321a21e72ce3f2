"""The console of this checkout, started as an operator starts it, on a terminal of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.terminal.console import Start, wait_for_the_demo
from tests.terminal.sandbox import Sandbox
from tests.terminal.terminal import Terminal

PLANTED = Path(__file__).parent / "planted"


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """Give a place of its own to run the console in."""
    return Sandbox.make(tmp_path / "sandbox")


@pytest.fixture
def start(sandbox: Sandbox) -> Iterator[Start]:
    """Give what starts ``python -m tui``; everything started ends with the test."""
    with ExitStack() as running:

        def start_console(
            *arguments: str,
            size: tuple[int, int] = (80, 24),
            env: dict[str, str] | None = None,
            planted: bool = False,
            hidden: tuple[str, ...] = (),
        ) -> Terminal:
            command = [sys.executable, "-m", "tui", *arguments]
            variables = sandbox.environment(*([PLANTED] if planted else [])) | (env or {})
            return running.enter_context(Terminal(command, env=variables, cwd=sandbox.work, size=size, hidden=hidden))

        yield start_console


@pytest.fixture
def demo(start: Start) -> Start:
    """Give what starts the demo and waits until all of it is on the screen."""

    def start_demo(
        *arguments: str,
        size: tuple[int, int] = (80, 24),
        env: dict[str, str] | None = None,
        planted: bool = False,
        hidden: tuple[str, ...] = (),
    ) -> Terminal:
        terminal = start("--demo", *arguments, size=size, env=env, planted=planted, hidden=hidden)
        wait_for_the_demo(terminal)
        return terminal

    return start_demo
