"""What the latest listing says against an action, for every state that a credential can be in."""

from __future__ import annotations

import pytest

from secrets_core.ages import AgeSource, assess, first_limit
from secrets_core.freeze import Hold
from secrets_core.names import CredentialRef
from secrets_core.pairs import PairState
from secrets_core.refusals import state_refusal
from secrets_core.views import Action, Condition, CredentialRow
from tests.pairs.support import START

REF = CredentialRef("dev", "bybit")
CHANGES = [Action.SAVE, Action.ROTATE, Action.ROLLBACK, Action.ADOPT, Action.REPAIR, Action.DELETE, Action.RESTORE]
MANAGED = {Action.ROTATE, Action.ROLLBACK, Action.REPAIR, Action.DELETE}
ALLOWED = {
    PairState.PAIRED: MANAGED - {Action.REPAIR},
    PairState.PENDING: MANAGED,
    PairState.MID_PROMOTION: MANAGED,
    PairState.FOREIGN_FOLLOWER: MANAGED,
    PairState.TORN: MANAGED,
    PairState.INCOMPLETE: MANAGED,
    PairState.LEGACY: {*MANAGED, Action.ADOPT},
    PairState.HALF_DELETED: {Action.REPAIR, Action.DELETE, Action.RESTORE},
    PairState.DELETED: {Action.REPAIR, Action.RESTORE},
}


def row(state: PairState, version_id: str | None = "v", hold: Hold | None = None) -> CredentialRow:
    age = assess(START, AgeSource.VERSION_ID, now=START, limit=first_limit(90, None), warn_days=14)
    return CredentialRow(REF, Condition.FRESH, "", state, age, version_id, hold=hold)


@pytest.mark.parametrize("state", ALLOWED)
@pytest.mark.parametrize("action", CHANGES)
def test_what_may_be_done_in_which_state(state: PairState, action: Action) -> None:
    reason = state_refusal(action, row(state))
    assert (reason is None) is (action in ALLOWED[state])
    if reason is not None:
        assert reason.guard == "state"
        assert reason.sentence.endswith(".")


@pytest.mark.parametrize("action", CHANGES)
def test_what_is_not_there_can_only_be_saved(action: Action) -> None:
    reason = state_refusal(action, None)
    assert (reason is None) is (action is Action.SAVE)
    if reason is not None:
        assert (reason.guard, reason.hint) == ("not-found", "Save it first.")


@pytest.mark.parametrize("action", CHANGES)
def test_without_its_leader_it_can_be_saved_repaired_and_deleted(action: Action) -> None:
    """A follower that a dead save left: there is nothing to replace, to go back from or to adopt."""
    reason = state_refusal(action, row(PairState.INCOMPLETE, version_id=None))
    assert (reason is None) is (action in {Action.SAVE, Action.REPAIR, Action.DELETE})
    if action in (Action.ROTATE, Action.ROLLBACK):
        assert reason is not None
        assert reason.hint == "Save it first."


@pytest.mark.parametrize("state", ALLOWED)
@pytest.mark.parametrize("action", CHANGES)
def test_what_is_frozen_can_only_be_repaired(state: PairState, action: Action) -> None:
    reason = state_refusal(action, row(state, hold=Hold("inc-1", ("*",), codename="amber-fox")))
    if action is Action.REPAIR:
        assert reason == state_refusal(action, row(state))
    else:
        assert reason is not None
        assert reason.guard == "frozen"
        assert "amber-fox" in reason.sentence


def test_a_freeze_without_a_codename_is_named_by_its_incident() -> None:
    reason = state_refusal(Action.ROTATE, row(PairState.PAIRED, hold=Hold("inc-1", ("*",))))
    assert reason is not None
    assert "inc-1" in reason.sentence
