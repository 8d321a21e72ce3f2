"""The environments: a list with everything that matters of each, or, where there is no room, one line of tabs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui import look
from tui.actions import bindings
from tui.totals import Totals, signs, totals_of, totals_over

if TYPE_CHECKING:
    from secrets_core.views import EnvironmentView


class EnvironmentList(Widget, can_focus=True):
    """All environments and each one; the chosen one is shown at once."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("lines")]
    DEFAULT_CSS = """
    EnvironmentList { background: $sidebar; color: $foreground; }
    """
    chosen: reactive[int] = reactive(0, init=False)
    """0 stands for all environments, 1 for the first one."""
    tabs: reactive[bool] = reactive(False)
    """One line of tabs instead of a list."""

    class Chosen(Message):
        """Another environment was chosen."""

        def __init__(self, environments: EnvironmentList) -> None:
            super().__init__()
            self.environments = environments

        @property
        def control(self) -> EnvironmentList:
            return self.environments

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._names: tuple[str, ...] = tuple(names)
        self._views: Mapping[str, EnvironmentView] = {}
        self._shown: object = None

    @property
    def environment(self) -> str | None:
        """The chosen environment, or ``None`` for all of them."""
        return self._names[self.chosen - 1] if self.chosen else None

    def show(self, names: Sequence[str], views: Mapping[str, EnvironmentView]) -> None:
        """Show the environments as they stand now; paints only what has changed."""
        self._names, self._views = tuple(names), views
        seen = [(v.state, v.counts, v.read_only, v.identity, v.listed_at is None) for v in views.values()]
        if (self._names, seen) != self._shown:
            self._shown = self._names, seen
            self.refresh()

    def validate_chosen(self, chosen: int) -> int:
        return max(0, min(chosen, len(self._names)))

    def watch_chosen(self) -> None:
        self.post_message(self.Chosen(self))

    def action_move(self, by: int) -> None:
        self.chosen += by

    def action_page(self, by: int) -> None:
        self.chosen += by

    def action_first(self) -> None:
        self.chosen = 0

    def action_last(self) -> None:
        self.chosen = len(self._names)

    def on_click(self, event: events.Click) -> None:
        if self.tabs:
            first, tabs = self._tabs()
            ends = list(accumulate(tab.cell_length for tab in tabs))
            hit = [first + at for at, end in enumerate(ends) if event.x < end]
            self.chosen = hit[0] if hit else self.chosen
        elif event.y >= 1 and (index := self._first + (event.y - 1) // self._height) <= len(self._names):
            self.chosen = index

    def render(self) -> Content:
        if self.tabs:
            return Content("").join(self._tabs()[1]).truncate(self.size.width)
        lines = [Content("")]
        for index in range(self._first, len(self._names) + 1):
            entry = self._entry(index)
            lines += [*entry, *[Content("")] * (self._height - len(entry))]
        return Content("\n").join(lines)

    @property
    def _height(self) -> int:
        """Lines an entry takes: with all it has to say where there is room, else one."""
        entries = len(self._names) + 1
        return next((height for height in (4, 3) if entries * height < self.size.height), 1)

    @property
    def _first(self) -> int:
        """The first entry that is seen."""
        return max(0, self.chosen - max(1, (self.size.height - 1) // self._height) + 1)

    def _of(self, index: int) -> tuple[str | None, EnvironmentView | None, Totals | None]:
        """Give the name, the view and the numbers of an entry."""
        if not index:
            return None, None, totals_over(self._views.values())
        name = self._names[index - 1]
        view = self._views.get(name)
        return name, view, totals_of(view)

    def _entry(self, index: int) -> list[Content]:
        name, view, totals = self._of(index)
        chosen = index == self.chosen
        colour = f"${look.environment_colour(name)}"
        edge = Content.styled("▌", colour) if chosen else Content(" ")
        title = Content.styled(look.plain(name) if name else "all environments", f"bold {colour}")
        number = Content.styled(str(totals.credentials) if totals else "", "bold" if chosen else "$muted")
        found = [
            Content.styled(f"{sign.glyph}{sign.number}", sign.colour)
            for sign in (signs(totals) if totals else ())
            if sign.number
        ]
        says = self._all_say() if name is None else _says(view)
        if self._height == 1:
            failed = view is not None and view.state.value in ("denied", "unreachable")
            tail = says if failed else Content(" ").join(found[:3])
            return [self._spread(Content.assemble(edge, " ", title, " ", number), tail, chosen)]
        nothing = Content("")
        lines = [
            self._spread(Content.assemble(edge, " ", title), number, chosen),
            self._spread(Content.assemble(edge, " ", says), nothing, chosen),
            self._spread(Content.assemble(edge, " ", Content(" ").join(found)), nothing, chosen),
        ]
        return lines if self._height == 4 else lines[:2]

    def _spread(self, left: Content, right: Content, chosen: bool) -> Content:
        end = "  " if right else " "
        gap = " " if right.cell_length else ""
        room = max(1, self.size.width - right.cell_length - len(end) - len(gap))
        line = Content.assemble(look.fit(left, room), gap, right, end)
        return line.stylize_before("on $cursor" if self.has_focus else "on $cursor-blurred") if chosen else line

    def _all_say(self) -> Content:
        total = len(self._names)
        seen = sum(view.listed_at is not None for view in self._views.values())
        if seen < total:
            failed = any(view.state.value in ("denied", "unreachable") for view in self._views.values())
            return Content.styled(f"{seen} of {total} listed", "$overdue" if failed else "$muted")
        return Content.styled(look.count(total, "environment"), "$muted")

    def _tabs(self) -> tuple[int, list[Content]]:
        """Give the first tab that is seen, and all from there on: the chosen one is among those that fit."""
        tabs = [self._tab(index) for index in range(len(self._names) + 1)]
        first = 0
        while first < self.chosen and sum(tab.cell_length for tab in tabs[first : self.chosen + 1]) > self.size.width:
            first += 1
        return first, tabs[first:]

    def _tab(self, index: int) -> Content:
        name, view, totals = self._of(index)
        chosen = index == self.chosen
        colour = look.environment_colour(name)
        parts: list[tuple[str, str]] = [(f" {look.plain(name) if name else 'all'}", "bold")]
        worst = next((sign for sign in signs(totals) if sign.number), None) if totals and name else None
        if totals:
            parts.append((f" {totals.credentials}", ""))
        if view is not None and view.state.value != "ready":
            mark = look.state_mark(view.state.value)
            parts.append((f" {mark.glyph}", "" if chosen else mark.colour))
        elif worst is not None:
            parts.append((f" {worst.glyph}{worst.number}", "" if chosen else worst.colour))
        text = "$background" if name is None else f"${colour}-text"
        return Content.assemble(*parts, "  ").stylize_before(f"{text} on ${colour}" if chosen else f"${colour}")


def _says(view: EnvironmentView | None) -> Content:
    """Say where an environment lives, or what is the matter with it."""
    state = view.state.value if view is not None else "connecting"
    if view is None or state == "connecting":
        return Content.styled("connecting …", "$muted")
    if state in ("denied", "unreachable"):
        mark = look.state_mark(state)
        return Content.styled(f"{mark.glyph} {state}", mark.colour)
    account = f" …{look.plain(view.identity.account[-4:])}" if view.identity and view.identity.account else ""
    end = "empty" if state == "empty" else "read-only" if view.read_only else ""
    return Content.styled(f"{view.backend}{account}{' · ' if end else ''}{end}", "$muted")
