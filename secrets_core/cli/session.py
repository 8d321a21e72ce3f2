"""What every command works with: settings, the service of an environment, and the notes a user must see."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from secrets_core.cli import output
from secrets_core.cli.output import Problem
from secrets_core.cli.parsing import Call, UsageError
from secrets_core.clock import Clock, utc_now
from secrets_core.errors import CoreError, InvalidName, NotFound, Refused, SettingsError
from secrets_core.exchanges import catalogue
from secrets_core.names import CredentialRef, check_environment
from secrets_core.parallel import in_parallel
from secrets_core.policy import CI_VARIABLES
from secrets_core.service import Service
from secrets_core.settings import BACKEND_VARIABLE, STANDARD_ENVIRONMENTS, Settings, load_settings
from secrets_core.stores.memory import SEED_VARIABLE
from secrets_core.views import Action

MARKERS = (*CI_VARIABLES, "CI")
"""Here a bare ``CI`` counts too: a job runs the command line, a bot in a test run only imports the library."""
BINDING = "MM_ENV"
REVIEW = "review"
EMPTY_MEMORY = (
    "No settings file and no SECRETS_BACKEND: this is the empty memory backend. See docs/settings.md, or try --demo."
)
IN_MEMORY = ("memory", "demo")
"""Backends that last no longer than the process."""

Result = TypeVar("Result")


class NothingReached(CoreError):
    """None of the environments could be looked at; says why for the first of them."""

    def __init__(self, problems: Mapping[str, Problem]) -> None:
        first = next(iter(problems.values()))
        super().__init__(first.error, hint=first.hint, path=first.path)
        every = [{"env": name, **problem.fields()} for name, problem in problems.items()]
        differ = len({problem.error for problem in problems.values()}) > 1
        self.problem = replace(first, more={"unreachable": every} if differ else {})


class Session:
    """One command's view of the world. Nothing is read or opened before it is asked for."""

    def __init__(self, call: Call, variables: Mapping[str, str] = os.environ, clock: Clock = utc_now) -> None:
        """Take the command line; raise ``UsageError`` for common options that contradict it."""
        self.call = call
        self.variables = variables
        self.clock = clock
        self._used: dict[str, None] = {}
        self._said: set[str] = set()
        if call.has("--demo") and call.text("--backend") is not None:
            raise UsageError("--demo is a backend of its own: leave out --backend.", call.action)
        write = call.text("--write")
        if write is not None and call.text("--env") != write and not self._signs:
            raise UsageError("--write names the environment that --env names, and no other.", call.action)

    @cached_property
    def settings(self) -> Settings:
        """The settings in force; raises ``SettingsError``. In the demo no file counts."""
        if self.call.has("--demo"):
            return Settings()
        named = self.call.text("--config")
        # Not left to the loader, which names the file: what was typed may be anything.
        if named is not None and existing_file(named) is None:
            raise SettingsError("--config names no file.", hint="Check the path.", path="--config")
        return load_settings(named, self.variables)

    def environment(self) -> str:
        """Give the environment that ``--env`` names; raise ``InvalidName``."""
        return check_environment(self.call.text("--env") or "")

    def ref(self) -> CredentialRef:
        """Give the credential that ``--env`` and ``--exchange`` name; raise ``InvalidName``."""
        return CredentialRef(self.environment(), self.call.text("--exchange") or "")

    @property
    def _signs(self) -> bool:
        return self.call.action == REVIEW and (self.call.has("--sign") or self.call.text("--resume") is not None)

    @property
    def _metadata_only(self) -> bool:
        """A review that is not signed needs no more, and then CI may have it of prod too."""
        return self.call.action == REVIEW and not self._signs

    @cached_property
    def _service(self) -> Service:
        if self.call.has("--demo"):
            from secrets_core.demo import demo_service

            return demo_service(clock=self.clock)
        return Service(
            self.settings,
            variables=self.variables,
            backend=self.call.text("--backend"),
            clock=self.clock,
            ci_markers=MARKERS,
            metadata_only=self._metadata_only,
        )

    def service(self, environment: str) -> Service:
        """Give the service, through which an environment is reached; raise ``InvalidName``, ``SettingsError`` (also for
        an environment that the settings file does not name).
        """
        service = self._service
        if self.call.has("--demo") and environment not in service.environments:
            raise NotFound(f"The demo has the environments {', '.join(service.environments)}.", path="--demo")
        service.environment_settings(environment)
        self._used.setdefault(environment)
        return service

    def reader(self, environment: str, action: Action = Action.FETCH) -> Service:
        """Give the service of an environment that is only looked at; raise ``Refused`` for one that may not be."""
        service = self.service(environment)
        self._refuse(service, action, environment)
        return service

    def writer(self, action: Action, subject: CredentialRef | str) -> Service:
        """Give the service for a change, read-only lifted where ``--write`` says so; raise ``Refused``."""
        environment = subject if isinstance(subject, str) else subject.environment
        service = self.service(environment)
        if self.call.text("--write") == environment:
            service.lift_read_only(environment)
        self._refuse(service, action, subject)
        return service

    def environments(self) -> tuple[str, ...]:
        """Give every environment to be looked at: the bound one, those that settings name, or all of the one backend.

        Does I/O in the last case. Raises ``SettingsError``.
        """
        if self.call.has("--demo"):
            return self.service(STANDARD_ENVIRONMENTS[0]).environments
        if bound := self.variables.get(BINDING):
            self.note(f"{BINDING} binds this process: only that environment is looked at.")
            try:
                return (check_environment(bound),)
            except InvalidName as error:
                raise SettingsError(f"{BINDING}: {error.message}", hint=error.hint, path=BINDING) from None
        if self.settings.environments:
            return tuple(self.settings.environments)
        return (*STANDARD_ENVIRONMENTS, *sorted(self._further_environments()))

    def look_at(
        self, environments: Sequence[str], look: Callable[[str], Result]
    ) -> tuple[dict[str, Result], dict[str, Problem]]:
        """Give for each environment what ``look`` gives, or the problem that it raises.

        The problems are said on standard error. Raises ``NothingReached`` where there is nothing but problems.
        """
        results, problems = self.attempt(environments, look)
        if problems and not results:
            raise NothingReached(problems)
        for name, problem in problems.items():
            self.note(f"{name} could not be looked at. {problem.sentence}")
        return results, problems

    def attempt(
        self, environments: Sequence[str], look: Callable[[str], Result]
    ) -> tuple[dict[str, Result], dict[str, Problem]]:
        """Give what ``look`` gives for each environment that may be looked at, all at once, and the problems."""
        for environment in environments:
            self.service(environment)

        def try_one(environment: str) -> tuple[list[Result], Problem | None]:
            try:
                self.reader(environment)
                return [look(environment)], None
            except CoreError as error:
                return [], Problem.of(error)

        attempts = dict(zip(environments, in_parallel(try_one, environments), strict=True))
        results = {name: result for name, (found, _) in attempts.items() for result in found}
        return results, {name: problem for name, (_, problem) in attempts.items() if problem is not None}

    def changed(self, environment: str, notices: Iterable[str] = ()) -> None:
        """Tell what a user must know after a change."""
        for notice in notices:
            self.note(notice)
        if self.service(environment).blank(environment).backend in IN_MEMORY:
            self.note("Nothing persists: this backend forgets the change when the command ends.")

    def tell_unset(self) -> None:
        """Say where nobody chose a backend, so that an empty answer is not taken for what is stored."""
        chosen = (
            self.call.has("--demo"),
            self.call.text("--backend"),
            self.variables.get(BACKEND_VARIABLE),
            self.variables.get(SEED_VARIABLE),
            self.settings.source,
        )
        if not any(chosen):
            self.note(EMPTY_MEMORY)

    def doubt_exchange(self) -> None:
        """Say where the exchange that was typed is not known and another one has almost that name."""
        venue = (self.call.text("--exchange") or "").partition("@")[0]
        if venue in catalogue():
            return
        if nearest := difflib.get_close_matches(venue, catalogue(), n=1, cutoff=0.75):
            self.note(f"{venue} is not a known exchange; did you mean {nearest[0]}?")

    def note(self, text: str) -> None:
        """Say something on standard error, once."""
        if text not in self._said:
            self._said.add(text)
            output.note(text)

    def tell_notices(self) -> None:
        """Say how the stores were opened, where a user should know, e.g. that nobody chose the region."""
        for environment in self._used:
            for notice in self._service.notices(environment):
                self.note(notice)

    def _further_environments(self) -> frozenset[str]:
        """Find environments beyond the standard ones in the one backend that holds them all."""
        try:
            return self._service.discover(STANDARD_ENVIRONMENTS[0]) - set(STANDARD_ENVIRONMENTS)
        except CoreError:
            return frozenset()  # the listing of each environment tells what is wrong

    @staticmethod
    def _refuse(service: Service, action: Action, subject: CredentialRef | str) -> None:
        if reason := service.refusal(action, subject):
            raise Refused(reason.sentence, guard=reason.guard, hint=reason.hint, path=str(subject))


def existing_file(path: str) -> Path | None:
    """Give the file of this path, ``~`` read as home, or ``None`` where there is none."""
    try:
        file = Path(path).expanduser()
        return file if file.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None
