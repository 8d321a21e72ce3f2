"""What to do about a credential: the one command for it, or why there is none now. The console changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secrets_core.names import CredentialRef
    from secrets_core.views import Action, CredentialRow, Reason

Judge = Callable[["Action", "CredentialRef | str"], "Reason | None"]


@dataclass(frozen=True, slots=True)
class Remedy:
    """A command line for the CLI, or the sentence that stands in its place."""

    command: str = ""
    sentence: str = ""


def command_line(verb: str, environment: str, exchange: str = "", *, write: bool = False, demo: bool = False) -> str:
    """Give a command of the CLI; every name in it is of an alphabet that no shell reads anything into."""
    words = ["mm-secrets", verb, "--env", environment]
    words += ["--exchange", exchange] if exchange else []
    words += ["--write", environment] if write else []
    words += ["--demo"] if demo else []
    return " ".join(words)


def remedy(row: CredentialRow, refusal: Judge, *, demo: bool) -> Remedy:
    """Give what to do about a credential, as the service judges it now."""
    from secrets_core.views import Action

    verbs: dict[str, tuple[Action, ...]] = {
        "torn": (Action.ROTATE,),
        "incomplete": (Action.SAVE, Action.ROTATE),
        "half-deleted": (Action.RESTORE,),
        "overdue": (Action.ROTATE,),
        "mid-promotion": (Action.REPAIR,),
        "foreign-follower": (Action.REPAIR,),
        "unknown": (Action.ADOPT, Action.ROTATE),
        "due-soon": (Action.ROTATE,),
        "pending": (Action.REPAIR,),
        "legacy": (Action.ADOPT,),
        "deleted": (Action.RESTORE,),
    }
    reason: Reason | None = None
    for action in verbs.get(row.condition.value, ()):
        reason = refusal(action, row.ref)
        if reason is None or reason.guard == "read-only":
            lifted = reason is not None
            return Remedy(command_line(action.value, row.ref.environment, row.ref.exchange, write=lifted, demo=demo))
    if reason is not None:
        return Remedy(sentence=f"{reason.sentence} {reason.hint}".strip())
    return Remedy()
