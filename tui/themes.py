"""The house themes: one calm palette in three tempers, and what it falls back to under a theme of Textual's.

Colours live here and nowhere else; style sheets and formatters name them (``$overdue``, ``$prod``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from textual.theme import Theme

HOUSE_THEMES = ("dark", "light", "high-contrast")
ENVIRONMENTS = ("dev", "shadow", "soak", "prod")
"""The environments that have a colour of their own; any other one shares ``other``."""

_DARK = {
    "muted": "#8b97a6",
    "faint": "#687481",
    "line": "#2a323c",
    "scroll": "#36414d",
    "track": "#242c36",
    "sidebar": "#12171e",
    "cursor": "#22374d",
    "cursor-blurred": "#1d2733",
    "frozen": "#7cd6f2",
    "broken": "#ff6363",
    "overdue": "#ff8f5e",
    "due-soon": "#f2c14e",
    "old-alive": "#d8a0f0",
    "unsure": "#d3a5c9",
    "steady": "#7dbd98",
    "bar-fresh": "#2f5448",
    "bar-due-soon": "#7d652c",
    "bar-overdue": "#96492d",
    "bar-unknown": "#5c4d5b",
    "dev": "#4fb286",
    "dev-text": "#06140d",
    "shadow": "#6f9df2",
    "shadow-text": "#071022",
    "soak": "#c792ea",
    "soak-text": "#160a1e",
    "prod": "#e0487f",
    "prod-text": "#ffffff",
    "other": "#56b6c2",
    "other-text": "#06171a",
    "demo": "#f2c14e",
    "demo-text": "#1b1403",
}
_LIGHT = {
    "muted": "#5a6573",
    "faint": "#7d8793",
    "line": "#d8d6cf",
    "scroll": "#cbc8bf",
    "track": "#e3e0d8",
    "sidebar": "#f1efe9",
    "cursor": "#cfe2f8",
    "cursor-blurred": "#e4e9ee",
    "frozen": "#0a6f94",
    "broken": "#c01f37",
    "overdue": "#b54708",
    "due-soon": "#8a6100",
    "old-alive": "#7c3aad",
    "unsure": "#8f3f77",
    "steady": "#2c7a51",
    "bar-fresh": "#b9d8c6",
    "bar-due-soon": "#ecd08a",
    "bar-overdue": "#efab84",
    "bar-unknown": "#d3b6c9",
    "dev": "#2f7d55",
    "dev-text": "#ffffff",
    "shadow": "#2f62c4",
    "shadow-text": "#ffffff",
    "soak": "#7a3fb0",
    "soak-text": "#ffffff",
    "prod": "#b8205e",
    "prod-text": "#ffffff",
    "other": "#166e7a",
    "other-text": "#ffffff",
    "demo": "#8a6100",
    "demo-text": "#ffffff",
}
_HIGH_CONTRAST = {
    "muted": "#d0d0d0",
    "faint": "#b0b0b0",
    "line": "#808080",
    "scroll": "#808080",
    "track": "#404040",
    "sidebar": "#000000",
    "cursor": "#005fd7",
    "cursor-blurred": "#303030",
    "frozen": "#00ffff",
    "broken": "#ff7b8a",
    "overdue": "#ffaf00",
    "due-soon": "#ffff00",
    "old-alive": "#ff87ff",
    "unsure": "#ffc0e0",
    "steady": "#5fff87",
    "bar-fresh": "#2f9f50",
    "bar-due-soon": "#b0b000",
    "bar-overdue": "#d08000",
    "bar-unknown": "#b080a0",
    "dev": "#5fff87",
    "dev-text": "#000000",
    "shadow": "#87afff",
    "shadow-text": "#000000",
    "soak": "#d7afff",
    "soak-text": "#000000",
    "prod": "#ff5f5f",
    "prod-text": "#000000",
    "other": "#5fffff",
    "other-text": "#000000",
    "demo": "#ffff00",
    "demo-text": "#000000",
}


def house_themes() -> tuple[Theme, ...]:
    """Give the three house themes."""
    return (
        Theme(
            name="dark",
            primary="#6cb2f0",
            secondary="#8b97a6",
            accent="#6cb2f0",
            warning=_DARK["due-soon"],
            error=_DARK["broken"],
            success=_DARK["steady"],
            foreground="#d7dee7",
            background="#161c24",
            surface="#1a212a",
            panel="#10151b",
            variables=_DARK,
        ),
        Theme(
            name="light",
            dark=False,
            primary="#1f5fbf",
            secondary="#5a6573",
            accent="#1f5fbf",
            warning=_LIGHT["due-soon"],
            error=_LIGHT["broken"],
            success=_LIGHT["steady"],
            foreground="#1f262e",
            background="#fbfaf6",
            surface="#f6f4ee",
            panel="#eae7df",
            variables=_LIGHT,
        ),
        Theme(
            name="high-contrast",
            primary="#5fd7ff",
            secondary="#ffffff",
            accent="#5fd7ff",
            warning=_HIGH_CONTRAST["due-soon"],
            error=_HIGH_CONTRAST["broken"],
            success=_HIGH_CONTRAST["steady"],
            foreground="#ffffff",
            background="#000000",
            surface="#000000",
            panel="#000000",
            variables=_HIGH_CONTRAST,
        ),
    )


def without_colours(theme: Theme) -> Theme:
    """Give a theme for NO_COLOR: what colour sets apart must not come out as a weaker grey, so all of it is plain text.

    Glyphs and words say the same.
    """
    bright = str(theme.foreground)
    names = ("frozen", "broken", "overdue", "due-soon", "old-alive", "unsure", *ENVIRONMENTS, "other", "demo")
    badges = (*ENVIRONMENTS, "other", "demo")
    plain = dict.fromkeys(names, bright) | {f"{name}-text": str(theme.background) for name in badges}
    return replace(theme, primary=bright, variables=theme.variables | plain)


def fallback_variables(theme: Theme) -> Mapping[str, str]:
    """Give our variables for a theme that is not of the house: the tempers' own, with the theme's accents."""
    own = _DARK if theme.dark else _LIGHT
    background = theme.background or ("#121212" if theme.dark else "#efefef")
    return {
        **own,
        "sidebar": theme.panel or background,
        "steady": theme.success or own["steady"],
        "due-soon": theme.warning or own["due-soon"],
        "broken": theme.error or own["broken"],
    }
