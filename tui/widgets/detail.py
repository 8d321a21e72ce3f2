"""The pane with the particulars of what is selected: prepared lines, rendered as they are scrolled into sight."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.actions import bindings

Layout = Callable[[int], list[Content]]
"""Gives the lines for a width in cells."""
PADDING = 2


class Detail(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines of text without a cursor."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("lines")]
    DEFAULT_CSS = """
    Detail {
        color: $foreground;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        scrollbar-background: $surface;
        scrollbar-background-hover: $surface;
        scrollbar-background-active: $surface;
        scrollbar-color: $scroll;
        scrollbar-color-hover: $muted;
        scrollbar-color-active: $muted;
        &:focus { background-tint: $foreground 4%; scrollbar-color: $muted; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._layout_of: Layout | None = None
        self._lines: list[Content] = []
        self._subject: object = None

    def show(self, subject: object, layout: Layout | None) -> None:
        """Show a subject laid out by ``layout``; another subject starts at its top."""
        if subject != self._subject:
            self._subject = subject
            self.scroll_to(y=0, animate=False, immediate=True)
        self._layout_of = layout
        self._lay_out()

    @property
    def text(self) -> str:
        """All lines as plain text."""
        return "\n".join(line.plain for line in self._lines)

    def on_resize(self) -> None:
        self._lay_out()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        index = self.scroll_offset.y + y
        base = self.visual_style
        if index >= len(self._lines):
            return Strip.blank(width, base.rich_style)
        line = Content.assemble(" " * PADDING, self._lines[index])
        parts = line.render(base, end="", parse_style=self.app.stylesheet.parse_style)
        strip = Strip([Segment(text, style.rich_style) for text, style in parts])
        return strip.crop_extend(0, width, base.rich_style)

    def action_move(self, by: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + by, animate=False, immediate=True)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self.scroll_to(y=0, animate=False, immediate=True)

    def action_last(self) -> None:
        self.scroll_to(y=len(self._lines), animate=False, immediate=True)

    def _lay_out(self) -> None:
        # One cell less than there is, so that a scroll bar that comes does not change the layout that called for it.
        width = self.size.width - 2 * PADDING - 1
        lines = self._layout_of(width) if self._layout_of is not None and width > 0 else []
        if len(lines) == len(self._lines) and all(a.is_same(b) for a, b in zip(lines, self._lines, strict=True)):
            return
        before = self._seen() if self._lines else []
        self._lines = lines
        self.virtual_size = Size(0, len(lines))
        for y, (old, new) in enumerate(zip(before, self._seen(), strict=False)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))
        if not before:
            self.refresh()

    def _seen(self) -> list[Strip]:
        return [self.render_line(y) for y in range(self.scrollable_content_region.height)]
