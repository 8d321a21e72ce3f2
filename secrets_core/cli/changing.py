"""Commands that change a credential or an environment."""

from __future__ import annotations

from collections.abc import Callable

from secrets_core.cli.options import ENVIRONMENT, EXCHANGE, value_options
from secrets_core.cli.output import Answer, Problem
from secrets_core.cli.parsing import Option, UsageError, Verb
from secrets_core.cli.session import Session
from secrets_core.cli.values import gather
from secrets_core.errors import CoreError
from secrets_core.names import FINGERPRINT, FREEZE, CredentialRef
from secrets_core.pairs.states import PairState
from secrets_core.service import Service
from secrets_core.stores.base import RECOVERY_DAYS
from secrets_core.views import Action, Done

REASONS = ("scheduled", "suspected", "offboarding", "other")
IP_BOUND = Option(
    "--ip-bound", "Whether the exchange lets the key be used from listed addresses only.", "yes|no", ("yes", "no")
)


def save(session: Session) -> Answer:
    """Store a credential that does not exist yet."""
    ref = session.ref()
    service = session.writer(Action.SAVE, ref)
    session.doubt_exchange()
    values = gather(session, ref)
    return _done(session, service.save(ref, values, ip_bound=_ip_bound(session)), f"Saved {ref}.")


def rotate(session: Session) -> Answer:
    """Replace a credential as one."""
    ref = session.ref()
    service = session.writer(Action.ROTATE, ref)
    values = gather(session, ref, prefix="--new-")
    why = session.call.text("--why") or REASONS[0]
    return _done(session, service.rotate(ref, values, why=why, ip_bound=_ip_bound(session)), f"Rotated {ref}.")


def roll_back(session: Session) -> Answer:
    """Make an older version current again."""
    ref = session.ref()
    done = session.writer(Action.ROLLBACK, ref).roll_back(ref, session.call.text("--to"))
    return _done(session, done, f"Rolled {ref} back to {done.version_id}.", version=done.version_id)


def repair(session: Session) -> Answer:
    """Finish or undo what a dead writer left; what a human has to decide makes the answer partial."""
    ref = session.ref()
    found = session.writer(Action.REPAIR, ref).repair(ref)
    session.changed(ref.environment)
    sentences = [*(found.done or ("Nothing had to be done.",)), *([found.advice] if found.advice else [])]
    return Answer(
        {
            **_about(ref),
            "advice": found.advice,
            "after": found.after.value,
            "before": found.before.value,
            "done": list(found.done),
        },
        "\n".join([f"{ref}: was {found.before.value}, is {found.after.value}.", *sentences]),
        "PARTIAL" if found.advice else "OK",
    )


def adopt(session: Session) -> Answer:
    """Give legacy credentials one id of ours: one, or all of an environment."""
    everything, one = session.call.has("--all"), session.call.text("--exchange") is not None
    if everything == one:
        raise UsageError("Name one --exchange, or --all.", session.call.action)
    if everything:
        return _adopt_all(session)
    ref = session.ref()
    done = session.writer(Action.ADOPT, ref).adopt(ref)
    return _done(session, done, f"Adopted {ref}.", version=done.version_id)


def delete(session: Session) -> Answer:
    """Schedule a credential's deletion."""
    ref = session.ref()
    days = int(session.call.text("--recovery-days") or RECOVERY_DAYS)
    done = session.writer(Action.DELETE, ref).delete(ref, days)
    return _done(session, done, f"Deleted {ref}: it can be restored for {days} days.", recovery_days=days)


def restore(session: Session) -> Answer:
    """Take back a scheduled deletion."""
    ref = session.ref()
    done = session.writer(Action.RESTORE, ref).restore(ref)
    return _done(session, done, f"{ref}: {done.notices[0]}" if done.notices else f"Restored {ref}.")


def initialise(session: Session) -> Answer:
    """Make the control records of an environment that are missing."""
    environment = session.environment()
    made = session.writer(Action.INIT, environment).initialise(environment)
    session.changed(environment)
    names = {FINGERPRINT: "fingerprint key", FREEZE: "freeze record"}
    told = [f"The {title} {'was made' if name in made else 'was there already'}." for name, title in names.items()]
    return Answer({"env": environment, "made": list(made)}, "\n".join([f"{environment}:", *told]))


def _adopt_all(session: Session) -> Answer:
    environment = session.environment()
    service = session.writer(Action.ADOPT, environment)
    view = service.refresh(environment)
    if view.problem is not None:
        raise view.problem
    legacy = [row.ref for row in view.rows if row.pair_state is PairState.LEGACY]
    adopted: list[str] = []
    failed: list[dict[str, object]] = []
    for ref in sorted(legacy):
        problem = _adopt_one(session, service, ref)
        if problem is None:
            adopted.append(ref.exchange)
        else:
            failed.append({"exchange": ref.exchange, **problem.fields()})
            session.note(f"{ref}: {problem.sentence}")
    if view.partial:
        session.note(f"{environment}: this identity may not list; only exchanges that settings name were looked at.")
    if adopted:
        session.changed(environment)
    fields: dict[str, object] = {"adopted": adopted, "count": len(adopted), "env": environment}
    return Answer(
        fields | ({"failed": failed} if failed else {}),
        "\n".join([f"Adopted {len(adopted)} of {len(legacy)} legacy credentials in {environment}.", *adopted]),
        "PARTIAL" if failed else "OK",
    )


def _adopt_one(session: Session, service: Service, ref: CredentialRef) -> Problem | None:
    try:
        for notice in service.adopt(ref).notices:
            session.note(f"{ref}: {notice}")
    except CoreError as error:
        return Problem.of(error)
    return None


def _ip_bound(session: Session) -> bool | None:
    return {"yes": True, "no": False}.get(session.call.text("--ip-bound") or "")


def _about(ref: CredentialRef) -> dict[str, object]:
    return {"env": ref.environment, "exchange": ref.exchange}


def _done(session: Session, done: Done, human: str, **more: object) -> Answer:
    session.changed(done.ref.environment, done.notices)
    return Answer({**_about(done.ref), **more}, human)


def _verb(
    name: str, summary: str, run: Callable[[Session], Answer], *options: Option, operands: tuple[str, ...] = ()
) -> Verb:
    return Verb(name, summary, run, (ENVIRONMENT, EXCHANGE, *options), operands)


VERBS = (
    _verb("save", "Store a new credential.", save, *value_options(), IP_BOUND, operands=("-",)),
    _verb(
        "rotate",
        "Replace a credential by a new key, as one.",
        rotate,
        *value_options("--new-"),
        IP_BOUND,
        Option("--why", "Why: scheduled (the default), suspected, offboarding or other.", "REASON", REASONS),
        operands=("-",),
    ),
    _verb(
        "rollback",
        "Make an older version current again.",
        roll_back,
        Option("--to", "The version's id or its last 12 characters; default: the one before the current.", "VERSION"),
    ),
    _verb("repair", "Finish or undo what an interrupted change left.", repair),
    Verb(
        "adopt",
        "Give legacy credentials one version id of ours.",
        adopt,
        (
            ENVIRONMENT,
            Option("--exchange", "Adopt this one.", "NAME", completes="exchange"),
            Option("--all", "Adopt every legacy credential of the environment."),
        ),
    ),
    _verb(
        "delete",
        "Schedule a credential's deletion; it can be restored.",
        delete,
        Option("--recovery-days", "For how long it can be restored, 7 to 30; default 30.", "N", whole=range(7, 31)),
    ),
    _verb("restore", "Take back a scheduled deletion.", restore),
    Verb("init", "Make an environment's fingerprint key and freeze record.", initialise, (ENVIRONMENT,)),
)
