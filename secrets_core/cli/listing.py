"""``list``: every credential of every environment that can be reached, from metadata alone."""

from __future__ import annotations

from secrets_core.cli.output import Answer, iso, table
from secrets_core.cli.parsing import Option, Verb
from secrets_core.cli.session import Session
from secrets_core.errors import CoreError
from secrets_core.overview import needs_look_up
from secrets_core.pairs.states import PairState
from secrets_core.service import Service
from secrets_core.views import CredentialRow, EnvironmentView

TITLES = ("ENV", "EXCHANGE", "CONDITION", "AGE", "DUE", "PAIR", "KEY", "BY")


def list_credentials(session: Session) -> Answer:
    """List one environment, or all; raise ``NothingReached`` where none of them could be listed."""
    session.tell_unset()
    named = session.call.text("--env")
    environments = (session.environment(),) if named is not None else session.environments()
    views, problems = session.look_at(environments, lambda environment: _look(session, environment))
    rows = sorted((row for view in views.values() for row in view.rows), key=lambda row: row.ref)
    alive = [row for row in rows if row.pair_state is not PairState.DELETED]
    deleted = [row for row in rows if row.pair_state is PairState.DELETED]
    optional: dict[str, object] = {
        "deleted": [_fields(session, row) for row in deleted],
        "emergency": sorted(str(ref) for view in views.values() for ref in view.emergency),
        "foreign": {name: len(view.foreign) for name, view in views.items() if view.foreign},
        "incomplete": [name for name, view in views.items() if view.partial],
        "unreachable": [{"env": name, **problem.fields()} for name, problem in problems.items()],
    }
    fields = {"count": len(alive), "credentials": [_fields(session, row) for row in alive]}
    more = {name: value for name, value in optional.items() if value}
    return Answer(fields | more, _human(alive, deleted, views), "PARTIAL" if problems else "OK")


def _look(session: Session, environment: str) -> EnvironmentView:
    service = session.service(environment)
    view = service.refresh(environment)
    if view.problem is not None:
        raise view.problem
    if view.partial:
        session.note(f"{environment}: this identity may not list; only exchanges that settings name were looked at.")
    return _with_true_ages(session, service, view)


def _with_true_ages(session: Session, service: Service, view: EnvironmentView) -> EnvironmentView:
    """Look up the age of legacy credentials, which their version ids do not tell."""
    for row in view.rows:
        if needs_look_up(row):
            try:
                service.look_up_age(row.ref)
            except CoreError as error:
                session.note(f"{view.name}: the age of {row.ref.exchange} is not known. {error.message}")
    return service.view(view.name)


def _fields(session: Session, row: CredentialRow) -> dict[str, object]:
    settings = session.service(row.ref.environment).environment_settings(row.ref.environment)
    return {
        "age_days": row.age.days,
        "age_source": row.age.source.value,
        "by": row.by,
        "condition": row.condition.value,
        "deleted_at": iso(row.deleted_at),
        "due": iso(row.age.due_at),
        "due_by": row.age.limit.decided_by,
        "env": row.ref.environment,
        "exchange": row.ref.exchange,
        "fingerprint": row.fingerprint,
        "frozen": row.hold is not None,
        "ip_bound": row.ip_bound,
        "key": row.ref.base_name,
        "key_hint": row.key_hint,
        "old_key_alive": row.old_key is not None,
        "owner": row.owner,
        "pair_state": row.pair_state.value,
        "pending_since": iso(row.pending_since),
        "rotation_days": settings.rotation_days(row.ref.exchange),
        "sentence": row.sentence,
        "status": row.age.status.value,
        "stored_at": iso(row.stored_at),
        "version": row.version_id,
        "why": row.why,
    }


def _human(alive: list[CredentialRow], deleted: list[CredentialRow], views: dict[str, EnvironmentView]) -> str:
    sections = [table(TITLES, [_cells(row) for row in alive]) or f"No credentials in {', '.join(views)}."]
    sentences = [f"{row.ref}: {row.sentence}" for row in alive if row.sentence]
    if sentences:
        sections.append("\n".join(sentences))
    if deleted:
        sections.append("Scheduled for deletion: " + ", ".join(str(row.ref) for row in deleted) + ".")
    for view in views.values():
        if view.emergency:
            sections.append("Emergency credentials: " + ", ".join(map(str, view.emergency)) + ".")
        if view.foreign:
            count = len(view.foreign)
            sections.append(f"{view.name}: {count} {'name is' if count == 1 else 'names are'} not ours.")
    return "\n\n".join(sections)


def _cells(row: CredentialRow) -> tuple[str, ...]:
    return (
        row.ref.environment,
        row.ref.exchange,
        row.condition.value,
        "-" if row.age.days is None else f"{row.age.days} d",
        (iso(row.age.due_at) or "-")[:10],
        row.pair_state.value,
        f"...{row.key_hint}" if row.key_hint else "********",
        row.by,
    )


VERBS = (
    Verb(
        "list",
        "List credentials: age, due date, pair state.",
        list_credentials,
        (Option("--env", "List this environment only.", "ENV", completes="environment"),),
    ),
)
