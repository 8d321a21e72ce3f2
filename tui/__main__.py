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
    """Take away the variables by which Textual would write keys and pastes to files."""
    for name in list(variables):
        if name == "TEXTUAL" or (name.startswith("TEXTUAL_") and name not in HARMLESS):
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
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        sys.stderr.write("mm-secrets: the console wants a terminal. Name a command, or --help.\n")
        return 2
    chosen = settings.source is not None or os.environ.get(BACKEND_VARIABLE) or "--backend" in flags
    return _open(settings, flags, demo="--demo" in flags or not chosen)


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
    app = OperatorConsole(
        settings, open_service, clock=utc_now, demo=demo, write=write, version=__version__
    )
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
