"""Screens as text files: a picture that a reviewer can read in a diff. ``UPDATE_SCREENS=1`` writes them anew."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.app import App

from tests.tui.screen import screen_text

CheckScreen = Callable[[App[None], str], None]


@pytest.fixture
def check_screen() -> CheckScreen:
    """Give a function that compares a console's screen with the stored one of that name."""

    def check(app: App[None], name: str) -> None:
        path = Path(__file__).parent / "screens" / f"{re.sub(r'[^a-z0-9]+', '-', name)}.txt"
        seen = screen_text(app)
        if os.environ.get("UPDATE_SCREENS"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(seen, "utf-8")
        assert path.exists(), f"there is no stored screen {path.name}: UPDATE_SCREENS=1 writes it"
        assert seen == path.read_text("utf-8")

    return check
