"""``mm-secrets``: with a command the command line, without one the console.

It first makes the process safe for secrets, and loads Textual only for the console and only after that.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secrets_core.service import Service
    from secrets_core.settings import Settings

HARMLESS = ("TEXTUAL_ANIMATIONS", "TEXTUAL_COLOR_SYSTEM", "TEXTUAL_FPS", "TEXTUAL_DISABLE_KITTY_KEY")
"""What is left of Textual's variables; the others log every key, load drivers or take pictures of the screen."""
SWITCHES = ("--demo",)
OPTIONS = ("--config", "--backend", "--write")
_PR_SET_DUMPABLE = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the console or a command; give the exit code: 0 done, 1 failed, 2 called wrongly."""
    scrub(os.environ)
    harden()
    words = list(sys.argv[1:] if arguments is None else arguments)
    flags = console_flags(words)
    if flags is None:
        from secrets_core.cli import main as run_command

        return run_command(words)
    return run_console(flags)


def scrub(variables: MutableMapping[str, str]) -> None:
    """Take away the variables by which Textual would write keys and pastes to files, or mistake the terminal's size."""
    for name in list(variables):
        # Sizes that a shell left behind would be believed before the terminal's own.
        stray = name in ("TEXTUAL", "COLUMNS", "LINES")
        if stray or (name.startswith("TEXTUAL_") and name not in HARMLESS):
            del variables[name]
    variables.setdefault("TEXTUAL_ANIMATIONS", "none")
    # At 60 frames a second what a message changes is painted 33 ms after the key, at 120 after 16.
    variables.setdefault("TEXTUAL_FPS", "120")


def harden() -> None:
    """Let no other process of this user look into this one's memory, and no crash leave a core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def console_flags(words: Sequence[str]) -> dict[str, str] | None:
    """Give the console's flags, or ``None`` where the command line must answer: a command, a question, a mistake."""
    flags: dict[str, str] = {}
    rest = list(words)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name in flags:
            return None
        if name in SWITCHES and not equals:
            flags[name] = "yes"
        elif name in OPTIONS and (equals or (rest and not rest[0].startswith("-"))):
            flags[name] = value if equals else rest.pop(0)
        else:
            return None
    return flags


def run_console(flags: Mapping[str, str]) -> int:
    """Open the console; a settings file that cannot be understood is told on standard error."""
    from secrets_core.errors import CoreError
    from secrets_core.settings import BACKEND_VARIABLE, load_settings

    try:
        settings = load_settings(flags.get("--config"))
    except CoreError as error:
        sys.stderr.write(f"mm-secrets: {error.message} {error.hint}".rstrip() + "\n")
        return 2
    if (why := why_no_console()) is not None:
        sys.stderr.write(f"mm-secrets: {why}\nWithout the console: mm-secrets list, or mm-secrets --help.\n")
        return 2
    chosen = settings.source is not None or os.environ.get(BACKEND_VARIABLE) or "--backend" in flags
    return _open(settings, flags, demo="--demo" in flags or not chosen)


def why_no_console() -> str | None:
    """Tell why there can be no console here, or ``None``."""
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        return "the console wants a terminal."
    term = os.environ.get("TERM", "")
    if term in ("dumb", "unknown"):
        return f"TERM={term} is no terminal that a console can be drawn on."
    return None


def _open(settings: Settings, flags: Mapping[str, str], *, demo: bool) -> int:
    import logging

    from secrets_core import __version__
    from secrets_core.clock import utc_now
    from tui.app import OperatorConsole

    # A faulty log call must not print its arguments into the screen.
    logging.raiseExceptions = False

    def open_service() -> Service:
        if demo:
            from secrets_core.demo import demo_service

            return demo_service(utc_now)
        from secrets_core.service import Service

        return Service(settings, backend=flags.get("--backend"), clock=utc_now, patience="console")

    write = (flags["--write"],) if "--write" in flags else ()
    app = OperatorConsole(settings, open_service, clock=utc_now, demo=demo, write=write, version=__version__)
    app.run()
    _let_go_of_a_lost_terminal()
    return app.return_code or 0


def _let_go_of_a_lost_terminal() -> None:
    """Where the terminal has gone, write to nowhere: the interpreter's last flush must not change the exit code."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
