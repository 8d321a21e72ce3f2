"""What the latest listing says against an action on a credential; the store has the last word when it is done."""

from __future__ import annotations

from secrets_core.pairs.states import PairState
from secrets_core.views import Action, CredentialRow, Reason


def state_refusal(action: Action, row: CredentialRow | None) -> Reason | None:
    """Judge by what the latest listing said of the credential."""
    if row is None:
        if action is Action.SAVE:
            return None
        return Reason("not-found", "There is no such credential.", "Save it first.")
    if row.hold is not None and action is not Action.REPAIR:
        return Reason("frozen", f"It is frozen by {row.hold.codename or row.hold.incident}.", "A thaw must name it.")
    gone = row.pair_state in (PairState.DELETED, PairState.HALF_DELETED)
    if action in (Action.ROTATE, Action.ROLLBACK) and row.version_id is None and not gone:
        return Reason("not-found", "It has no API key, so there is nothing to change.", "Save it first.")
    verdicts = {
        Action.SAVE: (row.version_id is not None or gone, "It is stored already.", "Rotate or restore it."),
        Action.ROTATE: (gone, "It is scheduled for deletion.", "Restore it first."),
        Action.ROLLBACK: (gone, "It is scheduled for deletion.", "Restore it first."),
        Action.ADOPT: (row.pair_state is not PairState.LEGACY, "It is managed already.", "Nothing to do."),
        Action.REPAIR: (row.pair_state is PairState.PAIRED, "It is sound.", "Nothing to do."),
        Action.DELETE: (row.pair_state is PairState.DELETED, "It is scheduled for deletion already.", ""),
        Action.RESTORE: (not gone, "It is not scheduled for deletion.", "Nothing to do."),
    }
    refused, sentence, hint = verdicts.get(action, (False, "", ""))
    return Reason("state", sentence, hint) if refused else None
