"""The options that commands of several families take."""

from __future__ import annotations

from secrets_core.cli.parsing import Option
from secrets_core.names import PARTS

ENVIRONMENT = Option("--env", "The environment.", "ENV", required=True, completes="environment")
EXCHANGE = Option("--exchange", "The exchange, or exchange@account.", "NAME", required=True, completes="exchange")
SOURCES = (
    Option("--stdin-json", "Read the values from standard input as one JSON object: part name to value."),
    Option("--fd", "Read the values from this file descriptor, one line a part.", "N", whole=range(1024)),
)


def option_of(part: str, prefix: str = "--") -> str:
    """Give the option that takes a part: ``--api-key``, or ``--new-api-key``."""
    return prefix + part.replace("_", "-")


def value_options(prefix: str = "--") -> tuple[Option, ...]:
    """Give the options by which values are taken; ``-`` as a value stands for the next line of standard input."""
    return (
        *(
            Option(option_of(part, prefix), f"The {part}; better not on the command line.", "-", secret=True)
            for part in PARTS
        ),
        *SOURCES,
    )
