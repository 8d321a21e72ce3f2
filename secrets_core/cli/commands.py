"""The table of all commands: what is parsed, what the help shows, and what shells complete."""

from __future__ import annotations

from secrets_core.cli import changing, doctor, listing, reading, reviewing, verifying
from secrets_core.cli.completion import SHELLS, script
from secrets_core.cli.output import Document
from secrets_core.cli.parsing import Verb
from secrets_core.cli.session import Session


def _complete(session: Session) -> Document:
    return Document(script(session.call.operand or "", VERBS))


_ORDER = (
    *("save", "fetch", "rotate", "list", "review", "whoami", "history", "rollback", "repair", "adopt", "delete"),
    *("restore", "init", "verify", "doctor", "completion"),
)
_EVERY = (
    *(*changing.VERBS, *reading.VERBS, *listing.VERBS, *reviewing.VERBS, *verifying.VERBS, *doctor.VERBS),
    Verb("completion", "Print the completion script of a shell.", _complete, operands=SHELLS, operand_required=True),
)
VERBS = {verb.name: verb for verb in sorted(_EVERY, key=lambda verb: _ORDER.index(verb.name))}
"""Every command by its name, in the order of the help."""
