"""Fields keep their text to themselves: no message holds it, no length shows, nothing is copied out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.message import Message
from textual.pilot import Pilot

from tests.canary import Canary
from tests.tui.screen import screen_text
from tui.themes import fallback_variables
from tui.widgets.filter_field import FilterField
from tui.widgets.secret_input import BULLETS, Field, SecretInput

SHOWN = ("prod/bybit@mm1 overdue", "prod/foreign-follower-1")


class Form(App[None]):
    """One secret and one filter."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(fallback_variables(self.current_theme))

    def compose(self) -> ComposeResult:
        yield SecretInput("the secret", id="secret")
        yield FilterField("words", lambda words: any(words in text for text in SHOWN), id="filter")


@asynccontextmanager
async def form() -> AsyncIterator[tuple[Form, Pilot[None], SecretInput, FilterField]]:
    app = Form()

    def hear(message: Message) -> None:
        # A message is dispatched once for every widget that it bubbles through.
        if all(message is not other for other in app.heard):
            app.heard.append(message)

    async with app.run_test(size=(60, 6), message_hook=hear) as pilot:
        yield app, pilot, app.query_one(SecretInput), app.query_one(FilterField)


async def paste(app: App[None], pilot: Pilot[None], text: str) -> None:
    app.post_message(events.Paste(text))
    await pilot.pause()


async def test_a_secret_is_hidden_at_any_length_and_taken_once(canary: Canary) -> None:
    async with form() as (app, pilot, secret, _):
        secret.focus()
        await pilot.press("a")
        one = screen_text(app)
        await paste(app, pilot, f"{canary.api_secret}\n")
        assert screen_text(app) == one
        assert BULLETS in one
        await pilot.press("left", "left", "backspace", "home", "delete", "enter")
        assert screen_text(app) == one
        submitted = [message for message in app.heard if isinstance(message, Field.Submitted)]
        assert [message.control for message in submitted] == [secret]
        value = secret.take()
        assert value.reveal() == f"a{canary.api_secret}"[:-1]
        assert secret.is_empty
        assert "the secret" in screen_text(app)
        ours = [message for message in app.heard if isinstance(message, Field.Edited)]
        assert canary.leaks_in(" ".join(str(vars(message)) for message in ours)) == []


async def test_a_secret_is_cleared_by_word_and_by_line_and_never_copied(canary: Canary) -> None:
    async with form() as (app, pilot, secret, _):
        secret.focus()
        secret.insert(f"{canary.api_secret} {canary.api_key}")
        await pilot.press("ctrl+a", "ctrl+c", "ctrl+x", "super+c")
        assert app.clipboard == ""
        assert len(secret._text) > 90
        await pilot.press("ctrl+w")
        assert secret._text == ""
        secret.insert("x")
        await pilot.press("ctrl+u")
        assert secret._text == ""


async def test_pastes_that_can_not_be_one_value_are_refused_with_a_reason() -> None:
    async with form() as (app, pilot, secret, _):
        secret.focus()
        await paste(app, pilot, "one\ntwo")
        await paste(app, pilot, "a\x07b")
        await paste(app, pilot, "  \n ")
        assert secret.is_empty
        reasons = [message.reason for message in app.heard if isinstance(message, Field.Refused)]
        assert len(reasons) == 2
        assert "one line" in reasons[0]
        assert "invisible" in reasons[1]


async def test_a_filter_is_edited_in_clear() -> None:
    async with form() as (app, pilot, _, field):
        field.focus()
        await pilot.press(*"bybi", "space", *"xt", "left", "backspace", "end", "home", "delete", "right", "right")
        assert field.words == "ybi t"
        assert "ybi t" in screen_text(app)
        await pilot.press("end", "ctrl+w")
        assert field.words == "ybi "
        await pilot.press("ctrl+u")
        assert field.words == ""


async def test_a_long_filter_shows_its_end() -> None:
    async with form() as (app, pilot, _, field):
        field.focus()
        field.insert("a " * 40 + "the end")
        await pilot.pause()
        assert "the end" in screen_text(app)


def is_hidden(field: FilterField) -> bool:
    """Tell whether bullets stand for the field's text."""
    return field.hidden


async def test_what_is_pasted_is_hidden_unless_the_table_shows_it() -> None:
    async with form() as (app, pilot, _, field):
        field.focus()
        await paste(app, pilot, "bybit@mm1")
        assert not is_hidden(field)
        assert field.words == "bybit@mm1"
        await paste(app, pilot, "hunter2")
        assert is_hidden(field)
        assert field.words == ""
        assert "hunter2" not in screen_text(app)
        assert "bybit" not in screen_text(app)
        assert [m for m in app.heard if isinstance(m, FilterField.KeyGiven)]
        await pilot.press("backspace")
        assert is_hidden(field)
        assert "hunter" not in screen_text(app)
        assert field.take().reveal() == "hunter"
        assert not is_hidden(field)


async def test_what_is_typed_is_hidden_from_sixteen_characters_unless_the_table_shows_it() -> None:
    async with form() as (app, pilot, _, field):
        field.focus()
        for character in "foreign-follower":
            field.insert(character)
        assert not is_hidden(field)
        await pilot.press("x")
        assert is_hidden(field)
        await pilot.press("backspace", "backspace")
        assert is_hidden(field)
        assert "foreign" not in screen_text(app)
        await pilot.press("ctrl+u")
        assert not is_hidden(field)
        for character in "two words that are long":
            field.insert(character)
        assert not is_hidden(field)


async def test_a_click_focuses_and_the_terminals_cursor_is_in_the_field() -> None:
    async with form() as (app, pilot, secret, field):
        await pilot.click(field)
        assert field.has_focus
        await pilot.press("a", "b")
        assert app.cursor_position == field.content_region.offset + Offset(2, 0)
        await pilot.click(secret)
        assert secret.has_focus
