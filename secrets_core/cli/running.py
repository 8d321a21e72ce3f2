"""From the command line to the exit code: every way a command can end, and what is then printed where."""

from __future__ import annotations

import logging
import resource
from collections.abc import Sequence
from pathlib import PurePath
from traceback import walk_tb

from secrets_core import __version__
from secrets_core.cli import output
from secrets_core.cli.commands import VERBS
from secrets_core.cli.help import general_help, verb_help
from secrets_core.cli.output import FAILED, INTERRUPTED, USAGE, Answer, Document, Problem
from secrets_core.cli.parsing import HELP, PROGRAM, VERSION, Call, UsageError, parse
from secrets_core.cli.reviewing import rulings_of
from secrets_core.cli.session import NothingReached, Session
from secrets_core.cli.values import ValuesRefused
from secrets_core.errors import CoreError, NotFound


def run(arguments: Sequence[str]) -> int:
    """Carry out one command and give its exit code: 0 done, 1 refused or failed, 2 called wrongly, 3 a policy that
    the caller asked for is not met, 130 interrupted."""
    _keep_values_in_memory()
    try:
        call = parse(arguments, VERBS)
        if call.has(HELP.name):
            return output.write_out(verb_help(call.verb) if call.verb else general_help(VERBS))
        if call.has(VERSION.name):
            return output.write_out(f"{PROGRAM} {__version__}\n")
        return _carry_out(call)
    except UsageError as error:
        command = f"{PROGRAM} {error.verb}".strip()
        output.note(f"{error.message}\nSee: {command} {HELP.name}")
        return USAGE
    except KeyboardInterrupt:
        output.note("Interrupted. If a change was under way, repair tells and heals what is left of it.")
        return INTERRUPTED


def _carry_out(call: Call) -> int:
    if call.verb is None:
        raise UsageError("Name a command.")
    session = Session(call)
    warnings = _Warnings()
    result: Answer | Document | Problem
    try:
        with warnings:
            result = call.verb.run(session)
    except UsageError:
        raise
    except CoreError as error:
        result = _problem(error)
        if isinstance(error, NotFound):
            session.doubt_exchange()
    except Exception as error:  # noqa: BLE001 - whatever it is, its message and its frames may hold a value
        result = Problem("internal", f"An unexpected error: {place(error)}.")
    finally:
        session.tell_notices()
    for text in warnings.texts:
        if not isinstance(result, Problem) or result.error not in text:
            session.note(text)
    if isinstance(result, Problem):
        return _print_problem(call, result)
    if isinstance(result, Document):
        return output.write_out(result.text) or result.code
    if call.has("--human"):
        return output.write_out(f"{output.plain(result.human)}\n") or result.code
    return output.write_out(_line(call, result)) or result.code


class _Warnings(logging.Handler):
    """Holds what the core warns of while a command runs, which logging would else print bare to standard error."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.texts.append(record.getMessage())

    def __enter__(self) -> None:
        logging.getLogger("secrets_core").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("secrets_core").removeHandler(self)


def place(error: BaseException) -> str:
    """Name an exception's type and where it was raised, and nothing of what it says."""
    frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    where = "/".join(PurePath(frames[-1][0]).parts[-2:]) + f":{frames[-1][1]}" if frames else "an unknown place"
    return f"{type(error).__name__} at {where}"


def _line(call: Call, answer: Answer) -> str:
    return output.json_line({**answer.fields, "action": call.action, "status": answer.status})


def _print_problem(call: Call, problem: Problem) -> int:
    if call.has("--human"):
        output.note("\n".join(text for text in (problem.error, problem.hint) if text))
        return FAILED
    output.write_out(output.json_line({**problem.fields(), "action": call.action, "status": "ERROR"}))
    return FAILED


def _problem(error: CoreError) -> Problem:
    if isinstance(error, NothingReached):
        return error.problem
    problem = Problem.of(error)
    if error.code == "decisions-refused":
        return Problem(problem.code, problem.error, problem.hint, problem.path, more={"rulings": rulings_of(error)})
    if isinstance(error, ValuesRefused):
        found = [{"part": finding.part, "rule": finding.rule} for finding in error.findings]
        return Problem(problem.code, problem.error, problem.hint, problem.path, more={"findings": found})
    return problem


def _keep_values_in_memory() -> None:
    """Let neither a core dump nor a failing log line carry a value out of this process."""
    # logging prints the arguments of a record that it cannot format.
    logging.raiseExceptions = False
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
