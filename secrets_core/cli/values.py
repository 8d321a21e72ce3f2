"""Where a credential's values come from: a prompt, standard input, a file descriptor, or (with a warning) argv."""

from __future__ import annotations

import getpass
import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence

from secrets_core.cli.options import option_of
from secrets_core.cli.parsing import UsageError
from secrets_core.cli.session import Session
from secrets_core.errors import InvalidValue
from secrets_core.exchanges import Finding, check_values, find
from secrets_core.names import PARTS, CredentialRef
from secrets_core.secret import Secret

LIMIT = 1 << 20
"""So many bytes of input are read at most; three values of the longest kind need a fifth of it."""
PROMPT_LIMIT = 1000
"""Longer lines may have been cut by the terminal (macOS: 1,024 characters; Linux: 4,096)."""
STANDARD_INPUT = 0
ON_ARGV = (
    "Warning: values on the command line can be seen by every user of this machine and stay in the shell's history. "
    "Give them at the prompt, by - or by --stdin-json."
)


class ValuesRefused(InvalidValue):
    """Values that no exchange would accept; ``findings`` tell part and rule, and nothing of a value."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(
            " ".join(f"{finding.part or 'values'} ({finding.rule}): {finding.message}" for finding in findings),
            hint="Nothing was stored or compared.",
            path=",".join(dict.fromkeys(finding.part for finding in findings if finding.part)),
        )
        self.findings = tuple(findings)


def gather(session: Session, ref: CredentialRef, *, prefix: str = "--") -> dict[str, Secret]:
    """Get all parts of a credential from the one source that the command line names, and check them.

    Warnings are said on standard error. Raises ``UsageError`` (no source, or several), ``InvalidValue`` (input that
    cannot be read), and ``ValuesRefused``.
    """
    values = _from_source(session, ref, prefix)
    findings = check_values(ref.exchange, values)
    blocking = [finding for finding in findings if finding.blocking]
    if blocking:
        raise ValuesRefused(blocking)
    for finding in findings:
        session.note(f"Warning: {finding.message}")
    return values


def _from_source(session: Session, ref: CredentialRef, prefix: str) -> dict[str, Secret]:
    call = session.call
    options = {part: option_of(part, prefix) for part in PARTS}
    typed = {part: call.secrets[option] for part, option in options.items() if option in call.secrets}
    descriptor = call.text("--fd")
    sources = [bool(typed), call.operand == "-", call.has("--stdin-json"), descriptor is not None]
    if sum(sources) > 1:
        raise UsageError("Give the values by one way only: options, -, --stdin-json or --fd.", call.action)
    parts = find(ref.exchange).parts
    if call.has("--stdin-json"):
        return _from_json(_read(STANDARD_INPUT))
    if descriptor is not None:
        return _from_lines(_read(int(descriptor)), parts)
    if call.operand == "-":
        return _from_lines(_read(STANDARD_INPUT), parts)
    return _from_options(session, ref, typed, options)


def _from_options(
    session: Session, ref: CredentialRef, typed: Mapping[str, Secret], options: Mapping[str, str]
) -> dict[str, Secret]:
    """Take the values of options; ``-`` stands for the next line of standard input, what is missing is prompted for."""
    piped = [part for part, value in typed.items() if value == Secret("-")]
    if len(piped) < len(typed):
        session.note(ON_ARGV)
    values = dict(typed)
    if piped:
        values |= _from_lines(_read(STANDARD_INPUT), piped, exactly=True)
    missing = [part for part in find(ref.exchange).parts if part not in values]
    if not missing:
        return values
    if piped or not _is_terminal(STANDARD_INPUT):
        raise UsageError(
            f"No value for {', '.join(options[part] for part in missing)}, and no terminal to ask at: give all by -, "
            "--stdin-json or --fd.",
            session.call.action,
        )
    return values | {part: _ask(ref, part) for part in missing}


def _ask(ref: CredentialRef, part: str) -> Secret:
    text: str | None = None
    try:
        with warnings.catch_warnings():
            # getpass would rather read with echo than not at all, and only warn about it.
            warnings.simplefilter("error", getpass.GetPassWarning)
            text = getpass.getpass(f"{find(ref.exchange).labels[part]} of {ref} (not shown): ")
    except KeyboardInterrupt:
        _end_line()
        raise
    except EOFError:
        _end_line()
        text = ""
    except (getpass.GetPassWarning, OSError, UnicodeDecodeError):
        text = None
    if text is None:
        raise InvalidValue(f"The {part} could not be read from the terminal unseen.", hint="Give it by -.", path=part)
    if len(text) > PROMPT_LIMIT:
        raise InvalidValue(
            f"The {part} is longer than a terminal passes on in one line.", hint="Give it by --stdin-json.", path=part
        )
    return Secret(text)


def _end_line() -> None:
    """Leave the line of a prompt that was not answered."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(file=sys.stderr)


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _read(descriptor: int) -> Secret:
    if _is_terminal(descriptor):
        raise InvalidValue(
            "The values would be shown while they are typed.",
            hint="Leave the source out to be asked for them unseen, or pipe them in.",
            path="stdin" if descriptor == STANDARD_INPUT else "--fd",
        )
    text: str | None = None
    try:
        data = b"".join(_chunks(descriptor))
        text = data.decode("utf-8") if len(data) <= LIMIT else None
    except (OSError, UnicodeDecodeError):
        text = None
    if text is None:
        source = "standard input" if descriptor == STANDARD_INPUT else f"file descriptor {descriptor}"
        raise InvalidValue(
            f"From {source} no values can be read: it is closed, longer than 1 MiB, or not UTF-8.",
            path="stdin" if descriptor == STANDARD_INPUT else "--fd",
        )
    return Secret(text)


def _chunks(descriptor: int) -> Iterator[bytes]:
    total = 0
    while total <= LIMIT and (chunk := os.read(descriptor, 1 << 16)):
        total += len(chunk)
        yield chunk


def _from_lines(text: Secret, parts: Sequence[str], *, exactly: bool = False) -> dict[str, Secret]:
    lines = text.reveal().removesuffix("\n").split("\n") if text else []
    if len(lines) > len(parts) or (exactly and len(lines) != len(parts)):
        raise InvalidValue(
            f"The input has {'other' if len(lines) < len(parts) else 'more'} lines than there are values to read: "
            f"{len(parts)}, in the order {', '.join(parts)}.",
            hint="A value of several lines (PEM) is given by --stdin-json.",
            path="stdin",
        )
    return {part: Secret(line.removesuffix("\r")) for part, line in zip(parts, lines, strict=False)}


def _from_json(text: Secret) -> dict[str, Secret]:
    problem = ""
    values: dict[str, Secret] = {}
    try:
        pairs = json.loads(text.reveal(), object_pairs_hook=list)
    except (ValueError, RecursionError):
        pairs = None
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        problem = "Standard input is not one JSON object."
    else:
        if len({name for name, _ in pairs}) < len(pairs):
            problem = "A name stands twice in the JSON object."
        for name, value in pairs:
            if isinstance(value, str):
                values[name] = Secret(value)
            else:
                problem = problem or f"The JSON object's {name if name in PARTS else 'value'} is not a text."
    if problem:
        raise InvalidValue(
            problem,
            hint='Write {"api_key": "...", "api_secret": "..."}, and api_passphrase where there is one.',
            path="stdin",
        )
    return values
