"""``doctor``: what is in force and where it comes from, who acts, and what is wrong."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from secrets_core import __version__
from secrets_core.cli.in_force import Entry, environment_entries, settings_path, top_entries, variable_entries
from secrets_core.cli.output import Answer, Problem, iso, table
from secrets_core.cli.parsing import Verb
from secrets_core.cli.session import IN_MEMORY, Session
from secrets_core.errors import CoreError
from secrets_core.pairs.repairing import ABANDONED_AFTER
from secrets_core.pairs.states import PairState
from secrets_core.views import CredentialRow, EnvironmentView

UNFINISHED = (
    PairState.PENDING,
    PairState.MID_PROMOTION,
    PairState.FOREIGN_FOLLOWER,
    PairState.TORN,
    PairState.INCOMPLETE,
    PairState.HALF_DELETED,
)
ENDS_SOON = timedelta(minutes=15)
PACKAGES = ("botocore", "pydantic", "textual")
GUARDED = ("bound", "ci")
"""Environments that these guards close are not looked at; that is their purpose, and nothing wrong."""


def examine(session: Session) -> Answer:
    """Report everything that steers the product; ``PROBLEMS`` where something is wrong."""
    wrong: list[str] = []
    entries = variable_entries(session)
    names: tuple[str, ...] = ()
    views: dict[str, EnvironmentView] = {}
    problems: dict[str, Problem] = {}
    try:
        entries += top_entries(session)
        session.tell_unset()
        names = session.environments()
        for name in names:
            entries += environment_entries(session, name)
        views, problems = session.attempt(names, lambda name: session.service(name).refresh(name))
    except CoreError as error:
        wrong.append(Problem.of(error).sentence)
    path = settings_path(session)
    wrong += _wrong_here(Path(path))
    environments = []
    for name in names:
        if name in views or name in problems:
            report, found = _environment(session, name, views.get(name), problems.get(name))
            environments.append(report)
            wrong += found
    fields: dict[str, object] = {
        "environments": environments,
        "paths": {"package": str(Path(__file__).parents[1]), "python": sys.executable, "settings": path},
        "problems": wrong,
        "settings": [{"key": entry.key, "source": entry.source, "value": entry.value} for entry in entries],
        "terminal": _terminal(session.variables),
        "versions": _versions(),
    }
    return Answer(fields, _human(fields, entries, environments, wrong), "PROBLEMS" if wrong else "OK")


def _wrong_here(path: Path) -> Iterator[str]:
    try:
        mode = path.stat().st_mode
    except OSError:
        mode = 0
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield f"{path} can be changed by other users: chmod 600 it."


def _environment(
    session: Session, name: str, view: EnvironmentView | None, problem: Problem | None
) -> tuple[dict[str, object], list[str]]:
    """Report one environment, and what is wrong there."""
    if view is not None and view.problem is not None:
        problem = Problem.of(view.problem)
    blank = view or session.service(name).blank(name)
    report: dict[str, object] = {
        "backend": blank.backend,
        "endpoint_url": blank.endpoint_url,
        "env": name,
        "read_only": blank.read_only,
        "state": blank.state.value,
    }
    if problem is not None:
        skipped = problem.guard in GUARDED
        report |= {"problem": problem.fields(), "state": "skipped" if skipped else blank.state.value}
        return report, [] if skipped else [f"{name}: {problem.sentence}"]
    wrong = []
    identity, freeze = blank.identity, blank.freeze
    if identity is not None:
        report |= {
            "account": identity.account,
            "expires": iso(identity.expires_at),
            "operator": identity.operator,
            "region": identity.region,
        }
        if identity.expires_at is not None and identity.expires_at - session.clock() < ENDS_SOON:
            wrong.append(f"{name}: the identity of {identity.operator} ends at {iso(identity.expires_at)}: renew it.")
    if freeze is not None:
        never = "never set up" if not freeze.present else "confirmed"
        report["freeze"] = "unconfirmed" if freeze.record is None else never
        if freeze.record is None:
            wrong.append(f"{name}: {freeze.reason}")
        elif not freeze.present and blank.backend not in IN_MEMORY:
            wrong += _never_set_up(session, blank)
    unfinished = sorted((row for row in blank.rows if row.pair_state in UNFINISHED), key=lambda row: row.ref)
    report |= {
        "credentials": blank.counts.credentials,
        "unfinished": [{"exchange": row.ref.exchange, "pair_state": row.pair_state.value} for row in unfinished],
    }
    wrong += [f"{row.ref} is {row.pair_state.value}: {_advice(row)}" for row in unfinished if _is_left(session, row)]
    return report, wrong


def _never_set_up(session: Session, view: EnvironmentView) -> Iterator[str]:
    """A record that never was counts as not frozen, which a strict environment should not rest on."""
    if session.service(view.name).environment_settings(view.name).policy.mode == "strict":
        lift = f" --write {view.name}" if view.read_only else ""
        yield f"{view.name}: the freeze record was never set up: run mm-secrets init --env {view.name}{lift}."


def _is_left(session: Session, row: CredentialRow) -> bool:
    """Tell whether nobody is at work on it any more."""
    since = row.pending_since
    return row.pair_state is not PairState.PENDING or since is None or session.clock() - since > ABANDONED_AFTER


def _advice(row: CredentialRow) -> str:
    if row.pair_state is PairState.PENDING:
        return "its writer died before the commit; run repair."
    return row.sentence or "run repair."


def _terminal(variables: Mapping[str, str]) -> dict[str, object]:
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    size = shutil.get_terminal_size()
    return {
        **{name: stream is not None and stream.isatty() for name, stream in streams.items()},
        "columns": size.columns,
        "encoding": getattr(sys.stdout, "encoding", None),
        "lines": size.lines,
        **{name: variables.get(name) for name in ("COLORTERM", "LANG", "NO_COLOR", "TERM")},
    }


def _versions() -> dict[str, str]:
    system = os.uname()  # not platform.platform(), which starts a process
    found = {
        "mm-secrets": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "system": f"{system.sysname} {system.release} {system.machine}",
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _human(
    fields: Mapping[str, object],
    entries: list[Entry],
    environments: list[dict[str, object]],
    wrong: list[str],
) -> str:
    columns = ("env", "backend", "state", "read_only", "operator", "account", "region", "expires", "freeze")
    titles = [name.upper().replace("_", "-") for name in columns]
    rows = [[_word(report.get(name)) for name in columns] for report in environments]
    chosen = [(entry.key, _word(entry.value), entry.source) for entry in entries if entry.source != "default"]
    sections = [
        "\n".join(["PROBLEMS", *(f"  {sentence}" for sentence in wrong)]) if wrong else "Nothing is wrong.",
        table(titles, rows),
        table(("SETTING", "VALUE", "FROM"), chosen) + ("\n" if chosen else "") + "Everything else is at its default.",
        *(table((name.upper(), ""), _pairs(fields[name])) for name in ("paths", "terminal", "versions")),
    ]
    return "\n\n".join(section for section in sections if section)


def _pairs(values: object) -> list[tuple[str, str]]:
    return [(name, _word(value)) for name, value in values.items()] if isinstance(values, Mapping) else []


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


VERBS = (Verb("doctor", "Show what is in force, who acts, and what is wrong.", examine),)
