"""``verify``: where a typed credential is stored, told by its fingerprint alone."""

from __future__ import annotations

from dataclasses import dataclass

from secrets_core.cli.options import EXCHANGE, value_options
from secrets_core.cli.output import Answer, table
from secrets_core.cli.parsing import Option, Verb
from secrets_core.cli.session import Session
from secrets_core.cli.values import gather
from secrets_core.errors import NotFound
from secrets_core.names import CredentialRef

SAME, OLDER, DIFFERENT, NOT_STORED, CANNOT_TELL = "same", "older", "different", "not-stored", "cannot-tell"
"""The stored credential is another one; there is none; nothing is recorded by which it could be told."""


@dataclass(frozen=True, slots=True)
class _Result:
    environment: str
    result: str
    version: str | None = None
    """The last 12 characters of the version's id."""
    reason: str = ""

    def fields(self) -> dict[str, object]:
        """Give what the JSON line says of it."""
        found: dict[str, object] = {"env": self.environment, "result": self.result, "version": self.version}
        return found | ({"reason": self.reason} if self.reason else {})


def verify(session: Session) -> Answer:
    """Compare a typed credential with the stored ones, in one environment or in all.

    ``DIFFERENT`` where none that was looked at has it as its current version, ``PARTIAL`` where some could not be
    looked at.
    """
    named = session.call.text("--env")
    environments = (session.environment(),) if named is not None else session.environments()
    refs = {name: CredentialRef(name, session.call.text("--exchange") or "") for name in environments}
    if named is not None:
        session.reader(named)
    values = gather(session, next(iter(refs.values())))

    def compare(environment: str) -> _Result:
        try:
            match = session.service(environment).verify(refs[environment], values)
        except NotFound as error:
            if named is not None:
                raise
            # A record is missed under the credential's name, the credential itself under its part's.
            if error.path == str(refs[environment]):
                return _Result(environment, CANNOT_TELL, reason=error.message)
            return _Result(environment, NOT_STORED, reason=f"There is no credential {refs[environment]}.")
        if match is None:
            return _Result(environment, DIFFERENT)
        return _Result(environment, SAME if match.current else OLDER, match.version_tail)

    looked_at, problems = session.look_at(environments, compare)
    results = list(looked_at.values())
    fields: dict[str, object] = {
        "exchange": session.call.text("--exchange"),
        "results": [result.fields() for result in results],
    }
    unchecked = [{"env": name, **problem.fields()} for name, problem in problems.items()]
    found = any(result.result == SAME for result in results)
    return Answer(
        fields | ({"unchecked": unchecked} if unchecked else {}),
        table(
            ("ENV", "RESULT", "VERSION", "REASON"),
            [(r.environment, r.result, r.version or "-", r.reason) for r in results],
        ),
        "PARTIAL" if problems else "OK" if found else "DIFFERENT",
    )


VERBS = (
    Verb(
        "verify",
        "Compare a typed credential with the stored ones, by fingerprint.",
        verify,
        (
            EXCHANGE,
            Option("--env", "Compare in this environment only.", "ENV", completes="environment"),
            *value_options(),
        ),
        operands=("-",),
    ),
)
