"""The pictures in the repository are those of the console as it is."""

from __future__ import annotations

import pytest

from tests.project.checkout import ROOT
from tests.tui.desk import console
from tui.pictures import png, screen_svg
from tui.shots import SHOTS, Shot, picture


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
async def test_a_picture_is_fresh(shot: Shot) -> None:
    path = ROOT / "screenshots" / f"{shot.name}.svg"
    assert path.read_text("utf-8") == await picture(shot), "stale: python -m tui.shots writes it"


def test_there_is_no_picture_that_nobody_makes() -> None:
    assert {path.stem for path in (ROOT / "screenshots").glob("*.svg")} == {shot.name for shot in SHOTS}
    assert {path.stem for path in (ROOT / "screenshots").glob("*.png")} <= {shot.name for shot in SHOTS}


async def test_a_picture_fetches_nothing_and_becomes_pixels() -> None:
    async with console(size=(80, 24)) as (app, _):
        svg = screen_svg(app)
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "").replace("https://www.okx.com", "")
    assert "@font-face" not in svg
    assert "overdue" in svg
    pixels = png(svg)
    assert pixels is None or pixels.startswith(b"\x89PNG")
