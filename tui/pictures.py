"""A screen as SVG, the same text for the same screen: no font of another host, no random id, blocks drawn."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    from rich.color_triplet import ColorTriplet
    from rich.segment import Segment
    from rich.style import Style

    from tui.app import OperatorConsole

CELL, LINE, MARGIN, BASE = 12, 24, 14, 18
"""Pixels: width and height of a cell, the margin, and how far down a cell its base line is."""
FAMILY = "DejaVu Sans Mono"
FONTS = tuple(
    Path("/usr/share/fonts", folder, name)
    for folder in ("truetype/dejavu", "dejavu-sans-mono-fonts", "TTF")
    for name in ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf")
)
_FROM_LEFT = {glyph: eighths / 8 for eighths, glyph in enumerate("▏▎▍▌▋▊▉█", 1)}
_FROM_BELOW = {glyph: eighths / 8 for eighths, glyph in enumerate("▁▂▃▄▅▆▇", 1)}
_DRAWN = "".join((*_FROM_LEFT, *_FROM_BELOW, "━│╭╮╰╯─"))
_PIECES = re.compile(rf"[{_DRAWN}]|[^\s{_DRAWN}]+(?: [^\s{_DRAWN}]+)*")
"""What is drawn at one place: a block or a line, or words with single spaces between them."""


def screen_svg(app: OperatorConsole) -> str:
    """Give what is on the console's screen as SVG."""
    width, height = app.size
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    lines = [[segment for strip in line for segment in strip] for line in update.strips]  # type: ignore[union-attr]  # a full update has strips
    ground = _ground(lines)
    backgrounds: list[str] = []
    words: list[str] = []
    classes: dict[str, str] = {}
    for y, line in enumerate(lines):
        x = 0
        for segment in line:
            length = cell_len(segment.text)
            colour, behind = _colours(segment.style)
            if behind is not None and behind != ground:
                backgrounds.append(_rectangle(x * CELL, y * LINE, length * CELL, LINE, behind))
            if colour is not None:
                words.extend(_draw(segment, x, y, colour, classes))
            x += length
    size = (width * CELL + 2 * MARGIN, height * LINE + 2 * MARGIN)
    styles = "\n".join(f".{name} {{ {rules} }}" for rules, name in classes.items())
    title = escape(app.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{title}">\n'
        f"<title>{title}</title>\n<style>\n"
        f'text {{ font: 20px "{FAMILY}", "Fira Code", Menlo, Consolas, monospace; white-space: pre; }}\n'
        f"{styles}\n</style>\n"
        f'<rect width="{size[0]}" height="{size[1]}" rx="10" fill="{ground.hex}"/>\n'
        f'<g transform="translate({MARGIN} {MARGIN})">\n'
        + "\n".join([*_joined(backgrounds), *words])
        + "\n</g>\n</svg>\n"
    )


def png(svg: str) -> bytes | None:
    """Give a picture as PNG, or ``None`` where resvg_py or its font is missing."""
    fonts = [str(font) for font in FONTS if font.exists()]
    try:
        resvg = importlib.import_module("resvg_py")
    except ImportError:
        return None
    if not fonts:
        return None
    return bytes(
        resvg.svg_to_bytes(
            svg_string=svg, skip_system_fonts=True, font_files=fonts, font_family=FAMILY, monospace_family=FAMILY
        )
    )


def _ground(lines: Iterable[Iterable[Segment]]) -> ColorTriplet:
    """Give the background that most cells have."""
    cells: Counter[ColorTriplet] = Counter()
    for segment in (segment for line in lines for segment in line):
        _, behind = _colours(segment.style)
        if behind is not None:
            cells[behind] += len(segment.text)
    return cells.most_common(1)[0][0]


def _colours(style: Style | None) -> tuple[ColorTriplet | None, ColorTriplet | None]:
    """Give the colours of text and ground."""
    if style is None:
        return None, None
    front, back = (colour.triplet if colour is not None else None for colour in (style.color, style.bgcolor))
    return (back, front) if style.reverse else (front, back)


def _rectangle(x: float, y: float, width: float, height: float, colour: ColorTriplet) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{colour.hex}"'
        ' shape-rendering="crispEdges"/>'
    )


def _joined(rectangles: list[str]) -> list[str]:
    """Join neighbours of one colour on one line, which makes a picture half as long."""
    pattern = re.compile(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" (.*)')
    joined: list[tuple[float, str, float, str]] = []
    for rectangle in rectangles:
        match = pattern.fullmatch(rectangle)
        if match is None:
            raise ValueError("not a rectangle of this module")
        x, y, width, rest = float(match[1]), match[2], float(match[3]), match[4]
        if joined and joined[-1][0] + joined[-1][2] == x and (joined[-1][1], joined[-1][3]) == (y, rest):
            joined[-1] = joined[-1][0], y, joined[-1][2] + width, rest
        else:
            joined.append((x, y, width, rest))
    return [f'<rect x="{x:g}" y="{y}" width="{width:g}" {rest}' for x, y, width, rest in joined]


def _draw(segment: Segment, x: int, y: int, colour: ColorTriplet, classes: dict[str, str]) -> Iterator[str]:
    style = segment.style
    for match in _PIECES.finditer(segment.text):
        piece = match[0]
        left = (x + cell_len(segment.text[: match.start()])) * CELL
        if piece in _FROM_LEFT:
            yield _rectangle(left, y * LINE, CELL * _FROM_LEFT[piece], LINE, colour)
        elif piece in _FROM_BELOW:
            high = LINE * _FROM_BELOW[piece]
            yield _rectangle(left, (y + 1) * LINE - high, CELL, high, colour)
        elif piece == "━":
            yield _rectangle(left, y * LINE + 10, CELL, 3, colour)
        elif piece == "─":
            yield _rectangle(left, y * LINE + 11, CELL, 1.5, colour)
        elif piece == "│":
            yield _rectangle(left + 5, y * LINE, 1.5, LINE, colour)
        elif piece in "╭╮╰╯":
            yield _corner(piece, left, y * LINE, colour)
        else:
            bold = " font-weight: bold;" if style is not None and style.bold else ""
            name = classes.setdefault(f"fill: {colour.hex};{bold}", f"c{len(classes)}")
            length = cell_len(piece) * CELL
            yield (
                f'<text class="{name}" x="{left}" y="{y * LINE + BASE}" textLength="{length}"'
                f' xml:space="preserve">{escape(piece, quote=False)}</text>'
            )


def _corner(piece: str, x: int, y: int, colour: ColorTriplet) -> str:
    """Draw a rounded corner of a frame, meeting the lines of its neighbours."""
    middle, across = x + 5.75, y + 11.75
    end_x = x + CELL if piece in "╭╰" else x
    end_y = y + LINE if piece in "╭╮" else y
    path = f"M {middle:g} {end_y} Q {middle:g} {across:g} {end_x} {across:g}"
    return f'<path d="{path}" fill="none" stroke="{colour.hex}" stroke-width="1.5"/>'
