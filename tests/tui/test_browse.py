"""What an operator does: choose, move, filter, sort, open, refresh; and what the console says when it can not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from textual import events

from secrets_core.demo import demo_key_id
from secrets_core.errors import Denied, IdentityProblem, Unreachable
from secrets_core.names import CredentialRef
from secrets_core.secret import Secret
from secrets_core.settings import Settings
from tests.tui.desk import NOW, Clock, Store, console, four_stores, service_over, settle, type_in, until
from tests.tui.screen import screen_text, words_of
from tui.app import OperatorConsole
from tui.widgets.status_line import Words

BYBIT = CredentialRef("prod", "bybit@mm1")


def refs(app: OperatorConsole) -> list[str]:
    """Give the credentials of the table's lines, from top to bottom."""
    table = app.browse.table
    return [str(table._rows[index].ref) for index in table._view]


def banner_of(app: OperatorConsole) -> str:
    """Give what the banner says, without where it wraps."""
    return str(app.browse.query_one("#banner", Words).content)


def shown(app: OperatorConsole) -> str | None:
    """Give the environment that is shown."""
    return app.browse.environment


async def test_worst_comes_first_and_keys_move_the_selection() -> None:
    async with console() as (app, pilot):
        table = app.browse.table
        rows = [table._rows[index] for index in table._view]
        assert [row.condition.severity for row in rows] == sorted(row.condition.severity for row in rows)
        assert rows[0].condition.value == "torn"
        for key, cursor in (("j", 1), ("down", 2), ("k", 1), ("up", 0), ("G", 50), ("g", 0), ("end", 50), ("home", 0)):
            await pilot.press(key)
            assert table.cursor == cursor, key
        await pilot.press("pagedown")
        assert table.cursor == table.page_height
        await pilot.press("pageup", "k")
        assert table.cursor == 0
        await settle(app, pilot)
        assert f"{rows[0].ref}   ✗ torn" in app.browse.detail.text


async def test_environments_are_chosen_by_number_by_bracket_by_arrow_and_in_their_list() -> None:
    async with console() as (app, pilot):
        browse = app.browse
        for key, name in (("4", "prod"), ("]", None), ("[", "prod"), ("left", "soak"), ("right", "prod"), ("0", None)):
            await pilot.press({"[": "left_square_bracket", "]": "right_square_bracket"}.get(key, key))
            assert shown(app) == name, key
        await pilot.press("9")
        assert shown(app) is None
        assert "There is no environment 9. Known: 4 environments; 0 shows them all." in words_of(app)
        browse.set_focus(browse.environments)
        await pilot.press("j", "j")
        assert shown(app) == "shadow"
        assert all(ref.startswith("shadow/") for ref in refs(app))
        await pilot.press("G")
        assert shown(app) == "prod"
        await pilot.press("enter")
        assert app.focused is browse.table


async def test_the_filter_narrows_as_one_types_and_escape_clears_it() -> None:
    async with console() as (app, pilot):
        await pilot.press("slash", *"kuc")
        assert len(refs(app)) == 5
        assert all("kucoin" in ref for ref in refs(app))
        await pilot.press("space", *"soak")
        assert refs(app) == ["soak/kucoin"]
        await pilot.press("backspace", "backspace")
        assert refs(app) == ["soak/kucoin"]
        await pilot.press("ctrl+u")
        await type_in(app, pilot, "overdue")
        await until(pilot, lambda: len(refs(app)) == 4)
        await pilot.press("enter")
        assert app.focused is app.browse.table
        await pilot.press("escape")
        assert len(refs(app)) == 51
        await type_in(app, pilot, "/nothing like it")
        await until(pilot, lambda: "Nothing matches the filter." in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Nothing matches" not in screen_text(app))


async def test_what_is_typed_right_after_the_slash_goes_into_the_filter() -> None:
    async with console() as (app, pilot):
        for key in ("slash", "o", "k", "x"):
            app.post_message(events.Key(key, {"slash": "/"}.get(key, key)))
        await until(pilot, lambda: app.browse.field.words == "okx")
        assert all("okx" in ref for ref in refs(app))


async def test_columns_sort_by_key_and_by_mouse() -> None:
    async with console() as (app, pilot):
        table = app.browse.table
        await pilot.press("o")
        assert table.sorted_by == ("age", False)
        known = [days for index in table._view if (days := table._rows[index].age.days) is not None]
        assert known == sorted(known, reverse=True)
        await pilot.press("O")
        assert table.sorted_by == ("age", True)
        starts = {column.key: start for column, start, _ in table._columns(table.scrollable_content_region.width)}
        column = starts["exchange"]
        await pilot.click(table, offset=(column + 1, 0))
        assert table.sorted_by == ("exchange", False)
        assert "by exchange" in screen_text(app)
        names = [ref.partition("/")[2] for ref in refs(app)]
        assert names == sorted(names)
        await pilot.click(table, offset=(column + 1, 0))
        assert table.sorted_by == ("exchange", True)
        assert [ref.partition("/")[2] for ref in refs(app)] == names[::-1]


def header(app: OperatorConsole) -> str:
    """Give the table's header as it stands on the screen."""
    return next(line for line in screen_text(app).splitlines() if "age of limit" in line)


async def test_no_status_is_cut_and_no_pair_says_it_again() -> None:
    async with console(size=(120, 36)) as (app, _):
        line = next(line for line in screen_text(app).splitlines() if "≠ shadow" in line)
        assert line.count("foreign-follower") == 1
        assert "foreign-foll…" not in screen_text(app)
        assert "all · 51 · worst first · 2 deleted" in screen_text(app)
        assert "✗ 3 torn or incomplete" in screen_text(app)


async def test_the_headers_arrow_follows_the_order() -> None:
    async with console(size=(120, 36)) as (app, pilot):
        await pilot.press("o")
        await until(pilot, lambda: "age of limit ▾" in header(app))
        assert "status ▾" not in header(app)
        await pilot.press("O")
        await until(pilot, lambda: "age of limit ▴" in header(app))
        await pilot.press("o")
        await until(pilot, lambda: "due ▾" in header(app))
        assert "▴" not in header(app)


async def test_header_and_rows_line_up_after_every_change_of_layout() -> None:
    async with console(size=(120, 36)) as (app, pilot):
        for key, size in (("4", (120, 36)), ("0", (120, 36)), ("0", (100, 30)), ("4", (200, 50)), ("1", (120, 36))):
            await pilot.resize_terminal(*size)
            await pilot.press(key)
            await settle(app, pilot)
            lines = screen_text(app).splitlines()
            first = lines[lines.index(header(app)) + 1]
            row = app.browse.table.row
            assert row is not None
            assert app.browse.table.cursor == 0
            place = header(app).index("status")
            assert first[place:].startswith(row.condition.value), (key, size)


async def test_the_mouse_selects_opens_and_chooses() -> None:
    async with console() as (app, pilot):
        browse = app.browse
        await pilot.click(browse.table, offset=(10, 4))
        assert browse.table.cursor == 3
        await pilot.double_click(browse.table, offset=(10, 5))
        assert browse.has_class("-open")
        await pilot.press("escape")
        await pilot.click(browse.environments, offset=(3, 17))
        assert browse.environment == "prod"
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: browse.environments.tabs and browse.environments.size.height == 1)
        await pilot.click(browse.environments, offset=(12, 0))
        assert browse.environment == "dev"
        await pilot.click(browse.query_one("#keys"), offset=(20, 0))
        assert app.focused is browse.field


async def test_details_take_the_room_and_escape_goes_back_step_by_step() -> None:
    async with console() as (app, pilot):
        browse = app.browse
        await pilot.press("4", "slash", *"bybit", "enter", "enter")
        assert browse.has_class("-open")
        assert browse.detail.has_focus
        assert not browse.query_one("#list").display
        await pilot.press("j", "G", "g", "pagedown", "pageup")
        await pilot.press("escape")
        assert not browse.has_class("-open")
        assert browse.table.has_focus
        await pilot.press("escape")
        assert browse.field.is_empty
        assert shown(app) == "prod"
        await pilot.press("escape")
        assert shown(app) is None
        await pilot.press("escape")
        assert app.is_running


async def test_a_pasted_key_id_is_found_current_or_older_from_wherever_it_is_pasted() -> None:
    async with console() as (app, pilot):
        browse = app.browse
        app.post_message(events.Paste(f"  {demo_key_id(BYBIT)}\n"))
        await until(pilot, lambda: browse.has_searched)
        await pilot.pause()
        assert "That key is of prod/bybit@mm1: its current key." in screen_text(app)
        assert refs(app) == ["prod/bybit@mm1"]
        assert browse.field.is_empty
        await pilot.press("escape")
        assert len(refs(app)) == 51
        await pilot.press("slash")
        app.post_message(events.Paste(demo_key_id(BYBIT, back=2)))
        await until(pilot, lambda: browse.has_searched)
        await pilot.pause()
        assert "an older key of it" in screen_text(app)
        await pilot.press("escape", "slash")
        app.post_message(events.Paste("Q" * 32))
        await until(pilot, lambda: "Not found, but not everything could be checked." in screen_text(app))


async def test_nobodys_is_said_only_where_everything_was_checked() -> None:
    async with console() as (app, pilot):
        app.post_message(events.Paste(demo_key_id(CredentialRef("prod", "kraken"))))
        await until(pilot, lambda: app.browse.has_searched)
        await pilot.pause()
        text = words_of(app)
        assert "Nobody's" not in text
        assert "Not found, but not everything could be checked." in text
        assert "prod/kraken" in screen_text(app).partition("not checked")[2]
        assert "Adopt or rotate what has no fingerprint" in banner_of(app)
    store = Store()
    service = service_over({"dev": store})
    service.initialise("dev")
    ref = CredentialRef("dev", "bybit")
    service.save(ref, {"api_key": Secret("A" * 20), "api_secret": Secret("B" * 20)})
    async with console(lambda: service) as (app, pilot):
        app.post_message(events.Paste("Q" * 32))
        await until(pilot, lambda: "Nobody's. No recorded version in dev has that key." in screen_text(app))
        assert "not checked" not in screen_text(app)


async def test_a_fragment_is_not_looked_for_as_a_key() -> None:
    async with console() as (app, pilot):
        app.post_message(events.Paste("Q" * 15))
        await until(pilot, lambda: "a key id has at least 16 characters" in words_of(app))
        assert app.browse.field.is_empty
        assert not app.browse.has_searched
        assert "Q" * 4 not in screen_text(app)


async def test_a_paste_right_at_the_start_is_answered_when_all_have_answered() -> None:
    stores = four_stores()
    stores["soak"].free.clear()
    async with console(lambda: service_over(stores), settled=False, size=(160, 36)) as (app, pilot):
        app.post_message(events.Paste("Q" * 32))
        await until(pilot, lambda: "… Looking for that key." in screen_text(app))
        await until(pilot, lambda: app.browse.table.row_count == 3)
        assert not app.browse.has_searched
        stores["soak"].free.set()
        await until(pilot, lambda: app.browse.has_searched)
        await pilot.pause()
        assert "not listed yet" not in screen_text(app)
        assert "Looking for that key" not in screen_text(app)


async def test_an_answer_that_is_no_longer_wanted_does_not_come() -> None:
    stores = four_stores()
    stores["soak"].free.clear()
    async with console(lambda: service_over(stores), settled=False, size=(160, 36)) as (app, pilot):
        app.post_message(events.Paste("Q" * 32))
        await until(pilot, lambda: "… Looking for that key." in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Looking for that key" not in screen_text(app))
        stores["soak"].free.set()
        await settle(app, pilot)
        await pilot.pause(0.1)
        assert not app.browse.has_searched


async def test_a_typed_key_is_hidden_and_asked_for_with_enter() -> None:
    async with console() as (app, pilot):
        key = demo_key_id(CredentialRef("soak", "kucoin"))
        await type_in(app, pilot, f"/{key}")
        await until(pilot, lambda: app.browse.field.hidden)
        assert key[:16].lower() not in screen_text(app).lower()
        assert "•" * 12 in screen_text(app)
        assert "enter asks whose key this is" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "That key is of soak/kucoin: its current key." in screen_text(app))


async def test_a_typed_key_is_let_go_of_when_the_field_is_left() -> None:
    async with console() as (app, pilot):
        await type_in(app, pilot, "/" + "Q" * 20)
        await until(pilot, lambda: app.browse.field.hidden)
        await pilot.press("tab")
        await until(pilot, lambda: app.browse.field.is_empty)
        assert len(refs(app)) == 51
        assert not app.browse.has_searched


async def test_a_search_names_the_environments_that_it_could_not_look_into() -> None:
    stores = four_stores()
    stores["soak"].problem = Unreachable("no network.")
    async with console(lambda: service_over(stores), size=(160, 36)) as (app, pilot):
        app.post_message(events.Paste("Z" * 24))
        await until(pilot, lambda: app.browse.has_searched)
        await pilot.pause()
        text = banner_of(app)
        assert "Not found, but not everything could be checked." in text
        assert "soak: it has no fingerprint key yet" in text
        assert "prod: it has no fingerprint key yet, 1 without a fingerprint (prod/bybit)" in text
        assert all(f"{name}: " in text for name in ("dev", "shadow", "soak", "prod"))


async def test_a_short_paste_of_what_the_table_shows_is_a_filter() -> None:
    async with console() as (app, pilot):
        app.post_message(events.Paste("kucoin"))
        await until(pilot, lambda: len(refs(app)) == 5)
        assert app.browse.field.words == "kucoin"
        assert not app.browse.has_searched


async def test_a_refresh_keeps_selection_and_scroll_by_identity() -> None:
    store = Store()
    for number in range(60):
        store.add(CredentialRef("dev", f"bybit@a{number:02}"), days=30)
    async with console(lambda: service_over({"dev": store}), size=(100, 30)) as (app, pilot):
        table = app.browse.table
        await pilot.press(*["pagedown"] * 3)
        selected, place = table.row, table.cursor - table.scroll_offset.y
        assert selected is not None
        for number in range(5):
            store.add(CredentialRef("dev", f"okx@b{number}"), days=200)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: table.row_count == 65)
        await settle(app, pilot)
        assert table.row is not None
        assert table.row.ref == selected.ref
        assert table.cursor - table.scroll_offset.y == place
        # Scrolled away from the selection, the view stays where it was put.
        table.scroll_to(y=0, animate=False, immediate=True)
        listings = store.listings
        await pilot.press("ctrl+r")
        await until(pilot, lambda: store.listings > listings)
        await settle(app, pilot)
        assert table.scroll_offset.y == 0
        assert table.row.ref == selected.ref


async def test_a_refresh_that_changes_nothing_repaints_no_row() -> None:
    async with console() as (app, pilot):
        painted = 0
        table = app.browse.table
        refresh = table.refresh

        def counting(*regions: object, **more: object) -> object:
            nonlocal painted
            painted += 1
            return refresh(*regions, **more)  # type: ignore[arg-type]  # passed on as it came

        table.refresh = counting  # type: ignore[assignment,method-assign]  # a count of repaints
        for _ in range(3):
            # What the start still had to paint is over after the first of them.
            painted = 0
            await pilot.press("ctrl+r")
            await settle(app, pilot)
        assert painted == 0


async def test_a_credential_that_goes_leaves_the_selection_in_its_place() -> None:
    store = Store()
    for name in ("bybit", "gate", "kraken", "okx"):
        store.add(CredentialRef("dev", name))
    async with console(lambda: service_over({"dev": store})) as (app, pilot):
        await pilot.press("j", "j")
        gone = app.browse.table.row
        assert gone is not None
        for part in ("api_key", "api_secret"):
            del store._entries[f"mm-bot/{gone.ref}/{part}"]
        await pilot.press("ctrl+r")
        await until(pilot, lambda: app.browse.table.row_count == 3)
        assert app.browse.table.cursor == 2


async def test_the_console_lists_by_itself_again() -> None:
    clock = Clock()
    store = Store(clock)
    store.add(CredentialRef("dev", "bybit"))
    settings = Settings(refresh_seconds=0.2)
    service = service_over({"dev": store}, clock=clock)
    async with console(lambda: service, clock=clock, settings=settings) as (app, pilot):
        await until(pilot, lambda: store.listings >= 3)
        store.add(CredentialRef("dev", "okx"))
        await until(pilot, lambda: app.browse.table.row_count == 2)
        store.problem = Unreachable("the network went away.")
        await until(pilot, lambda: f"Its rows are those of {NOW:%H:%M:%S}Z." in screen_text(app))
        assert app.browse.table.row_count == 2
        clock.move(timedelta(minutes=7))
        store.problem = None
        await until(pilot, lambda: "data 14:10:22Z" in screen_text(app) and "unreachable" not in screen_text(app))


async def test_an_unreachable_environment_is_tried_again_by_key() -> None:
    stores = four_stores()
    stores["soak"].problem = Unreachable("no answer from 10.0.0.1.", hint="Look at the VPN.")
    stores["soak"].add(CredentialRef("soak", "okx"))
    async with console(lambda: service_over(stores)) as (app, pilot):
        await pilot.press("3")
        await pilot.pause()
        text = screen_text(app)
        assert "✗ soak is unreachable" in text
        assert "no answer from 10.0.0.1." in text
        assert "Look at the VPN." in text
        assert "ctrl+r tries again" in text
        stores["soak"].problem = None
        others = stores["prod"].listings
        await pilot.press("ctrl+r")
        await until(pilot, lambda: refs(app) == ["soak/okx"])
        assert stores["prod"].listings == others


@pytest.mark.parametrize(
    "problem",
    [Denied("alice may not list.", hint="Ask."), IdentityProblem("The SSO session is over.", hint="aws sso login")],
    ids=["denied", "identity"],
)
async def test_a_denied_environment_says_why(problem: Denied) -> None:
    stores = four_stores()
    stores["shadow"].problem = problem
    async with console(lambda: service_over(stores)) as (app, pilot):
        await pilot.press("2")
        await pilot.pause()
        text = screen_text(app)
        assert "⊘ shadow is denied" in text
        assert problem.message in text
        assert problem.hint in text


async def test_an_empty_environment_names_the_command_that_fills_it() -> None:
    stores = {"dev": Store(), "prod": Store()}
    async with console(lambda: service_over(stores), is_demo=False) as (app, pilot):
        await pilot.press("1")
        await pilot.pause()
        assert "mm-secrets save --env dev --exchange EXCHANGE" in screen_text(app)
        await pilot.press("2")
        await pilot.pause()
        assert "mm-secrets save --env prod --exchange EXCHANGE --write prod" in screen_text(app)
        for key in ("enter", "c", "o"):
            await pilot.press(key)
        await until(pilot, lambda: "No credential is selected." in screen_text(app))
        assert "There are no rows to sort." in screen_text(app)


async def test_a_written_freeze_shows_and_never_claims_that_the_key_is_dead() -> None:
    stores = four_stores()
    async with console(lambda: service_over(stores)) as (app, pilot):
        assert "✓ not frozen" in screen_text(app)
        stores["prod"].freeze("prod", ["*"])
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "THE LEAKED KEY STILL TRADES." in screen_text(app))
        text = screen_text(app)
        assert "READS BLOCKED." in text
        banner = app.browse.query_one("#banner", Words).content
        assert "SAPPHIRE-HERON, everything by bob · a key leaked" in str(banner)
        assert "■ 1 frozen" in text
        assert "frozen" in next(line for line in text.splitlines() if "▌ ■ prod" in line)
        stores["prod"].freeze("prod", ["bybit"], dead=True)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "The old key is proven dead." in screen_text(app))
        assert "STILL TRADES" not in screen_text(app)


async def test_the_remedy_of_a_frozen_credential_is_no_command() -> None:
    stores = four_stores()
    stores["prod"].freeze("prod", ["bybit"])
    async with console(lambda: service_over(stores)) as (app, _):
        assert "$ mm-secrets" not in app.browse.detail.text
        assert "Frozen by SAPPHIRE-HERON" in app.browse.detail.text


async def test_the_time_repaints_once_a_minute_and_not_the_data() -> None:
    clock = Clock()
    store = Store()
    store.add(CredentialRef("dev", "bybit"))
    async with console(lambda: service_over({"dev": store}), clock=clock) as (app, pilot):
        assert "data 14:03:22Z · just now   14:03 UTC" in screen_text(app)
        clock.move(timedelta(minutes=5))
        app.browse._tick()
        await pilot.pause()
        assert "data 14:03:22Z · 5 min old   14:08 UTC" in screen_text(app)


async def test_help_is_made_from_the_live_bindings() -> None:
    settings = Settings(keymap={"browse.refresh": "f6", "app.help": "h"})
    async with console(settings=settings) as (app, pilot):
        await pilot.press("h")
        await until(pilot, lambda: "Help" in screen_text(app))
        line = next(line for line in screen_text(app).splitlines() if "List again what is shown" in line)
        assert "f6" in line
        assert "ctrl+r" not in line
        await pilot.press("G")
        await pilot.pause()
        assert "mm-secrets --help" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: "worst first" in screen_text(app))
        assert "f6 refresh" in screen_text(app)


async def test_a_keymap_that_clashes_or_names_the_unknown_gives_one_toast() -> None:
    settings = Settings(keymap={"browse.sort": "c", "browse.refres": "f6"})
    async with console(settings=settings) as (app, pilot):
        await pilot.press("j", "j")
        assert "The keymap names what does not exist: browse.refres." in words_of(app)
        assert "The keymap gives c to browse.sort and browse.copy_name." in words_of(app)
        assert len(app._notifications) == 1
        await pilot.press("c")
        assert app.browse.table.sorted_by == ("age", False)


async def test_the_palette_goes_to_a_credential_and_runs_commands() -> None:
    async with console() as (app, pilot):
        browse = app.browse
        await type_in(app, pilot, "/okx")
        await pilot.press("ctrl+p")
        await type_in(app, pilot, "soak kuc")
        await pilot.press("enter")
        await until(pilot, lambda: browse.environment == "soak" and app.screen is browse)
        await pilot.pause()
        assert browse.table.row is not None
        assert str(browse.table.row.ref) == "soak/kucoin"
        assert browse.field.is_empty
        await pilot.press("ctrl+p")
        await type_in(app, pilot, "sort: by ex")
        await pilot.press("enter")
        await until(pilot, lambda: browse.table.sorted_by == ("exchange", False))
        await pilot.press("ctrl+p")
        await type_in(app, pilot, "go: all")
        await pilot.press("enter")
        await until(pilot, lambda: browse.environment is None)
        await pilot.press("ctrl+p", "down", "pagedown", "pageup", "up", "pagedown")
        await type_in(app, pilot, "zzz")
        assert "Nothing matches. Changes are made on the command line: see ? for how." in screen_text(app)
        await pilot.press("enter", "escape")
        assert app.screen is browse


async def test_what_can_not_be_done_is_in_the_palette_with_the_reason() -> None:
    async with console(lambda: service_over({"dev": Store()})) as (app, pilot):
        await pilot.press("ctrl+p")
        await type_in(app, pilot, "copy name")
        assert "No credential is selected." in screen_text(app)
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is not app.browse


async def test_ctrl_c_says_how_to_quit_and_q_and_ctrl_q_do() -> None:
    for key in ("q", "ctrl+q"):
        async with console() as (app, pilot):
            await pilot.press("ctrl+c")
            assert app.is_running
            await until(pilot, lambda app=app: "q leaves the console" in screen_text(app))  # type: ignore[misc]  # bound now
            await pilot.press(key)
            await until(pilot, lambda app=app: app._exit)  # type: ignore[misc]  # bound now
        assert app.return_code == 0


async def test_write_lifts_read_only_and_a_wrong_name_is_told() -> None:
    async with console(lambda: service_over(four_stores()), write=("prod",)) as (app, pilot):
        await pilot.press("4")
        await pilot.pause()
        assert "writable" in screen_text(app)
    async with console(lambda: service_over(four_stores()), write=("prdo",), settled=False) as (app, pilot):
        await until(pilot, lambda: "--write names an environment that there is not." in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app._exit)
    assert app.return_code == 2
