"""The screens, as text at every size, and the colours that text does not show."""

from __future__ import annotations

import pytest
from textual import events

from secrets_core.demo import demo_key_id
from secrets_core.errors import Denied, Unreachable
from secrets_core.names import CredentialRef
from secrets_core.settings import Settings
from tests.tui.conftest import CheckScreen
from tests.tui.desk import console, demo, four_stores, service_over, settle, type_in, until
from tests.tui.screen import greys_only, look_of, screen_text
from tui.shots import troubled

BYBIT = CredentialRef("prod", "bybit@mm1")


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)], ids=lambda size: "x".join(map(str, size)))
async def test_browse_shows_everything_at_every_size(size: tuple[int, int], check_screen: CheckScreen) -> None:
    async with console(size=size) as (app, pilot):
        check_screen(app, f"all-{size[0]}x{size[1]}")
        await pilot.press("4")
        await settle(app, pilot)
        check_screen(app, f"prod-{size[0]}x{size[1]}")


async def test_the_smallest_size_still_shows_a_table(check_screen: CheckScreen) -> None:
    async with console(size=(60, 18)) as (app, pilot):
        check_screen(app, "all-60x18")
        await pilot.resize_terminal(59, 18)
        await until(pilot, lambda: "Too small: 60x18 is needed, this is 59x18." in screen_text(app))
        assert "prod" not in screen_text(app)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "Too small" not in screen_text(app))
        assert "worst first" in screen_text(app)


async def test_environments_in_trouble_say_what_was_tried_and_what_to_press(check_screen: CheckScreen) -> None:
    async with console(troubled) as (app, pilot):
        check_screen(app, "states")
        for number, name in ((1, "empty"), (2, "denied"), (3, "unreachable"), (4, "frozen")):
            await pilot.press(str(number))
            await settle(app, pilot)
            check_screen(app, f"states-{name}")


async def test_details_help_and_palette(check_screen: CheckScreen) -> None:
    async with console(size=(80, 24)) as (app, pilot):
        await pilot.press("enter")
        await settle(app, pilot)
        check_screen(app, "details-80x24")
        await pilot.press("escape", "question_mark")
        await pilot.pause()
        check_screen(app, "help-80x24")
        await pilot.press("escape", "ctrl+p")
        await type_in(app, pilot, "theme")
        check_screen(app, "palette-80x24")


async def test_the_environments_pane_shows_particulars_of_an_environment(check_screen: CheckScreen) -> None:
    async with console() as (app, pilot):
        await pilot.press("shift+tab", "shift+tab")
        await settle(app, pilot)
        assert app.focused is app.browse.environments
        check_screen(app, "environments-all")
        await pilot.press("end")
        await settle(app, pilot)
        check_screen(app, "environments-prod")


async def test_a_found_key_is_named_and_not_shown(check_screen: CheckScreen) -> None:
    async with console() as (app, pilot):
        app.post_message(events.Paste(demo_key_id(BYBIT, back=1)))
        await until(pilot, lambda: app.browse.has_searched)
        await settle(app, pilot)
        check_screen(app, "found-older-key")


async def test_before_anything_answers_the_console_is_there(check_screen: CheckScreen) -> None:
    stores = four_stores()
    for store in stores.values():
        store.free.clear()
    async with console(lambda: service_over(stores), settled=False, size=(80, 24)) as (app, pilot):
        await until(pilot, lambda: all(store.listings for store in stores.values()))
        await pilot.pause()
        check_screen(app, "connecting-80x24")
        for store in stores.values():
            store.free.set()
        await settle(app, pilot)


@pytest.mark.parametrize("theme", ["dark", "light", "high-contrast"])
async def test_colours_say_what_glyphs_and_words_say(theme: str) -> None:
    async with console(settings=Settings(theme=theme)) as (app, pilot):
        colours = app.theme_variables
        assert look_of(app, "▲ prod").colour == colours["overdue"].lower()
        assert look_of(app, "overdue        ").bold
        assert look_of(app, "✗ 3 torn").colour == colours["broken"].lower()
        assert look_of(app, " DEMO ").ground == colours["demo"].lower()
        assert app.has_class("-env-primary")
        await pilot.press("4")
        await settle(app, pilot)
        assert look_of(app, " PROD ").ground == colours["prod"].lower()
        assert look_of(app, "━━━").colour == colours["prod"].lower()
        assert look_of(app, "READ-ONLY").bold
        await pilot.press("ctrl+p")
        await until(pilot, lambda: "╭" in screen_text(app))
        assert look_of(app, "╭").colour == colours["prod"].lower()


async def test_no_color_leaves_greys_and_every_word(monkeypatch: pytest.MonkeyPatch, check_screen: CheckScreen) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(size=(80, 24)) as (app, _):
        assert greys_only(app)
        # Text is the same; what colour alone would set apart is not a weaker grey.
        assert look_of(app, "torn    ").colour == look_of(app, "overdue    ").colour
        check_screen(app, "all-80x24")


async def test_no_color_under_an_ansi_theme_falls_back_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(settings=Settings(theme="ansi-dark")) as (app, _):
        assert app.theme == "dark"
        assert "can not be read without colours" in screen_text(app)


async def test_a_theme_of_textual_works_too() -> None:
    async with console(settings=Settings(theme="nord")) as (app, pilot):
        assert app.theme == "nord"
        assert look_of(app, " DEMO ").bold
        await pilot.press("t")
        await pilot.pause()
        assert app.theme == "dark"


async def test_problems_are_not_only_for_eyes_that_see_red() -> None:
    stores = four_stores()
    stores["shadow"].problem = Denied("alice may not list.", hint="Ask for the right.")
    stores["soak"].problem = Unreachable("nothing answered.", hint="Look at the network.")
    async with console(lambda: service_over(stores), is_demo=False) as (app, _):
        text = screen_text(app)
        assert "⊘ shadow denied: alice may not list." in text
        assert "✗ soak unreachable: nothing answered." in text
        assert "not counted: shadow, soak" in text
        assert "DEMO" not in text


def test_the_demo_says_that_it_is_one() -> None:
    assert demo().environments == ("dev", "shadow", "soak", "prod")
