"""The table of actions is complete, its keys do not clash, and what is made from it is fresh."""

from __future__ import annotations

from textual.dom import DOMNode

from tests.project.checkout import ROOT
from tests.tui.desk import console
from tui.actions import ACTIONS, BY_ID, bindings, clashes, explanations, keys_page, unknown_ids
from tui.app import OperatorConsole
from tui.screens.browse import Browse
from tui.screens.dialogs import Problem
from tui.screens.help import Help
from tui.screens.palette import Palette
from tui.widgets.credential_table import CredentialTable
from tui.widgets.detail import Detail
from tui.widgets.environment_list import EnvironmentList

SCOPES: dict[str, tuple[type[DOMNode], ...]] = {
    "app": (OperatorConsole,),
    "browse": (Browse,),
    "lines": (CredentialTable, Detail, EnvironmentList),
    "dialog": (Help, Palette, Problem),
}


def test_ids_are_unique_and_no_two_keys_clash() -> None:
    assert len(BY_ID) == len(ACTIONS)
    assert clashes({}) == {}
    assert clashes({"browse.sort": "j"}) == {"j": ["browse.sort", "lines.down"]}
    assert clashes({"browse.sort": "c", "browse.copy_name": "y"}) == {}
    assert unknown_ids({"browse.sort": "x", "nothing": "y"}) == ["nothing"]


def test_every_action_is_a_method_of_everything_in_its_scope() -> None:
    for action in ACTIONS:
        name = action.action.partition("(")[0].rpartition(".")[2]
        owners = (OperatorConsole,) if action.action.startswith("app.") else SCOPES[action.scope]
        for owner in owners:
            assert hasattr(owner, f"action_{name}"), (owner, name)


def test_every_scope_binds_its_actions_with_ids_and_tooltips() -> None:
    for scope, owners in SCOPES.items():
        ids = {binding.id for binding in bindings(scope)}  # type: ignore[arg-type]  # the keys are the scopes
        assert ids == {action.id for action in ACTIONS if action.scope == scope}
        for owner in owners:
            merged = owner._merge_bindings().key_to_bindings.values()
            assert ids <= {one.id for several in merged for one in several}
    assert all(action.tooltip.endswith(".") for action in ACTIONS)
    assert {binding.id for binding in explanations()} == {action.id for action in ACTIONS if action.can_be_greyed}


def test_nothing_is_bound_that_this_version_can_not_do() -> None:
    words = " ".join(f"{action.label} {action.tooltip}" for action in ACTIONS).lower()
    assert not any(word in words for word in ("freeze", "rotate", "delete", "save", "reveal"))
    bound = {key for action in ACTIONS for key in action.keys.split(",")}
    assert not bound & {"F", "f12", "s", "r", "h", "v", "d"}


async def test_every_greyed_action_has_a_reason_or_works() -> None:
    async with console() as (app, _):
        for action in ACTIONS:
            assert app.browse.why_not(action.id) == "", action.id


def test_the_page_of_keys_is_fresh() -> None:
    page = ROOT / "docs" / "keys.md"
    assert page.read_text("utf-8") == keys_page(), "stale: python -m tui.shots writes it"
    assert all(f"`{action.id}`" in keys_page() for action in ACTIONS if not action.family)
