"""How things look: pure formatters from frozen data to ``Content``; glyph, word and colour always together.

Everything that comes from a store goes through ``plain`` and is never read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from tui.themes import ENVIRONMENTS

if TYPE_CHECKING:
    from secrets_core.ages import Age
    from secrets_core.views import CredentialRow

HIDDEN_KEY = "········"
"""A part of which nothing is shown; as wide as a key with its last four, and never as wide as the value."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_EIGHTHS = " ▏▎▍▌▋▊▉"
_MARKS = {
    "frozen": ("■", "$frozen"),
    "torn": ("✗", "$broken"),
    "incomplete": ("◐", "$broken"),
    "half-deleted": ("◩", "$broken"),
    "overdue": ("▲", "$overdue"),
    "mid-promotion": ("↻", "$unsure"),
    "foreign-follower": ("≠", "$unsure"),
    "unknown": ("?", "$unsure"),
    "due-soon": ("◆", "$due-soon"),
    "old key alive": ("●", "$old-alive"),
    "pending": ("◌", "$primary"),
    "legacy": ("≤", "$muted"),
    "fresh": ("✓", "$steady"),
    "deleted": ("∅", "$faint"),
}
"""Glyph and colour of every ``Condition``, by its word (the enum's module loads only after the first paint)."""
_STATES = {
    "connecting": ("…", "$muted"),
    "ready": ("✓", "$steady"),
    "empty": ("○", "$muted"),
    "denied": ("⊘", "$broken"),
    "unreachable": ("✗", "$broken"),
}
"""Glyph and colour of every ``EnvironmentState``, by its word."""


class Mark(NamedTuple):
    """A glyph and its colour; whoever shows it adds the word."""

    glyph: str
    colour: str


def condition_mark(condition: str) -> Mark:
    """Give glyph and colour of a ``Condition``."""
    return Mark(*_MARKS[condition])


def state_mark(state: str) -> Mark:
    """Give glyph and colour of an ``EnvironmentState``."""
    return Mark(*_STATES[state])


def plain(text: str) -> str:
    """Give text that cannot steer a terminal: control, bidirectional and other invisible characters become ``?``."""
    return text if text.isascii() and text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def masked_key(hint: str) -> str:
    """Give an API key as it is shown: its last four where they may be, else hidden; always eight cells."""
    return f"····{plain(hint)[:4].rjust(4, '·')}" if hint else HIDDEN_KEY


def operator_name(operator: str) -> str:
    """Give the short name of an operator: the last word of an AWS caller ARN, else all of it."""
    name = operator.rpartition("/")[2] if operator.startswith("arn:") else operator
    return plain(name)


def utc_time(time: datetime) -> str:
    """Give ``14:03:22Z``."""
    return time.strftime("%H:%M:%SZ")


def utc_date(time: datetime) -> str:
    """Give ``2026-11-24``."""
    return time.strftime("%Y-%m-%d")


def utc_stamp(time: datetime) -> str:
    """Give ``2026-11-24 14:03Z``."""
    return time.strftime("%Y-%m-%d %H:%MZ")


def minutes_old(age: timedelta) -> str:
    """Give an age in whole minutes, hours or days, so that its text changes once a minute at most."""
    if age < MINUTE:
        return "just now"
    return f"{coarse(age)} old"


def count(number: int, noun: str) -> str:
    """Give a number with its noun: ``1 environment``, ``3 environments``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def coarse(span: timedelta) -> str:
    """Give a span in one unit, or hours and minutes below a day: ``12 min``, ``3 h 12 min``, ``4 d``."""
    if span < HOUR:
        return f"{max(span, timedelta()) // MINUTE} min"
    if span < DAY:
        hours, rest = span // HOUR, span % HOUR // MINUTE
        return f"{hours} h {rest:02} min" if rest else f"{hours} h"
    return f"{span // DAY} d"


def due(age: Age) -> str:
    """Give when a credential is due, from its listing's point of view; ``?`` where that is not known."""
    if age.due_at is None or age.status.value == "unknown":
        return "?"
    left = age.days_left or 0
    if left <= 0:
        return f"{-left} d ago" if left else "today"
    return f"in {'≥' if is_bound(age) else ''}{left} d"


def is_bound(age: Age) -> bool:
    """Tell whether the age is only an upper bound."""
    return age.source.name == "AT_MOST"


def age_words(age: Age) -> str:
    """Give an age against its limit: ``97/90 d``, ``≤93/90 d``, ``?/90 d``."""
    days = "?" if age.days is None else f"{'≤' if is_bound(age) else ''}{age.days}"
    return f"{days}/{age.limit.days} d"


def age_colour(age: Age) -> str:
    """Give the colour of an age by its status."""
    return {
        "fresh": "$steady",
        "due-soon": "$due-soon",
        "overdue": "$overdue",
        "unknown": "$unsure",
    }[age.status.value]


def age_bar(age: Age, width: int) -> Content:
    """Draw the share of a credential's life that is over, in eighths of a cell; a mere bound is drawn hatched."""
    used = age.used
    if used is None:
        return Content.styled("╌" * width, "$faint on $track")
    colour = f"$bar-{age.status.value}"
    eighths = min(round(used * width * 8), width * 8)
    whole, rest = divmod(max(eighths, 1), 8)
    if is_bound(age):
        whole = max(1, min(round(used * width), width))
        return Content.assemble(("░" * whole, f"{colour} on $track"), (" " * (width - whole), "on $track"))
    bar = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return Content.assemble((bar, f"{colour} on $track"), (" " * (width - len(bar)), "on $track"))


def environment_colour(environment: str | None) -> str:
    """Give the name of an environment's colour variable, without the ``$``; ``None`` stands for all environments."""
    if environment is None:
        return "primary"
    return environment if environment in ENVIRONMENTS else "other"


def environment_badge(environment: str | None) -> Content:
    """Give the badge that says where one is: the word in capitals, on the environment's colour."""
    if environment is None:
        return Content.styled(" ALL ", "bold $background on $primary")
    colour = environment_colour(environment)
    return Content.styled(f" {plain(environment).upper()} ", f"bold ${colour}-text on ${colour}")


def demo_badge() -> Content:
    """Give the mark that nothing on this screen is real."""
    return Content.styled(" DEMO ", "bold $demo-text on $demo")


def key_name(key: str) -> str:
    """Give a key as it stands on a keyboard: ``ctrl+r``, ``?``, ``enter``, ``↑``."""
    *modifiers, last = key.split("+")
    named = _KEY_NAMES.get(last) or (last if len(last) == 1 or last.isalnum() else last.replace("_", " "))
    return "+".join([*modifiers, named])


_KEY_NAMES: Mapping[str, str] = {
    "question_mark": "?",
    "slash": "/",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "backspace": "⌫",
}


def key_names(keys: Iterable[str]) -> str:
    """Give several keys for one action."""
    return " ".join(dict.fromkeys(key_name(key) for key in keys))


def key_hints(*hints: tuple[str, str]) -> Content:
    """Give keys, each with what it does in a word or two."""
    return Content("   ").join(Content.assemble((key, "bold $primary"), (f" {does}", "$muted")) for key, does in hints)


def fit(content: Content, width: int, *, right: bool = False) -> Content:
    """Give content cut or padded to a width in cells."""
    length = content.cell_length
    if length > width:
        return content.truncate(width, ellipsis=True)
    room = width - length
    return content.pad_left(room) if right else content.pad_right(room)


def haystack(row: CredentialRow) -> str:
    """Give everything of a row that a filter finds it by, in lower case."""
    words = (
        str(row.ref),
        row.key_hint,
        row.fingerprint,
        row.condition.value,
        row.pair_state.value,
        "" if row.deleted_at else row.age.status.value,
        row.by,
        row.owner,
        row.note,
        row.why,
        "frozen" if row.hold else "",
        "old key alive" if row.old_key else "",
    )
    return "\n".join(words).lower()
