"""The table of credentials: worst first, filtered as one types, sized for ten thousand.

The model is a list of frozen rows and a list of indexes into it; selection and scroll belong to a credential, not to a
place in the list, so a refresh moves neither.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import events
from textual.content import Content

from tui import look
from tui.widgets.line_list import LineList

if TYPE_CHECKING:
    from secrets_core.names import CredentialRef
    from secrets_core.views import CredentialRow

GAP = 2
EDGE, MARGIN = 4, 1
"""Cells before the first column, and after the last one."""
WORST_FIRST = "status"
_LATE = (1, 0.0)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its words, its order, and how much room it wants."""

    key: str
    title: str
    words: Callable[[CredentialRow], str]
    order: Callable[[CredentialRow], Any]
    least: int = 0
    most: int = 16
    right: bool = False
    tight: int = 0
    """Where room is short, it makes do with this."""


def _worst_first(row: CredentialRow) -> tuple[int, float, str, str]:
    return row.condition.severity, -(row.age.used or 0), row.ref.environment, row.ref.exchange


def _by_age(row: CredentialRow) -> tuple[int, float]:
    born = row.age.born
    return _LATE if born is None else (0, born.timestamp())


def _by_due(row: CredentialRow) -> tuple[int, float]:
    due = row.age.due_at
    return _LATE if due is None else (0, due.timestamp())


def _text_order(words: Callable[[CredentialRow], str]) -> Callable[[CredentialRow], tuple[bool, str]]:
    return lambda row: (not words(row), words(row))


def _due(row: CredentialRow) -> str:
    return "" if row.condition.value == "deleted" else look.due(row.age)


def _by(row: CredentialRow) -> str:
    return look.operator_name(row.by)


def _key(row: CredentialRow) -> str:
    return look.masked_key(row.key_hint)


def _pair(row: CredentialRow) -> str:
    """Give the state of the pair where the status does not say the same."""
    state = row.pair_state.value
    return "" if state == row.condition.value else state


COLUMNS = (
    Column("environment", "env", lambda row: row.ref.environment, lambda row: row.ref.environment, most=8),
    Column("exchange", "exchange", lambda row: row.ref.exchange, lambda row: row.ref.exchange, least=10, most=24),
    Column("status", "status", lambda row: row.condition.value, _worst_first, least=8, tight=13),
    Column("age", "age of limit", lambda row: look.age_words(row.age), _by_age, least=13, most=34),
    Column("due", "due", _due, _by_due, least=5, right=True),
    Column("key", "key", _key, _text_order(lambda row: row.key_hint), least=8),
    Column("pair", "pair", _pair, _text_order(lambda row: row.pair_state.value)),
    Column("by", "by", _by, _text_order(_by), least=4, most=18),
    Column("fingerprint", "fingerprint", lambda row: look.plain(row.fingerprint), _text_order(lambda r: r.fingerprint)),
    Column("owner", "owner", lambda row: look.plain(row.owner), _text_order(lambda row: row.owner), most=18),
)
"""From left to right; where there is no room they go from the right."""
_BY_KEY = {column.key: column for column in COLUMNS}
_ALWAYS = {"environment", "exchange", "status", "age"}
_SPARED = {"pair", "by", "fingerprint", "owner"}


def _widest(rows: Sequence[CredentialRow]) -> dict[str, int]:
    """Give the cells that the widest words of every column need, looking at every different one once."""
    alike = {(row.age.days, row.age.limit.days, row.age.status, row.age.source): row for row in rows}
    different: dict[str, Iterable[CredentialRow]] = {
        "environment": {row.ref.environment: row for row in rows}.values(),
        "exchange": {len(row.ref.exchange): row for row in rows}.values(),
        "status": {row.condition: row for row in rows}.values(),
        "age": alike.values(),
        "due": alike.values(),
        "key": {len(row.key_hint): row for row in rows}.values(),
        "pair": {(row.pair_state, row.condition): row for row in rows}.values(),
        "by": {row.by: row for row in rows}.values(),
        "fingerprint": {len(row.fingerprint): row for row in rows}.values(),
        "owner": {row.owner: row for row in rows}.values(),
    }
    return {key: max((len(_BY_KEY[key].words(row)) for row in found), default=0) for key, found in different.items()}


class CredentialTable(LineList):
    """Rows of credentials with filter, order and selection."""

    HEADER = 1

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._rows: Sequence[CredentialRow] = ()
        self._haystacks: list[str] | None = None
        self._worst_first: list[int] = []
        self._order: list[int] = []
        self._view: list[int] = []
        self._found: dict[str, list[int]] = {}
        """The answers to the filter and its beginnings, so that typing on narrows and rubbing out looks up."""
        self._words = ""
        self._only: Collection[CredentialRef] | None = None
        self._sorted_by, self._reversed = WORST_FIRST, False
        self._with_environment = True
        self._touched = False
        self._contents: dict[str, int] = {}
        """The widest words of every column."""
        self._layout: tuple[int, list[tuple[Column, int, int]]] | None = None

    @property
    def line_count(self) -> int:
        return len(self._view)

    @property
    def row(self) -> CredentialRow | None:
        """The selected row."""
        return self._rows[self._view[self.cursor]] if self._view else None

    @property
    def row_count(self) -> int:
        """How many rows there are without the filter."""
        return len(self._rows)

    @property
    def deleted_count(self) -> int:
        """How many of the rows that are seen are deleted."""
        return sum(self._rows[index].condition.value == "deleted" for index in self._view)

    @property
    def sorted_by(self) -> tuple[str, bool]:
        """The key of the column that gives the order, and whether it is reversed."""
        return self._sorted_by, self._reversed

    @property
    def order_words(self) -> str:
        """The order in words."""
        if (self._sorted_by, self._reversed) == (WORST_FIRST, False):
            return "worst first"
        return f"by {_BY_KEY[self._sorted_by].key}{', reversed' if self._reversed else ''}"

    def show_rows(self, rows: Sequence[CredentialRow], *, with_environment: bool, afresh: bool = False) -> None:
        """Show other rows. The selected credential stays selected, in the same place on screen, where it still is.

        ``afresh`` starts at the top: these are other credentials, not newer ones.
        """
        if afresh:
            self._touched = False
            self._scroll(0)
        selected, place = self.row, self.cursor - self.scroll_offset.y
        self._rows, self._haystacks = rows, None
        self._with_environment = with_environment
        self._contents = _widest(rows)
        self._layout = None
        ranks = list(map(_worst_first, rows))
        self._worst_first = sorted(range(len(rows)), key=ranks.__getitem__)
        self._sort()
        self._show(selected, place)

    def filter(self, words: str) -> None:
        """Show the rows that contain every word (in lower case)."""
        selected, place = self.row, self.cursor - self.scroll_offset.y
        self._words = words
        self._show(selected, place)

    def show_only(self, refs: Collection[CredentialRef] | None) -> None:
        """Show these credentials alone, or with ``None`` all of them again."""
        selected, place = self.row, self.cursor - self.scroll_offset.y
        self._only = refs
        self._show(selected, place)

    def select(self, ref: CredentialRef) -> None:
        """Put the cursor on a credential, if it is shown."""
        index = self._index_of(ref)
        if index is not None:
            self._touched = True
            self.cursor = index

    def knows(self, words: str) -> bool:
        """Tell whether some row contains every word (in lower case); none is kept, as it may be a secret."""
        return any(all(word in haystack for word in words.split()) for haystack in self._texts())

    def sort_by(self, key: str, *, reverse: bool = False) -> None:
        """Order by a column; the order of equals is worst first."""
        selected = self.row
        self._sorted_by, self._reversed = key, reverse
        self._sort()
        self._show(selected, self.cursor - self.scroll_offset.y)

    def sort_by_next(self) -> None:
        """Order by the next column that is seen."""
        seen = [column.key for column, _, _ in self._columns(self.scrollable_content_region.width)]
        at = seen.index(self._sorted_by) if self._sorted_by in seen else -1
        self.sort_by(seen[(at + 1) % len(seen)])

    def reverse(self) -> None:
        """Reverse the order."""
        self.sort_by(self._sorted_by, reverse=not self._reversed)

    def watch_cursor(self, old: int, new: int) -> None:
        self._touched = True
        super().watch_cursor(old, new)

    def clicked(self, event: events.Click) -> None:
        if event.y >= self.HEADER:
            self._touched = True
            super().clicked(event)
            return
        for column, start, width in self._columns(self.scrollable_content_region.width):
            if start <= event.x < start + width + GAP:
                self.sort_by(column.key, reverse=column.key == self._sorted_by and not self._reversed)

    def header(self, width: int) -> Content:
        parts: list[Content] = [Content(" " * EDGE)]
        for column, _, room in self._columns(width):
            chosen = column.key == self._sorted_by
            title = f"{column.title} {'▴' if self._reversed else '▾'}" if chosen else column.title
            styled = Content.styled(title, "bold $foreground" if chosen else "$muted")
            parts += [look.fit(styled, room, right=column.right), Content(" " * GAP)]
        return Content("").join(parts)

    def line(self, index: int, width: int, at_cursor: bool) -> Content:
        row = self._rows[self._view[index]]
        mark = look.condition_mark(row.condition.value)
        edge = Content.styled("▌", f"${look.environment_colour(row.ref.environment)}") if at_cursor else Content(" ")
        parts = [edge, Content.styled(f" {mark.glyph} ", mark.colour)]
        gone = row.condition.value == "deleted"
        for column, _, room in self._columns(width):
            cell = self._cell(row, column, room)
            if gone:
                cell = Content.styled(cell.plain, "$faint")
            parts += [look.fit(cell, room, right=column.right), Content(" " * GAP)]
        return Content("").join(parts)

    def _cell(self, row: CredentialRow, column: Column, room: int) -> Content:
        words = column.words(row)
        if column.key == "environment":
            return Content.styled(words, f"${look.environment_colour(words)}")
        if column.key == "exchange":
            return Content.assemble(row.ref.venue, (f"@{row.ref.account}" if row.ref.account else "", "$muted"))
        if column.key == "status":
            mark = look.condition_mark(words)
            return Content.styled(words, mark.colour if words == "fresh" else f"bold {mark.colour}")
        if column.key == "age":
            return self._age_cell(row, words, room)
        if column.key == "due":
            late = row.age.status.value in ("overdue", "due-soon")
            return Content.styled(words, look.age_colour(row.age) if late else "$muted")
        if column.key == "pair":
            plain = words in ("", "paired", "legacy")
            return Content.styled(words, "$muted" if plain else look.condition_mark(words).colour)
        return Content.styled(words, "$muted")

    def _age_cell(self, row: CredentialRow, words: str, room: int) -> Content:
        numbers = self._contents["age"]
        gone = row.condition.value == "deleted"
        bar = Content(" " * (room - numbers - 1)) if gone else look.age_bar(row.age, max(1, room - numbers - 1))
        days, slash, limit = words.partition("/")
        colour = "$foreground" if row.age.status.value == "fresh" else look.age_colour(row.age)
        return Content.assemble(bar, " " * (1 + numbers - len(words)), (days, colour), (slash + limit, "$faint"))

    def _columns(self, width: int) -> list[tuple[Column, int, int]]:
        """Give the columns that have room, each with where it starts and how wide it is."""
        if self._layout is not None and self._layout[0] == width:
            return self._layout[1]
        columns = [column for column in COLUMNS if self._with_environment or column.key != "environment"]
        columns = [column for column in columns if column.key in _ALWAYS or self._contents.get(column.key)]
        wanted = {column.key: self._wanted(column) for column in columns}
        total = width - EDGE - MARGIN + GAP
        # What stands before the pair is cut short for no column from there on.
        while columns[-1].key in _SPARED and sum(wanted[column.key] + GAP for column in columns) > total:
            columns.pop()
        room = {column.key: min(wanted[column.key], column.tight or wanted[column.key]) for column in columns}
        while len(columns) > len(_ALWAYS) and sum(room[column.key] + GAP for column in columns) > total:
            columns.pop()
        spare = total - sum(room[column.key] + GAP for column in columns)
        back = [(column.key, wanted[column.key] - room[column.key]) for column in columns]
        for key, share in (*back, ("exchange", 2), ("age", 10), ("exchange", 40), ("age", 40)):
            more = max(0, min(spare, share, _BY_KEY[key].most - room[key]))
            room[key] += more
            spare -= more
        laid, start = [], EDGE
        for column in columns:
            laid.append((column, start, room[column.key]))
            start += room[column.key] + GAP
        self._layout = width, laid
        return laid

    def _wanted(self, column: Column) -> int:
        """The room a column wants: that of its words, or of its title with the arrow."""
        words = self._contents.get(column.key, 0)
        if column.key == "age":
            words += 6
        return min(max(words, column.least, len(column.title) + 2), column.most)

    def _sort(self) -> None:
        order = self._worst_first
        if self._sorted_by != WORST_FIRST:
            keys = list(map(_BY_KEY[self._sorted_by].order, self._rows))
            order = sorted(order, key=keys.__getitem__)
        self._order = order[::-1] if self._reversed else order
        self._found.clear()

    def _texts(self) -> list[str]:
        if self._haystacks is None:
            self._haystacks = [look.haystack(row) for row in self._rows]
        return self._haystacks

    def _matching(self, words: str) -> list[int]:
        if not words:
            return self._order
        if words not in self._found:
            known = next((words[:n] for n in range(len(words) - 1, 0, -1) if words[:n] in self._found), "")
            view, haystacks = self._found.get(known, self._order), self._texts()
            for word in words.split():
                view = [index for index in view if word in haystacks[index]]
            self._found[words] = view
        return self._found[words]

    def _show(self, selected: CredentialRow | None, place: int) -> None:
        view = self._matching(self._words)
        if self._only is not None:
            view = [index for index in view if self._rows[index].ref in self._only]
        self._view = view
        index = self._index_of(selected.ref) if selected is not None and self._touched else 0
        if index is None:
            index = min(self.cursor, max(0, len(view) - 1))
        self.show_lines(index, index - place if self._touched else self.scroll_offset.y)

    def _index_of(self, ref: CredentialRef) -> int | None:
        rows = self._rows
        return next((at for at, index in enumerate(self._view) if rows[index].ref == ref), None)
