"""The help: every key that works now, made from the live bindings, what the signs mean, and how changes are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import look
from tui.actions import ACTIONS, BY_ID, SCOPE_TITLES, Scope, bindings
from tui.particulars import beside, labelled
from tui.widgets.detail import Detail

if TYPE_CHECKING:
    from textual.binding import ActiveBinding

_MEANINGS = (
    ("frozen", "an incident holds it: readers are refused"),
    ("torn", "its parts do not belong together: readers are refused"),
    ("incomplete", "a part is missing"),
    ("half-deleted", "a deletion was interrupted"),
    ("overdue", "older than policy or the exchange allows"),
    ("mid-promotion", "a rotation was interrupted after its commit: readers are fine"),
    ("foreign-follower", "another tool overwrote a part: readers are fine"),
    ("unknown", "its age is not known"),
    ("due-soon", "it must be rotated soon"),
    ("old key alive", "the key before it still works at the exchange"),
    ("pending", "a new version is staged"),
    ("legacy", "another tool wrote it"),
    ("fresh", "all is well"),
    ("deleted", "it can be restored until its window ends"),
)
KEYS, TWO_COLUMNS = 20, 120
"""Cells for the names of keys; and from which width on the signs stand beside the keys."""


class Help(ModalScreen[None]):
    """Keys, signs, and the way to change something."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialog"), ("question_mark,f1,q", "close", "close")]
    AUTO_FOCUS = "#help-lines"

    def __init__(self, active: Sequence[ActiveBinding], environment: str | None) -> None:
        """Take the bindings that were in force where help was asked for, and the environment shown there."""
        super().__init__()
        self._active = active
        self._environment = environment

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Static(
                Content.assemble(look.environment_badge(self._environment), ("  Help", "bold")), classes="dialog-title"
            )
            yield Detail(id="help-lines")
            yield Static(look.key_hints(("esc", "close"), ("j k", "scroll")), classes="dialog-keys")

    def on_mount(self) -> None:
        self.query_one(Detail).show("help", self._lines)

    def action_close(self) -> None:
        self.dismiss()

    def _lines(self, width: int) -> list[Content]:
        if width < TWO_COLUMNS:
            return [*self._all_keys(width), *_signs(width), Content(""), *_changes(width)]
        left = width // 2 - 2
        right = width - left - 4
        return beside(self._all_keys(left), [*_signs(right), Content(""), *_changes(right)], left)

    def _all_keys(self, width: int) -> list[Content]:
        return [line for scope in SCOPE_TITLES for line in self._keys(scope, width)]

    def _keys(self, scope: Scope, width: int) -> list[Content]:
        """Give the keys of one scope, as they are bound now."""
        bound: dict[str, list[str]] = {}
        for found in self._active:
            if found.binding.id in BY_ID:
                bound.setdefault(found.binding.id, []).append(found.binding.key)
        lines: list[Content] = []
        told: set[str] = set()
        for action in ACTIONS:
            if action.scope != scope or action.id not in bound or (action.family and action.family in told):
                continue
            told.add(action.family)
            names = action.family or look.key_names(bound[action.id])
            lines += labelled(names, action.tooltip, width, KEYS, "bold $primary")
        return [Content.styled(SCOPE_TITLES[scope], "bold $muted"), *lines, Content("")] if lines else []


def _signs(width: int) -> list[Content]:
    lines = [Content.styled("Signs", "bold $muted")]
    for word, meaning in _MEANINGS:
        mark = look.condition_mark(word)
        lines += labelled(f"{mark.glyph} {word}", meaning, width, KEYS, mark.colour)
    return lines


def _changes(width: int) -> list[Content]:
    words = Content(
        "The console shows; it changes nothing. Changes are made on the command line, and the details of a credential"
        " name the command for it, for example:"
    )
    return [
        Content.styled("Changes", "bold $muted"),
        *words.wrap(width),
        Content.styled("mm-secrets rotate --env … --exchange …", "$primary"),
        Content.styled("mm-secrets --help", "$primary"),
    ]
