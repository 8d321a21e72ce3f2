"""What an operator must see at a glance, summed over environments, with the signs that stand for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from tui.look import condition_mark

if TYPE_CHECKING:
    from secrets_core.views import EnvironmentView


class Totals(NamedTuple):
    """Numbers of credentials; of one environment, or summed."""

    credentials: int = 0
    frozen: int = 0
    torn: int = 0
    overdue: int = 0
    due_within_7_days: int = 0
    old_key_alive: int = 0
    unknown: int = 0


class Sign(NamedTuple):
    """One number with its glyph and colour."""

    kind: str
    glyph: str
    colour: str
    number: int


_KINDS = {
    "frozen": "frozen",
    "torn": "torn",
    "overdue": "overdue",
    "due_within_7_days": "due-soon",
    "old_key_alive": "old key alive",
    "unknown": "unknown",
}
"""Field of ``Totals`` to the condition whose sign it has, worst first."""


def totals_of(view: EnvironmentView | None) -> Totals | None:
    """Give the numbers of one environment, or ``None`` while it has never been listed."""
    if view is None or view.listed_at is None:
        return None
    counts = view.counts
    return Totals(*(getattr(counts, name) for name in Totals._fields))


def totals_over(views: Iterable[EnvironmentView]) -> Totals | None:
    """Give the sums over all environments that were listed, or ``None`` while none was."""
    known = [totals for view in views if (totals := totals_of(view)) is not None]
    return Totals(*map(sum, zip(*known, strict=True))) if known else None


def signs(totals: Totals) -> list[Sign]:
    """Give the six numbers, worst first."""
    return [Sign(name, *condition_mark(word), getattr(totals, name)) for name, word in _KINDS.items()]
