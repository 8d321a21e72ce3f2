"""The measure for the console: stock Textual widgets that show as much, with no core behind them.

``python tests/benchmarks/bare_console.py [ROWS]``. Two lines of status, a list of environments, a filter, a table,
the particulars of a row, and a line of keys. Nothing blinks, so that what is written comes from what is pressed.
"""

from __future__ import annotations

import sys
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Footer, Input, Static

COLUMNS = ("env", "exchange", "status", "age of limit", "due", "key", "pair", "by")
ENVIRONMENTS = ("dev", "shadow", "soak", "prod")
WORDS = ("fresh", "due-soon", "overdue", "legacy")
LAST_PAINTED = "particulars of the first"


def row(number: int) -> tuple[str, ...]:
    """Give one row, as wide as the console's."""
    return (
        ENVIRONMENTS[number % 4],
        f"bybit@a{number:05}",
        WORDS[number % 4],
        f"█████████▌   {number % 90}/90 d",
        f"in {90 - number % 90} d",
        f"····{number % 10_000:04}",
        "paired",
        "alice",
    )


class BareConsole(App[None]):
    """As many stock widgets as the console has of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("slash", "filter", "filter"),
        ("o", "sort", "sort"),
        ("ctrl+r", "refresh", "refresh"),
        ("question_mark", "help", "help"),
        ("q", "quit", "quit"),
    ]
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    .line { height: 1; }
    #environments { width: 24; }
    Input { height: 1; border: none; }
    DataTable { height: 1fr; }
    #particulars { height: 12; }
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def compose(self) -> ComposeResult:
        yield Static(" ALL   DEMO   aws …9012 · eu-west-1 · alice (3 h 12 min left)   14:03 UTC", classes="line")
        yield Static(" ✓ not frozen   ✗ 3 torn   ▲ 4 overdue   ◆ 3 due within 7 d   ● 2 old key alive", classes="line")
        with Horizontal():
            yield Static("\n\n".join(f"{name} 12\nready" for name in ENVIRONMENTS), id="environments")
            with Vertical():
                yield Input(placeholder="filter")
                yield DataTable[str](cursor_type="row")
                yield Static(LAST_PAINTED, id="particulars")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        table: DataTable[str] = self.query_one(DataTable)
        table.add_columns(*COLUMNS)
        table.add_rows(map(row, range(self._count)))
        table.focus()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        words = row(event.cursor_row) if event.cursor_row else (LAST_PAINTED,)
        self.query_one("#particulars", Static).update("\n".join(words), layout=False)


if __name__ == "__main__":
    BareConsole(int(sys.argv[1]) if len(sys.argv) > 1 else 51).run()
