"""``python -m secrets_core``: the command line without the console."""

from secrets_core.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
