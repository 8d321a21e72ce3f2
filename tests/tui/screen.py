"""What is on a console's screen, as text and as colours."""

from __future__ import annotations

from dataclasses import dataclass

from rich.color import Color
from rich.segment import Segment
from textual.app import App


@dataclass(frozen=True, slots=True)
class Look:
    """How some words look."""

    colour: str
    ground: str
    bold: bool


def _lines(app: App[None]) -> list[list[Segment]]:
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    return [[segment for strip in line for segment in strip] for line in update.strips]  # type: ignore[union-attr]  # a full update has strips


def screen_text(app: App[None]) -> str:
    """Give the screen as text, without blanks at the right."""
    lines = ("".join(segment.text for segment in line).rstrip() for line in _lines(app))
    return "\n".join(lines) + "\n"


def words_of(app: App[None]) -> str:
    """Give the screen as one line, however it was wrapped, and every toast."""
    toasts = " ".join(toast.message for toast in app._notifications)
    return " ".join(f"{screen_text(app)} {toasts}".split())


def look_of(app: App[None], words: str) -> Look:
    """Give how the first occurrence of some words looks; fail when they are not on the screen."""
    for line in _lines(app):
        at = "".join(segment.text for segment in line).find(words)
        if at < 0:
            continue
        for segment in line:
            if at < len(segment.text):
                style = segment.style
                assert style is not None
                return Look(_hex(style.color), _hex(style.bgcolor), bool(style.bold))
            at -= len(segment.text)
    raise AssertionError(f"not on the screen: {words}")


def _hex(colour: Color | None) -> str:
    return colour.triplet.hex if colour is not None and colour.triplet is not None else ""


def greys_only(app: App[None]) -> bool:
    """Tell whether every colour on the screen is a grey."""
    colours = [
        colour.triplet
        for line in _lines(app)
        for segment in line
        if segment.style is not None
        for colour in (segment.style.color, segment.style.bgcolor)
        if colour is not None and colour.triplet is not None
    ]
    return bool(colours) and all(len(set(colour)) == 1 for colour in colours)
