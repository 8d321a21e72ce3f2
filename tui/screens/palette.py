"""The palette: commands, environments and credentials, found by typing. Not Textual's: that one offers screenshots."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import look
from tui.actions import ACTIONS, bindings
from tui.look import key_hints
from tui.themes import HOUSE_THEMES
from tui.widgets.credential_table import COLUMNS
from tui.widgets.guarded_field import GuardedField
from tui.widgets.line_list import LineList
from tui.widgets.secret_input import Field

if TYPE_CHECKING:
    from tui.screens.browse import Browse


NOTHING = "Nothing matches. Changes are made on the command line: see ? for how."


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing the palette can do."""

    title: str
    """``area: what it does``."""
    help: str
    run: Callable[[], object] | Callable[[], Awaitable[object]]
    why_not: str = ""
    """Why it can not be done now."""
    keys: str = ""

    @property
    def searched(self) -> str:
        """What typing finds it by, in lower case."""
        return self.title.lower()


class EntryList(LineList):
    """The entries that were found."""

    can_focus = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._entries: list[Entry] = []

    @property
    def line_count(self) -> int:
        return len(self._entries)

    @property
    def entry(self) -> Entry | None:
        """The chosen entry."""
        return self._entries[self.cursor] if self._entries else None

    def show_entries(self, entries: list[Entry]) -> None:
        """Show these, with the cursor on the first."""
        self._entries = entries
        self.show_lines(0, 0)

    def line(self, index: int, width: int, at_cursor: bool) -> Content:  # noqa: ARG002 - the base's signature
        entry = self._entries[index]
        area, _, rest = entry.title.partition(": ")
        dim = "$faint" if entry.why_not else ""
        title = Content.assemble((f" {area}: ", "$faint" if entry.why_not else "$muted"), (rest, dim or "$foreground"))
        keys = Content.styled(f"{entry.keys} ", dim or "$primary") if entry.keys else Content("")
        note = Content.styled(f"  {entry.why_not or entry.help}", "$faint")
        left = Content.assemble(look.fit(title, min(34, width)), note) if width > 60 else title
        return Content.assemble(look.fit(left, max(1, width - keys.cell_length)), keys)


class Palette(ModalScreen[None]):
    """Type to find, enter to do."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialog")]
    AUTO_FOCUS = "#palette-field"

    def __init__(self, browse: Browse) -> None:
        """Take the screen on which the commands work."""
        super().__init__()
        self._browse = browse
        self._entries: list[Entry] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="palette"):
            with Horizontal(classes="dialog-title"):
                badge = look.environment_badge(self._browse.environment)
                yield Static(Content.assemble(badge, "  "), id="palette-badge")
                yield GuardedField("a command, an environment, a credential", self._is_shown, id="palette-field")
            yield EntryList(id="palette-entries")
            yield Static(NOTHING, id="palette-nothing")
            yield Static(key_hints(("enter", "do it"), ("↑ ↓", "choose"), ("esc", "close")), classes="dialog-keys")

    def on_mount(self) -> None:
        self._entries = [*self._commands(), *self._places()]
        self._find()

    @on(Field.Edited)
    def _find(self) -> None:
        words = self.query_one(GuardedField).words.split()
        found = self._found(words)
        if words:
            # What begins a word of the title comes before what is only inside one.
            found.sort(key=lambda entry: not all(f" {word}" in f" {entry.searched}" for word in words))
        self.query_one(EntryList).show_entries(found)
        self.query_one("#palette").set_class(not found, "-nothing")

    def _found(self, words: list[str]) -> list[Entry]:
        return [entry for entry in self._entries if all(word in entry.searched for word in words)]

    def _is_shown(self, text: str) -> bool:
        return bool(self._found(text.split()))

    @on(Field.Refused)
    def _refused(self, message: Field.Refused) -> None:
        self.notify(message.reason, severity="warning", markup=False)

    @on(Field.Submitted)
    async def _submitted(self) -> None:
        await self._run(self.query_one(EntryList).entry)

    @on(EntryList.Opened)
    async def _opened(self) -> None:
        await self._run(self.query_one(EntryList).entry)

    def on_key(self, event: events.Key) -> None:
        entries = self.query_one(EntryList)
        moves = {"up": -1, "down": 1, "pageup": -entries.page_height, "pagedown": entries.page_height}
        if event.key in moves:
            event.stop()
            entries.cursor += moves[event.key]

    def action_close(self) -> None:
        self.dismiss()

    async def _run(self, entry: Entry | None) -> None:
        if entry is None:
            return
        if entry.why_not:
            self.notify(entry.why_not, markup=False)
            return
        self.dismiss()
        self._browse.call_next(entry.run)

    def _commands(self) -> list[Entry]:
        browse = self._browse
        bound: dict[str, list[str]] = {}
        for found in browse.active_bindings.values():
            if found.binding.id:
                bound.setdefault(found.binding.id, []).append(found.binding.key)
        entries = []
        for action in ACTIONS:
            if not action.in_palette:
                continue
            namespace = browse if action.scope == "browse" else self.app
            entries.append(
                Entry(
                    action.title,
                    action.tooltip,
                    partial(self.app.run_action, action.action, namespace),
                    browse.why_not(action.id),
                    look.key_name(bound[action.id][0]) if action.id in bound else "",
                )
            )
        for column in COLUMNS:
            run = partial(browse.table.sort_by, column.key)
            entries.append(Entry(f"sort: by {column.key}", f"Sort by {column.title}.", run))
        for theme in HOUSE_THEMES:
            entries.append(Entry(f"theme: {theme}", "Use this theme.", partial(self._use_theme, theme)))
        return entries

    def _places(self) -> list[Entry]:
        browse = self._browse
        entries = [Entry("go: all", "Show all environments.", partial(browse.go, None))]
        for name in browse.names:
            title = f"go: {look.plain(name)}"
            entries.append(Entry(title, "Show this environment.", partial(browse.go, name)))
        here = browse.environment
        for ref in sorted(browse.credentials, key=lambda ref: ref.environment != here):
            title = f"go: {ref.environment} / {ref.exchange}"
            entries.append(Entry(title, "", partial(browse.go, ref.environment, ref)))
        return entries

    def _use_theme(self, name: str) -> None:
        self.app.theme = name
