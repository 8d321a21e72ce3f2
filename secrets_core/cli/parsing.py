"""Reading the command line without ever repeating what was typed.

Not argparse: it puts unknown arguments and bad values, which may be secrets, into its messages, in wordings that
change between Python versions; it takes a value that begins with ``-`` for an option, and abbreviations for options.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from secrets_core.secret import Secret

if TYPE_CHECKING:
    from secrets_core.cli.output import Answer, Document
    from secrets_core.cli.session import Session

PROGRAM = "mm-secrets"


class UsageError(Exception):
    """The command was called wrongly; the message names options and rules of ours, never what was typed."""

    def __init__(self, message: str, verb: str = "") -> None:
        """Take the sentence, and the verb whose help tells more."""
        super().__init__(message)
        self.message = message
        self.verb = verb


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a verb, or of every verb."""

    name: str
    help: str
    value: str = ""
    """What stands for its value in the help; a switch has none."""
    choices: tuple[str, ...] = ()
    whole: range | None = None
    """The whole numbers it takes."""
    required: bool = False
    secret: bool = False
    several: bool = False
    """It takes every argument up to the next option, one at least."""
    completes: Literal["", "file", "environment", "exchange"] = ""


@dataclass(frozen=True, slots=True)
class Verb:
    """One command: what it takes, and who carries it out."""

    name: str
    summary: str
    run: Callable[[Session], Answer | Document]
    options: tuple[Option, ...] = ()
    operands: tuple[str, ...] = ()
    """The words it takes besides options, one at most."""
    operand_required: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A command line that keeps to the rules."""

    verb: Verb | None
    """``None`` only where help or the version is asked for."""
    texts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    switches: frozenset[str] = frozenset()
    operand: str | None = None
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def action(self) -> str:
        """The verb's name, or nothing."""
        return self.verb.name if self.verb is not None else ""

    def text(self, name: str) -> str | None:
        """Give an option's value, or ``None``."""
        return self.texts.get(name)

    def several(self, name: str) -> tuple[str, ...]:
        """Give the values of an option that takes several; none where it is not there."""
        return self.lists.get(name, ())

    def has(self, name: str) -> bool:
        """Tell whether a switch is on."""
        return name in self.switches


HELP = Option("--help", "Show this help and exit.")
VERSION = Option("--version", "Show the version and exit.")
COMMON = (
    Option("--demo", "Work on made-up data in memory."),
    Option("--config", "Use this settings file.", "FILE", completes="file"),
    Option("--backend", "Use this backend whatever settings say: memory, vault or aws.", "NAME"),
    Option("--write", "Lift read-only of this environment, for this one command.", "ENV", completes="environment"),
    Option("--human", "Print a form for people instead of the JSON line."),
    VERSION,
    HELP,
)
"""The options that may stand before or after the verb."""


@dataclass(slots=True)
class _Reading:
    """The command line as far as it has been read."""

    verbs: Mapping[str, Verb]
    verb: Verb | None = None
    texts: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)
    operand: str | None = None
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Option]:
        own = self.verb.options if self.verb is not None else ()
        return {option.name: option for option in (*COMMON, *own)}

    def fail(self, message: str) -> UsageError:
        return UsageError(message, self.verb.name if self.verb is not None else "")

    def take_word(self, word: str) -> None:
        if self.verb is None:
            if word not in self.verbs:
                raise self.fail(f"There is no such command{_nearest(word, self.verbs)}")
            self.verb = self.verbs[word]
            return
        if self.operand is not None or word not in self.verb.operands:
            allowed = f" It takes {' or '.join(self.verb.operands)}." if self.verb.operands else ""
            raise self.fail(
                f"There is an argument that belongs to no option; it is not shown, as it may be a value.{allowed}"
            )
        self.operand = word

    def take_option(self, name: str, given: str | None, following: list[str]) -> None:
        option = self.options.get("--help" if name == "-h" else name)
        if option is None:
            raise self.fail(self._unknown(name))
        name = option.name
        if name in self.switches or name in self.texts or name in self.secrets or name in self.lists:
            raise self.fail(f"{name} is given twice.")
        if not option.value:
            if given is not None:
                raise self.fail(f"{name} takes no value.")
            self.switches.add(name)
            return
        if given is None:
            if not following or self._is_no_value(option, following[-1]):
                raise self.fail(f"{name} wants a value: {name} {option.value}.")
            given = following.pop()
        if option.secret:
            self.secrets[name] = Secret(given)
        elif option.several:
            every = [given]
            while following and not following[-1].startswith("-"):
                every.append(following.pop())
            self.lists[name] = tuple(every)
        else:
            self.texts[name] = self._checked(option, given)

    def _unknown(self, name: str) -> str:
        elsewhere = self.verb is None and any(
            option.name == name for verb in self.verbs.values() for option in verb.options
        )
        if elsewhere:
            return "An option of a command stands before the command; write it after."
        return f"There is an option that this command does not have{_nearest(name, self.options)}"

    def _is_no_value(self, option: Option, argument: str) -> bool:
        # A secret may begin with a dash; any other value that does is a forgotten value before the next option.
        if option.secret:
            return argument.partition("=")[0] in self.options
        if argument == "-" and option.completes == "file":
            return False  # standard input
        return argument.startswith("-")

    def _checked(self, option: Option, text: str) -> str:
        if option.choices and text not in option.choices:
            raise self.fail(f"{option.name} is one of {', '.join(option.choices)}.")
        if option.whole is not None:
            number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
            if number is None or number not in option.whole:
                raise self.fail(
                    f"{option.name} is a whole number from {option.whole.start} to {option.whole.stop - 1}."
                )
        return text


def parse(arguments: Sequence[str], verbs: Mapping[str, Verb]) -> Call:
    """Read a command line (without the program's name); raise ``UsageError``, which holds nothing of what was typed."""
    reading = _Reading(verbs)
    following = list(reversed(arguments))
    only_words = False
    while following:
        argument = following.pop()
        if only_words or argument == "-" or not argument.startswith("-"):
            reading.take_word(argument)
        elif argument == "--":
            only_words = True
        else:
            name, equals, value = argument.partition("=")
            reading.take_option(name, value if equals else None, following)
    switches = frozenset(reading.switches)
    call = Call(reading.verb, reading.texts, reading.secrets, switches, reading.operand, reading.lists)
    if not call.has(HELP.name) and not call.has(VERSION.name):
        _require(call, verbs)
    return call


def _require(call: Call, verbs: Mapping[str, Verb]) -> None:
    if call.verb is None:
        raise UsageError(f"Name a command: {', '.join(verbs)}.")
    missing = [option.name for option in call.verb.options if option.required and call.text(option.name) is None]
    if missing:
        raise UsageError(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing.", call.verb.name)
    if call.verb.operand_required and call.operand is None:
        raise UsageError(f"Name one of {', '.join(call.verb.operands)}.", call.verb.name)


def _nearest(typed: str, known: Iterable[str]) -> str:
    """Give a hint made of known words alone."""
    nearest = difflib.get_close_matches(typed[:40], list(known), n=1, cutoff=0.7)
    return f". Did you mean {nearest[0]}?" if nearest else "."
