"""The help texts, made from the table of commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secrets_core.cli.parsing import COMMON, PROGRAM, Option, Verb

_VALUES = """
Values: without a source you are asked for them, unseen. In scripts, one line a value in the order key, secret,
passphrase: from standard input with -, or from a descriptor with --fd. With --stdin-json one object, which may hold
a PEM. An option takes its value from the next line of standard input when it is -.
"""


def general_help(verbs: Mapping[str, Verb]) -> str:
    """Give the help of the program."""
    return (
        f"Usage: {PROGRAM}                      opens the console\n       {PROGRAM} COMMAND [OPTIONS]\n\n"
        "Exchange credentials of a trading desk. Each command prints one line of JSON.\n"
        "\nCommands:\n"
        + _aligned([(verb.name, verb.summary) for verb in verbs.values()])
        + "\nOptions of every command, before or after it:\n"
        + _aligned([(_form(option), option.help) for option in COMMON])
        + f"\n{PROGRAM} COMMAND --help tells the options of one.\n"
        "Exit codes: 0 done, 1 refused or failed, 2 called wrongly, 3 a policy asked for is not met.\n"
    )


def verb_help(verb: Verb) -> str:
    """Give the help of one command."""
    required = [_form(option) for option in verb.options if option.required]
    operand = "|".join(verb.operands)
    if operand and not verb.operand_required:
        operand = f"[{operand}]"
    usage = " ".join(word for word in (PROGRAM, verb.name, *required, operand, "[OPTIONS]") if word)
    takes_values = any(option.secret for option in verb.options)
    return (
        f"Usage: {usage}\n\n{verb.summary}\n"
        + ("\nOptions:\n" + _aligned([(_form(option), option.help) for option in verb.options]) if verb.options else "")
        + "\nOptions of every command:\n"
        + _aligned([(_form(option), option.help) for option in COMMON])
        + (_VALUES if takes_values else "")
    )


def _form(option: Option) -> str:
    return f"{option.name} {option.value}".strip()


def _aligned(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(left) for left, _ in rows)
    return "".join(f"  {left.ljust(width)}  {right}\n" for left, right in rows)
