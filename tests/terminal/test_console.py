"""The demo in a real terminal, by keyboard alone, as large and as small as it goes, and however it ends."""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Callable

import pytest

from secrets_core.demo import demo_key_id
from secrets_core.names import CredentialRef
from tests.terminal.console import (
    DEMO,
    KEY_ID,
    KEY_OF,
    OLDER_KEY_ID,
    Start,
    wait_for_selected,
    wait_for_the_demo,
)
from tests.terminal.sandbox import Sandbox
from tests.terminal.silence import IDENTITY, Silence
from tests.terminal.terminal import KEYS, Terminal, key_bytes

SIZES = [(80, 24), (120, 36)]
sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
KUCOIN = [row for row in DEMO if "kucoin" in row.ref.exchange]


def quit_cleanly(terminal: Terminal, key: str = "ctrl+q") -> None:
    terminal.press(key)
    assert terminal.wait_exit() == 0
    assert terminal.broken() == []
    assert terminal.last_words == ""


def table_lines(terminal: Terminal) -> list[str]:
    """Give the table's lines, from below its header on; each must stand in the header's columns."""
    lines = terminal.lines
    top = next(number for number, line in enumerate(lines) if "exchange" in line and "age of limit" in line)
    at = min(place for place in (lines[top].find(title) for title in ("env ", "exchange")) if place >= 0)
    status = lines[top].index("status")
    rows, ages = [], set()
    for line in lines[top + 1 :]:
        if not (line[at - 4 : at - 3] in ("▌", " ") and re.fullmatch(r" [^ ] ", line[at - 3 : at])):
            break
        assert re.match(r" ([a-z]+[- …]?)+", line[status - 1 :]), terminal.text
        ages |= {found.end() for found in [re.search(r"/\d+ d", line)] if found}
        rows.append(line)
    assert len(ages) <= 1, terminal.text
    return rows


def on_screen(*words: str) -> Callable[[Terminal], bool]:
    def the_words(terminal: Terminal) -> bool:
        text = terminal.text
        return all(word in text for word in words)

    return the_words


@sizes
def test_one_glance_shows_where_one_is_and_what_is_the_matter(demo: Start, size: tuple[int, int]) -> None:
    terminal = demo(size=size)
    first = "\n".join(terminal.lines[:2])
    assert "ALL" in first
    assert "DEMO" in first
    assert "alice" in first
    assert "not frozen" in first
    assert re.search(r"data \d\d:\d\d:\d\dZ", first)
    overdue = sum(row.age.status.value == "overdue" and row.condition.value != "deleted" for row in DEMO)
    assert f"▲ {overdue} overdue" in first
    assert all(name in terminal.text for name in ("dev", "shadow", "soak", "prod"))
    shown = table_lines(terminal)
    assert len(shown) >= 9
    for line, row in zip(shown, DEMO, strict=False):
        assert row.ref.exchange in line
        assert row.condition.value[:11] in line
    assert terminal.titles[-1].startswith("mm-secrets")
    assert "DEMO" in terminal.titles[-1]
    quit_cleanly(terminal)


@sizes
def test_everything_is_reached_by_keyboard_alone(demo: Start, size: tuple[int, int]) -> None:
    terminal = demo(size=size)
    wait_for_selected(terminal, DEMO[0].ref)

    terminal.press("down")
    wait_for_selected(terminal, DEMO[1].ref)
    terminal.press("j", "j", "up")
    wait_for_selected(terminal, DEMO[2].ref)
    terminal.press("G")
    wait_for_selected(terminal, DEMO[-1].ref)
    terminal.press("home")
    wait_for_selected(terminal, DEMO[0].ref)
    terminal.press("pagedown")
    terminal.wait_for(lambda seen: f"{DEMO[0].ref}   " not in seen.text)

    terminal.press("4")
    prod = [row for row in DEMO if row.ref.environment == "prod"]
    terminal.wait_for(f"prod · {len(prod)} · worst first")
    wait_for_selected(terminal, prod[0].ref)
    assert "PROD" in terminal.lines[0]
    assert "READ-ONLY" in terminal.lines[0]
    terminal.press("[")
    terminal.wait_for("SOAK")
    terminal.press("escape")
    terminal.wait_for(f"all · {len(DEMO)} · worst first")

    terminal.press("/")
    terminal.type("kucoin")
    terminal.wait_for(f"all · {len(KUCOIN)} of {len(DEMO)}")
    terminal.settle()
    assert len(table_lines(terminal)) == len(KUCOIN)
    assert all("kucoin" in line for line in table_lines(terminal))
    terminal.press("enter", "down")
    wait_for_selected(terminal, KUCOIN[1].ref)
    terminal.press("escape")
    terminal.wait_for(f"all · {len(DEMO)} · worst first")

    terminal.press("home", "enter")
    terminal.wait_for(on_screen("AWSCURRENT", "versions", "api_secret", "········"))
    terminal.press("escape")
    terminal.wait_for("age of limit")
    terminal.settle()
    assert len(table_lines(terminal)) >= 8
    quit_cleanly(terminal, "q")


def test_sorting_goes_through_the_columns_and_backwards(demo: Start) -> None:
    terminal = demo()
    terminal.press("o")
    terminal.wait_for("by age")
    terminal.settle()
    ages = [float(found[1]) for line in table_lines(terminal) if (found := re.search(r"(\d+)/\d+ d", line))]
    assert len(ages) >= 8
    assert ages == sorted(ages, reverse=True)
    terminal.press("home", "O")
    terminal.wait_for("reversed")
    terminal.press("home")
    terminal.settle()
    ages = [float(found[1]) for line in table_lines(terminal) if (found := re.search(r"(\d+)/\d+ d", line))]
    assert ages == sorted(ages)


@pytest.mark.parametrize(("size", "from_where"), [(SIZES[0], "field"), (SIZES[1], "table")], ids=["80x24", "120x36"])
def test_a_pasted_key_id_is_found_and_never_shown(demo: Start, size: tuple[int, int], from_where: str) -> None:
    terminal = demo(size=size, hidden=(KEY_ID, OLDER_KEY_ID))
    if from_where == "field":
        terminal.press("/")
    terminal.paste(f"  {KEY_ID}\n")
    terminal.wait_for(f"That key is of {KEY_OF}: its current key.")
    wait_for_selected(terminal, KEY_OF)
    terminal.press("escape")
    wait_for_the_demo(terminal)
    assert len(table_lines(terminal)) >= 8
    terminal.paste(OLDER_KEY_ID)
    terminal.wait_for(f"That key is of {KEY_OF}: an older key of it")
    terminal.paste("x" * 24)
    terminal.wait_for("Not found")
    quit_cleanly(terminal)
    for value in (KEY_ID, OLDER_KEY_ID, "x" * 8):
        assert value.encode() not in terminal.raw


def test_the_filter_takes_what_is_typed_right_after_its_key_and_no_paste_of_many_lines(demo: Start) -> None:
    terminal = demo()
    terminal.send(b"/kucoin")
    terminal.wait_for(f"all · {len(KUCOIN)} of {len(DEMO)}")
    terminal.paste("first line\nsecond line")
    terminal.wait_for("one line")
    assert f"all · {len(KUCOIN)} of {len(DEMO)}" in terminal.text
    assert b"second line" not in terminal.raw
    terminal.press("ctrl+c")
    terminal.wait_for("q leaves the console")
    terminal.press("q")
    terminal.wait_for("/ kucoinq")
    quit_cleanly(terminal)


@sizes
def test_help_palette_refresh_and_themes(demo: Start, size: tuple[int, int]) -> None:
    terminal = demo(size=size)
    terminal.press("?")
    terminal.wait_for(on_screen("Help", "Browsing", "Type to filter"))
    terminal.press("escape")
    terminal.wait_for("age of limit")

    terminal.press("ctrl+p")
    terminal.wait_for("enter do it")
    terminal.type("prod mm1")
    terminal.wait_for("go: prod / bybit@mm1")
    terminal.settle()
    terminal.press("enter")
    wait_for_selected(terminal, KEY_OF)
    terminal.press("escape")
    terminal.wait_for(f"all · {len(DEMO)} · worst first")

    before = re.search(r"data (\d\d:\d\d:\d\d)Z", terminal.text)
    assert before
    time.sleep(1.0)
    terminal.press("ctrl+r")
    terminal.wait_for(lambda seen: bool(re.search(r"data \d\d:\d\d:\d\dZ", seen.text)) and before[0] not in seen.text)

    looks = [terminal.attributes(0)]
    for _ in range(2):
        terminal.press("t")
        terminal.settle()
        looks.append(terminal.attributes(0))
    assert looks[0] != looks[1] != looks[2]
    quit_cleanly(terminal)


def test_ctrl_c_says_how_to_quit_and_does_not(demo: Start) -> None:
    terminal = demo()
    terminal.press("ctrl+c")
    terminal.wait_for(on_screen("q leaves the console"))
    terminal.press("down")
    wait_for_selected(terminal, DEMO[1].ref)
    quit_cleanly(terminal, "q")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_gives_the_terminal_back(demo: Start, number: signal.Signals, code: int) -> None:
    terminal = demo()
    terminal.signal(number)
    assert terminal.wait_exit(timeout=3) == code
    assert terminal.broken() == []
    assert terminal.last_words == ""


def test_a_signal_at_any_moment_of_its_start_gives_the_terminal_back(start: Start) -> None:
    for milliseconds in (0, 4, 8, 12, 16, 24, 40):
        terminal = start("--demo")
        while not terminal.alternate:
            terminal.pump(0.05)
        terminal.written_within(milliseconds / 1000)
        terminal.signal(signal.SIGTERM)
        code = terminal.wait_exit()
        assert (code, terminal.last_words, terminal.broken()) == (143, "", []), f"after {milliseconds} ms"


def test_keys_typed_while_it_starts_break_nothing(start: Start) -> None:
    terminal = start("--demo")
    while not terminal.alternate:
        terminal.pump(0.05)
    terminal.send(b"jj/kucoin")
    terminal.wait_for("worst first")
    terminal.settle()
    quit_cleanly(terminal)


def test_a_lost_connection_ends_the_console(demo: Start) -> None:
    terminal = demo()
    terminal.hang_up()
    assert terminal.wait_exit(timeout=5) == 129


def test_it_ends_at_once_while_a_backend_hangs(start: Start, sandbox: Sandbox) -> None:
    with Silence() as silence:
        silence.settings(sandbox)
        terminal = start(env=IDENTITY)
        terminal.wait_for("connecting")
        silence.wait_for_call()
        terminal.press("down", "/")
        terminal.type("by")
        terminal.wait_for("/ by")
        terminal.press("ctrl+q")
        assert terminal.wait_exit(timeout=3) == 0
    assert terminal.broken() == []
    assert terminal.last_words == ""


def test_no_color_means_no_hue_and_every_word_is_still_there(demo: Start) -> None:
    terminal = demo(env={"NO_COLOR": "1"})
    colours = {colour for row in range(24) for cell in terminal.attributes(row) for colour in cell[:2]}
    greys = {f"{level:02x}" * 3 for level in range(256)}
    assert colours - {"default"} <= greys
    assert "overdue" in terminal.text
    assert "torn" in terminal.text
    quit_cleanly(terminal)


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_can_do_nothing_is_refused_in_words(start: Start, term: str) -> None:
    terminal = start("--demo", env={"TERM": term})
    assert terminal.wait_exit() == 2
    assert not terminal.modes()
    assert f"TERM={term}" in terminal.text
    assert "mm-secrets list" in terminal.text


def test_sizes_left_over_in_the_environment_are_not_believed(demo: Start) -> None:
    terminal = demo(env={"COLUMNS": "133", "LINES": "50"})
    assert terminal.lines[-1].endswith("quit")
    assert len(table_lines(terminal)) >= 8
    quit_cleanly(terminal)


@pytest.mark.parametrize("term", ["xterm", ""])
def test_plain_terminals_work_too(demo: Start, term: str) -> None:
    terminal = demo(env={"TERM": term, "COLORTERM": ""})
    assert DEMO[0].ref.exchange in terminal.text
    terminal.press("down")
    wait_for_selected(terminal, DEMO[1].ref)
    quit_cleanly(terminal)


def test_the_smallest_size_works_and_a_smaller_one_says_so(demo: Start) -> None:
    terminal = demo(size=(60, 18))
    assert DEMO[0].ref.exchange in terminal.text
    assert len(table_lines(terminal)) >= 3
    for size in ((59, 18), (60, 17), (20, 5)):
        terminal.resize(*size)
        terminal.wait_for("Too small")
    terminal.resize(60, 18)
    terminal.wait_for(DEMO[0].ref.exchange)
    quit_cleanly(terminal)


def test_a_storm_of_resizes_is_survived(demo: Start) -> None:
    terminal = demo()
    chance = random.Random(20261124)  # noqa: S311  # a storm that is always the same
    for number in range(100):
        columns, rows = (1, 1) if number % 20 == 0 else (chance.randint(1, 120), chance.randint(1, 40))
        terminal.resize(columns, rows)
        terminal.written_within(0.01)
    terminal.resize(80, 24)
    wait_for_the_demo(terminal)
    wait_for_selected(terminal, DEMO[0].ref)
    quit_cleanly(terminal)


def test_nothing_is_written_while_nothing_happens(demo: Start) -> None:
    terminal = demo()
    if (second := time.time() % 60) > 53:  # the clock on the screen moves at every full minute
        terminal.written_within(61 - second)
    assert terminal.written_within(5.0) == b""
    quit_cleanly(terminal)


def monkey_strike(terminal: Terminal, chance: random.Random) -> str:
    """Do one thing at random; give its name."""
    keys = [*KEYS, *"abcdefghijklmnoprstuvwxyz0123456789/[]?GO@ "]
    keys += [f"ctrl+{letter}" for letter in "abcdefghklnoprtuvwx"]
    refs = [KEY_OF, CredentialRef("soak", "kucoin")]
    pastes = ["kucoin", "x" * 40, "two\nlines", "[bold]x[/bold] [/", "\x1b[31m", "ü😀", *map(demo_key_id, refs)]
    what = chance.random()
    if what < 0.04:
        size = chance.randint(1, 160), chance.randint(1, 50)
        terminal.resize(*size)
        return f"resize {size}"
    if what < 0.08 and terminal.modes().get(2004):
        number = chance.randrange(len(pastes))
        terminal.paste(pastes[number])
        return f"paste {number}"
    if what < 0.16:
        cell = chance.randrange(terminal.size[0]), chance.randrange(terminal.size[1])
        terminal.click(*cell)
        return f"click {cell}"
    key: str = chance.choice(keys)
    terminal.send(key_bytes(key))
    return key


def test_a_monkey_breaks_nothing(demo: Start) -> None:
    chance = random.Random(7)  # noqa: S311  # a monkey that is always the same
    terminal = demo()
    ends = time.monotonic() + 18
    did: list[str] = []
    while len(did) < 250 and time.monotonic() < ends:
        did.append(monkey_strike(terminal, chance))
        terminal.written_within(0.02)
        if not terminal.alternate:  # it found one of the ways to quit
            assert terminal.wait_exit() == 0, (len(did), did[-20:], terminal.last_words)
            assert terminal.last_words == "", (len(did), did[-20:])
            terminal = demo()
    assert len(did) > 100
    terminal.resize(80, 24)
    terminal.press("escape", "escape", "escape", "escape", "escape", gap=0.1)
    terminal.press("/", "ctrl+u")
    terminal.type("kucoin")
    terminal.wait_for(f" {len(KUCOIN)} of ")
    quit_cleanly(terminal)
