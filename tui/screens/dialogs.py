"""What must be read before anything else: it stands on its own and waits for a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import look
from tui.actions import bindings

if TYPE_CHECKING:
    from secrets_core.errors import CoreError


class Problem(ModalScreen[None]):
    """An error that leaves nothing else to do here."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialog"), ("enter,q", "close", "close")]

    def __init__(self, problem: CoreError, consequence: str) -> None:
        """Take the error, and what closing this dialog does, as one or two words for its key."""
        super().__init__()
        self._problem = problem
        self._consequence = consequence

    def compose(self) -> ComposeResult:
        problem = self._problem
        parts = [Content(look.plain(problem.message))]
        if problem.hint:
            parts.append(Content(look.plain(problem.hint)))
        if problem.path and problem.path not in problem.message:
            parts.append(Content.styled(look.plain(problem.path), "$muted"))
        with Vertical(id="problem"):
            yield Static(Content.styled(f"✗ {problem.title}", "bold $broken"), classes="dialog-title")
            yield Static(Content("\n\n").join(parts), id="problem-text")
            yield Static(look.key_hints(("enter", self._consequence)), classes="dialog-keys")

    def action_close(self) -> None:
        self.dismiss()
