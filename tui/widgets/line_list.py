"""The base of everything with many lines: it holds no widget per line and renders only what is seen."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from tui.actions import bindings


class LineList(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines with a cursor. Subclasses say how many there are and how one looks."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("lines")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--cursor"}
    DEFAULT_CSS = """
    LineList {
        color: $foreground;
        overflow-x: hidden;
        scrollbar-gutter: auto;
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        scrollbar-color: $scroll;
        scrollbar-color-hover: $muted;
        scrollbar-color-active: $muted;
        & > .lines--cursor { background: $cursor-blurred; }
        &:focus > .lines--cursor { background: $cursor; }
    }
    """
    HEADER = 0
    """Lines above the scrolled ones that never move."""
    cursor: reactive[int] = reactive(0, repaint=False)

    class Moved(Message):
        """The cursor is on another line, or the line under it has changed."""

        def __init__(self, lines: LineList) -> None:
            super().__init__()
            self.lines = lines

        @property
        def control(self) -> LineList:
            return self.lines

    class Opened(Moved):
        """A line was opened: by enter, or by a double click."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._strips: LRUCache[tuple[int, bool, int], Strip] = LRUCache(512)
        self._painted: dict[int, Strip] = {}
        """What stands on the screen, by line."""

    @property
    def line_count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def line(self, index: int, width: int, at_cursor: bool) -> Content:
        """Give one line, as wide as ``width`` at most."""
        raise NotImplementedError

    def header(self, width: int) -> Content:
        """Give the line that never moves, where ``HEADER`` is 1."""
        raise NotImplementedError

    def show_lines(self, cursor: int, scroll: int | None = None) -> None:
        """Paint lines that have changed, with the cursor on that one.

        ``scroll`` is the first line to be seen, whether or not the cursor is seen then; without it the cursor is.
        Lines that look as before are not written to the terminal again.
        """
        self._strips.clear()
        self.virtual_size = Size(0, self.line_count + self.HEADER)
        self.set_reactive(LineList.cursor, self.validate_cursor(cursor))
        self._scroll(self.scroll_offset.y if scroll is None else scroll)
        if scroll is None:
            self._bring_into_view()
        changed = [y for y in range(self.size.height) if self._painted.get(y) != self._line_at(y)]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))
        self.post_message(self.Moved(self))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def on_resize(self) -> None:
        self._strips.clear()
        self._painted.clear()
        self._bring_into_view()

    def on_focus(self) -> None:
        self._strips.clear()

    def on_blur(self) -> None:
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        strip = self._painted[y] = self._line_at(y)
        return strip

    def _line_at(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y < self.HEADER:
            return self._strip(self.header(width), width, Style())
        index = self.scroll_offset.y + y - self.HEADER
        if index >= self.line_count:
            return Strip.blank(width, self.rich_style)
        at_cursor = index == self.cursor
        key = index, at_cursor, width
        strip = self._strips.get(key)
        if strip is None:
            over = self.get_visual_style("lines--cursor") if at_cursor else Style()
            strip = self._strips[key] = self._strip(self.line(index, width, at_cursor), width, over)
        return strip

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, self.line_count - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        before = self.scroll_offset.y
        self._bring_into_view()
        if self.scroll_offset.y == before:
            lines = (old - before + self.HEADER, new - before + self.HEADER)
            self.refresh(*(Region(0, y, self.size.width, 1) for y in lines))
        self.post_message(self.Moved(self))

    def action_move(self, by: int) -> None:
        self.cursor += by

    def action_page(self, by: int) -> None:
        self.cursor += by * self.page_height

    def action_first(self) -> None:
        self.cursor = 0

    def action_last(self) -> None:
        self.cursor = self.line_count - 1

    @property
    def page_height(self) -> int:
        """How many lines are seen at once."""
        return max(1, self.scrollable_content_region.height - self.HEADER)

    def on_click(self, event: events.Click) -> None:
        self.clicked(event)

    def clicked(self, event: events.Click) -> None:
        """Take a click. (Textual runs the ``on_click`` of every class; this one can be overridden.)"""
        index = self.scroll_offset.y + event.y - self.HEADER
        if event.y >= self.HEADER and index < self.line_count:
            self.cursor = index
            if event.chain == 2:
                self.post_message(self.Opened(self))

    def _strip(self, content: Content, width: int, over: Style) -> Strip:
        base = self.visual_style + over
        parts = content.render(base, end="", parse_style=self.app.stylesheet.parse_style)
        strip = Strip([Segment(text, style.rich_style) for text, style in parts])
        return strip.crop_extend(0, width, base.rich_style)

    def _scroll(self, first: int) -> None:
        self.scroll_to(y=max(0, first), animate=False, immediate=True, force=True)

    def _bring_into_view(self) -> None:
        first, page = self.scroll_offset.y, self.page_height
        if self.cursor < first:
            self._scroll(self.cursor)
        elif self.cursor >= first + page:
            self._scroll(self.cursor - page + 1)
