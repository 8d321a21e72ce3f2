"""Nothing of a value leaves by a crash, the clipboard, a debugging variable, a picture or a log; no data is markup."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.worker import WorkerFailed

from secrets_core.errors import Unreachable
from secrets_core.names import FREEZE, CredentialRef, control_name
from secrets_core.secret import Secret
from secrets_core.settings import BotSettings, EnvironmentSettings, Settings
from secrets_core.versions import new_version_id, tail
from secrets_core.views import EnvironmentView, Found, Match
from tests.canary import Canary
from tests.project.checkout import ROOT, run
from tests.tui.desk import NOW, Store, console, demo, service_over, settle, until
from tests.tui.screen import screen_text
from tui.__main__ import console_flags, main, scrub
from tui.app import OperatorConsole
from tui.blocking import call_blocking
from tui.notices import found_lines

MARKUP = "[/x] [b + [red]"


class PlantedError(Exception):
    """An error whose message is a secret."""


def in_a_handler(app: OperatorConsole, value: str) -> None:
    def fail() -> None:
        api_secret = value
        raise PlantedError(api_secret)

    app.call_later(fail)


def in_an_async_worker(app: OperatorConsole, value: str) -> None:
    async def fail() -> None:
        api_secret = value
        await asyncio.sleep(0)
        raise PlantedError(api_secret)

    app.run_worker(fail())


def in_a_thread(app: OperatorConsole, value: str) -> None:
    def fail() -> None:
        api_secret = value
        raise PlantedError(api_secret)

    async def call() -> None:
        await call_blocking(fail)

    app.run_worker(call())


def in_a_textual_thread(app: OperatorConsole, value: str) -> None:
    def fail() -> None:
        api_secret = value
        raise PlantedError(api_secret)

    app.run_worker(fail, thread=True)


def in_a_loop_callback(app: OperatorConsole, value: str) -> None:
    def fail(api_secret: str) -> None:
        raise PlantedError(api_secret)

    asyncio.get_running_loop().call_soon(fail, value)


CRASHES = [in_a_handler, in_an_async_worker, in_a_thread, in_a_textual_thread, in_a_loop_callback]


@pytest.mark.parametrize("crash", CRASHES)
async def test_a_crash_tells_type_and_place_and_nothing_else(
    crash: Callable[[OperatorConsole, str], None], canary: Canary, capfd: pytest.CaptureFixture[str]
) -> None:
    app = OperatorConsole(Settings(), demo, clock=lambda: NOW, demo=True)
    raised: BaseException | None = None
    try:
        async with app.run_test() as pilot:
            await pilot.pause()
            crash(app, canary.api_secret)
            await until(pilot, lambda: app._exception is not None)
    except (PlantedError, WorkerFailed) as error:
        # Textual hands it to the test, so that none is overlooked.
        raised = error
    assert raised is not None
    assert app.return_code == 1
    output = capfd.readouterr()
    assert canary.leaks_in(output.out + output.err) == []
    assert "PlantedError at test_hygiene.py:" in output.err
    assert "Traceback" not in output.err


async def test_nothing_but_a_name_reaches_the_clipboard(canary: Canary) -> None:
    async with console(size=(100, 30)) as (app, pilot):
        sent: list[str] = []
        driver = app._driver
        assert driver is not None
        driver.write = sent.append  # type: ignore[assignment,method-assign]  # what would go to the terminal
        app.copy_to_clipboard(canary.api_secret)
        await pilot.press("slash")
        app.browse.field.insert(canary.api_key)
        await pilot.press("ctrl+c", "ctrl+x", "ctrl+a", "super+c", "ctrl+c")
        assert app.clipboard == ""
        assert not any("\x1b]52" in words for words in sent)
        await pilot.press("escape", "c")
        await until(pilot, lambda: any("\x1b]52" in words for words in sent))
        row = app.browse.table.row
        assert row is not None
        assert app.clipboard == str(row.ref)
        assert canary.leaks_in("".join(sent)) == []


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in an empty folder that must stay empty."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not any(tmp_path.iterdir())


async def test_no_picture_is_taken(empty_folder: None) -> None:
    async with console() as (app, pilot):
        app.deliver_screenshot()
        app.action_screenshot()
        await pilot.pause()
        await pilot.press("ctrl+p")
        await pilot.pause()
        assert "screenshot" not in screen_text(app).lower()


async def test_a_key_is_in_no_message_and_no_log(canary: Canary) -> None:
    seen: list[str] = []
    app = OperatorConsole(Settings(), demo, clock=lambda: NOW, demo=True)
    async with app.run_test(message_hook=lambda message: seen.append(repr(message))) as pilot:
        await settle(app, pilot)
        await pilot.press("slash")
        app.browse.field.paste(canary.api_key)
        await until(pilot, lambda: app.browse.has_searched)
        await pilot.pause()
        assert canary.leaks_in(screen_text(app)) == []
    assert any("KeyGiven" in words for words in seen)
    assert canary.leaks_in("\n".join(seen)) == []


def test_variables_that_make_textual_talk_are_gone_before_it_is_loaded() -> None:
    variables = {
        "TEXTUAL": "debug,devtools",
        "TEXTUAL_LOG": "log",
        "TEXTUAL_DEBUG": "1",
        "TEXTUAL_SCREENSHOT": "1",
        "TEXTUAL_DRIVER": "evil:Driver",
        "TEXTUAL_PRESS": "a",
        "TEXTUAL_COLOR_SYSTEM": "256",
        "COLUMNS": "300",
        "HOME": "/home/alice",
    }
    scrub(variables)
    assert variables == {
        "TEXTUAL_COLOR_SYSTEM": "256",
        "HOME": "/home/alice",
        "TEXTUAL_ANIMATIONS": "none",
        "TEXTUAL_FPS": "120",
    }


FIRST_PAINT = """
import sys
from datetime import UTC, datetime
from secrets_core.settings import Settings
import asyncio
from tui.app import OperatorConsole

def open_service():
    raise SystemExit("opened before the first paint")

seen = []
def on_ready(self):
    seen.extend(sorted(set(sys.modules)))
    self.exit()

OperatorConsole.on_ready = on_ready
app = OperatorConsole(Settings(), open_service, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), demo=True)
app.run(headless=True)
late = ["boto3", "botocore", "pydantic", "secrets_core.provider", "secrets_core.credentials", "secrets_core.service",
        "secrets_core.stores", "tui.screens.help", "tui.screens.palette", "tui.screens.dialogs"]
print([name for name in late if name in seen], len(seen) > 100)
"""


def test_the_first_paint_loads_no_more_than_it_shows() -> None:
    result = run(sys.executable, "-c", FIRST_PAINT, cwd=ROOT)
    assert (result.returncode, result.stdout.strip(), result.stderr) == (0, "[] True", "")


async def test_what_others_wrote_is_never_markup_and_never_steers_the_terminal() -> None:
    nasty = f"{MARKUP}\x1b[31m\u202e"
    store = Store()
    ref = CredentialRef("dev", "bybit")
    store.add(ref)
    store.tag(f"mm-bot/{ref}/api_key", {"mm:owner": nasty, "mm:note": ""})
    store.create("mm-bot/dev/[b]evil", "v1", Secret("v"))
    store.freeze("dev", ["bybit", nasty])
    failing = Store()
    failing.problem = Unreachable(nasty, hint=nasty, path=nasty)
    service = service_over({"dev": store, "prod": failing})
    listed = service.refresh
    bots = (BotSettings(nasty, ("bybit",), "watch"),)
    known = service.environment_settings

    def with_texts(environment: str) -> EnvironmentView:
        view = listed(environment)
        rows = tuple(replace(row, by=nasty, why=nasty, note=nasty, sentence=nasty) for row in view.rows)
        return replace(view, rows=rows, notices=(nasty,), foreign=(nasty,))

    def with_bots(environment: str) -> EnvironmentSettings:
        return replace(known(environment), bots=bots)

    service.refresh = with_texts  # type: ignore[method-assign]  # a service with nasty texts
    service.environment_settings = with_bots  # type: ignore[method-assign]  # as above
    async with console(lambda: service, size=(200, 50), settings=Settings(keymap={nasty: "x"})) as (app, pilot):
        text = screen_text(app)
        assert text.count(MARKUP) >= 6
        assert "\x1b" not in text
        assert "\u202e" not in text
        for key in ("1", "2", "enter", "escape"):
            await pilot.press(key)
        app.browse.set_focus(app.browse.environments)
        await pilot.press("up")
        await settle(app, pilot)
        assert MARKUP in app.browse.detail.text
        await pilot.press("slash")
        app.browse.field.insert(MARKUP)
        await pilot.pause()
        assert MARKUP in screen_text(app)
        await _paste(app, pilot, "[/x]\n[b")
        await pilot.press("ctrl+p")
        await _paste(app, pilot, MARKUP * 3)
        assert "That may be a key" in screen_text(app)


async def test_no_tag_note_hold_or_name_of_a_store_reaches_the_screen_raw() -> None:
    nasty = f"{MARKUP}\x1b[2J\u202e"
    short = "\x1b[2J"
    tail_of_nasty = "\x1b\u202e\x07\u2066"
    store = Store()
    ref = CredentialRef("dev", "bybit")
    store.add(ref)
    leader = f"mm-bot/{ref}/api_key"
    version = store.describe(leader).current or ""
    store.tag(
        leader,
        {
            "mm:owner": nasty,
            "mm:note": base64.urlsafe_b64encode(nasty.encode()).decode(),
            "mm:old-alive": f"v={tail_of_nasty} due=20261201T000000Z",
            "mm:extend": f"v={tail(version)} until=2026-12-01 by={short}",
            f"mm:v:{tail(version)}": f"fp={short} kfp={short} why={short} hint={short} ip={short} by={short}",
        },
    )
    store.create(f"mm-bot/dev/{nasty}", "v1", Secret("v"))
    hold = {"scope": ["bybit", nasty], "codename": nasty, "message": nasty, "by": nasty}
    record = {"format": 1, "revision": 1, "holds": {"i": hold}, "dead": [], "burned": []}
    store.create(control_name("dev", FREEZE), new_version_id(NOW), Secret(json.dumps(record)))
    async with console(lambda: service_over({"dev": store}), size=(200, 50)) as (app, pilot):
        seen = [screen_text(app), app.browse.detail.text]
        assert "…???? lives" in app.browse.detail.text
        await pilot.press("enter")
        await settle(app, pilot)
        seen.append(screen_text(app))
        await pilot.press("escape", "1")
        app.browse.set_focus(app.browse.environments)
        await settle(app, pilot)
        assert "1 not ours" in app.browse.detail.text
        seen += [screen_text(app), app.browse.detail.text]
    assert all(c.isprintable() or c == "\n" for text in seen for c in text)
    assert any(MARKUP in text for text in seen)


def test_a_found_versions_name_is_never_raw() -> None:
    found = Found((Match(CredentialRef("dev", "bybit"), "\x1b[2J", False),), (("dev", "\x1b[2J"),))
    assert all(line.plain.isprintable() for line in found_lines(found, "", ["dev"]))


async def _paste(app: OperatorConsole, pilot: Pilot[None], text: str) -> None:
    app.post_message(events.Paste(text))
    await pilot.pause()


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        ([], {}),
        (["--demo"], {"--demo": "yes"}),
        (["--config", "f.toml", "--write=prod"], {"--config": "f.toml", "--write": "prod"}),
        (["list"], None),
        (["--demo", "list"], None),
        (["--help"], None),
        (["--version"], None),
        (["--config"], None),
        (["--demo", "--demo"], None),
        (["--demo=no"], None),
        (["--write", "--demo"], None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_goes_to_the_command_line(words: list[str], flags: dict[str, str] | None) -> None:
    assert console_flags(words) == flags


@pytest.fixture
def unchanged_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a start-up from changing this process."""
    monkeypatch.setattr("tui.__main__.harden", lambda: None)
    monkeypatch.setattr("tui.__main__.scrub", lambda _: None)


def test_without_a_terminal_the_console_says_so(capsys: pytest.CaptureFixture[str], unchanged_process: None) -> None:
    assert main(["--demo"]) == 2
    assert "wants a terminal" in capsys.readouterr().err


def test_a_settings_file_that_can_not_be_understood_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unchanged_process: None
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("them = 'dark'\n", "utf-8")
    assert main(["--config", str(file)]) == 2
    assert "them is not a known key" in capsys.readouterr().err


def test_only_the_gateway_and_the_start_know_the_service() -> None:
    knowing = {
        path.name
        for path in (ROOT / "tui").rglob("*.py")
        if re.search(
            r"^ *from secrets_core\.(service|demo|stores|pairs)\b.* import", path.read_text("utf-8"), re.MULTILINE
        )
    }
    assert knowing == {"session.py", "app.py", "__main__.py", "shots.py"}
