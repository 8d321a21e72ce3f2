"""The command line: one JSON line per command for scripts, a readable form for people, never a value in either."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; ``argv`` is without the program's name (default: this process's)."""
    from secrets_core.cli.running import run

    return run(sys.argv[1:] if argv is None else argv)
