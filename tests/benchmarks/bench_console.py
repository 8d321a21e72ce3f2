"""What the console costs an operator: the wait for the first picture, for every key, and for its end.

Everything is measured from outside, in a terminal, and told against the same number of stock widgets, taken in turns:
a busy machine disturbs both alike.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.benchmarks.bare_console import LAST_PAINTED
from tests.benchmarks.ratio import Ratio
from tests.terminal.sandbox import Sandbox
from tests.terminal.silence import IDENTITY, Silence
from tests.terminal.terminal import Terminal, key_bytes

HERE = Path(__file__).parent
SIZE = (120, 36)
ROUNDS = 7
MOVES = 15
COUNTS = (1_000, 10_000)
CALM = 0.12
"""Seconds without a byte after which a key's effect counts as painted; less than the console waits for a history."""
FRAME = 1 / 60
"""Textual paints at 60 frames a second unless told otherwise."""
DEMO_BEFORE_DATA, DEMO_WITH_DATA = "worst first", "okx@mm2"
"""On the console's first picture; on the first one that has rows."""

Command = Sequence[str]
Figures = tuple[float, float, float]
"""Seconds to the first and to the last byte that a key brings about, and how many bytes there are."""
CONSOLE: Command = ("-m", "tui")
DEMO: Command = (*CONSOLE, "--demo")
BARE: Command = (str(HERE / "bare_console.py"),)
MANY: Command = (str(HERE / "many_credentials.py"),)


@contextmanager
def running(command: Command, settings: Callable[[Sandbox], object] | None = None) -> Iterator[Terminal]:
    """Start a program of ours in a sandbox and a terminal."""
    with TemporaryDirectory() as folder:
        sandbox = Sandbox.make(Path(folder))
        if settings is not None:
            settings(sandbox)
        variables = sandbox.environment(**IDENTITY)
        with Terminal((sys.executable, *command), env=variables, cwd=sandbox.work, size=SIZE) as terminal:
            yield terminal


def seconds_until(terminal: Terminal, text: str) -> float:
    """Give how long after its start the program first wrote this text."""
    return terminal.wait_for_bytes(text.encode(), timeout=60)


def memory(terminal: Terminal) -> float:
    """Give the resident memory of the program in MiB."""
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(terminal.pid)], capture_output=True, text=True, check=True)
    return int(told.stdout) / 1024


def quit_seconds(terminal: Terminal) -> float:
    """Press q and give how long it takes until the program has ended."""
    pressed = terminal.elapsed
    terminal.send(b"q")
    if code := terminal.wait_exit():
        raise RuntimeError(f"it ended with {code}: {terminal.last_words}")
    return terminal.elapsed - pressed


def starts() -> list[Ratio]:
    """Compare first pictures, memory and ends of the demo, of a console whose backend hangs, and of stock widgets."""
    took: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        took.setdefault(name, []).append(value)

    with Silence() as silence:
        for _ in range(ROUNDS):
            with running(BARE) as terminal:
                note("bare", seconds_until(terminal, LAST_PAINTED))
                terminal.settle()
                note("bare memory", memory(terminal))
                note("bare quit", quit_seconds(terminal))
            with running(DEMO) as terminal:
                note("demo", seconds_until(terminal, DEMO_BEFORE_DATA))
                note("data", seconds_until(terminal, DEMO_WITH_DATA))
                terminal.settle()
                note("demo memory", memory(terminal))
                note("demo quit", quit_seconds(terminal))
            before = silence.calls
            with running(CONSOLE, silence.settings) as terminal:
                note("hang", seconds_until(terminal, DEMO_BEFORE_DATA))
                silence.wait_for_call(before)
                note("hang quit", quit_seconds(terminal))
    best = {name: min(values) for name, values in took.items()}
    usual = {name: median(values) for name, values in took.items()}

    def against(name: str, other: str, unit: str = "ms", times: float = 1000) -> str:
        both = (f"{times * best[each]:.0f} ({times * usual[each]:.0f})" for each in (name, other))
        return f"best (median) {' against '.join(both)} {unit}"

    def start(title: str, name: str, other: str, goal: float | None) -> Ratio:
        # The best of each: a disturbance can only add to a time.
        return Ratio(title, best[name] / best[other], goal, detail=against(name, other))

    def end(title: str, name: str, goal: float) -> Ratio:
        # The median: an end takes one of two times, 100 ms apart, as the threads happen to stand.
        return Ratio(title, usual[name] / usual["bare quit"], goal, detail=against(name, "bare quit"))

    return [
        start("first paint of the demo vs stock widgets", "demo", "bare", 1.3),
        start("first rows of the demo vs stock widgets with theirs", "data", "bare", None),
        start("first paint with AWS that hangs vs demo", "hang", "demo", 1.15),
        Ratio(
            "memory of the demo vs stock widgets",
            usual["demo memory"] / usual["bare memory"],
            1.3,
            detail=against("demo memory", "bare memory", "MiB", 1),
        ),
        end("quit vs stock widgets", "demo quit", 1.5),
        # Python lets go of boto3, too; what must not happen is that it waits for the call, which takes seconds.
        end("quit while AWS hangs vs stock widgets", "hang quit", 2.5),
    ]


def painted(terminal: Terminal, key: str) -> tuple[float, float, int]:
    """Press a key; give seconds until its first and last byte, and how many bytes."""
    before, arrivals, pressed = len(terminal.raw), len(terminal.arrivals), terminal.elapsed
    terminal.send(key_bytes(key))
    if not terminal.pump(2.0) and len(terminal.raw) == before:
        raise RuntimeError(f"{key} changed nothing on the screen")
    terminal.settle(quiet=CALM)
    seen = [when - pressed for when, _ in terminal.arrivals[arrivals:]]
    return seen[0], seen[-1], len(terminal.raw) - before


def of_keys(terminal: Terminal, keys: Sequence[str]) -> Figures:
    """Press keys one by one; give the medians of what ``painted`` gives."""
    first, last, size = zip(*(painted(terminal, key) for key in keys), strict=True)
    return median(first), median(last), median(size)


def keys() -> list[Ratio]:
    """Compare how long a key takes to be painted, with 1,000 and 10,000 rows, and with stock widgets."""
    moved: dict[tuple[str, int], Figures] = {}
    typed: dict[int, Figures] = {}
    ordered: dict[int, Figures] = {}
    for count in COUNTS:
        with running((*BARE, str(count))) as bare, running((*MANY, str(count))) as many:
            seconds_until(bare, LAST_PAINTED)
            bare.settle(quiet=1.0, timeout=60)
            many.wait_for(f"all · {count} · worst first", timeout=60)
            many.settle(quiet=1.0, timeout=60)
            for name, terminal in (("bare", bare), ("console", many)) * 2:
                figures = of_keys(terminal, ["down"] * MOVES)
                moved[name, count] = min(figures, moved.get((name, count), figures))
            many.press("home")
            many.settle()
            ordered[count] = of_keys(many, ["o"] * 8)
            many.press("/")
            many.settle()
            typed[count] = of_keys(many, ["a", "0", "0", "1", "2", "backspace", "backspace", "9", "backspace", "3"])
    return [*moves(moved), *growth("filter keystroke", typed, 3), *growth("sort", ordered, 4)]


def moves(moved: dict[tuple[str, int], Figures]) -> list[Ratio]:
    """Tell what a move to the next row costs against stock widgets."""
    ratios = []
    for count in COUNTS:
        ours, bare = moved["console", count], moved["bare", count]
        for number, moment in enumerate(("to first byte", "until all is painted")):
            told = f"{ours[number] * 1e3:.1f} against {bare[number] * 1e3:.1f} ms"
            title = f"row move {moment}, {count:,} rows, vs stock table"
            ratios.append(Ratio(title, ours[number] / bare[number], 1.5, detail=told))
    ours, bare = moved["console", COUNTS[0]], moved["bare", COUNTS[0]]
    told = f"{ours[2]:.0f} against {bare[2]:.0f} bytes, the row's particulars among them"
    return [*ratios, Ratio("bytes of a row move vs stock table", ours[2] / bare[2], detail=told)]


def growth(what: str, figures: dict[int, Figures], most: float) -> list[Ratio]:
    """Tell what something costs with few rows, and how much more of it with many."""
    few, many = (figures[count][1] for count in COUNTS)
    return [
        Ratio(f"{what} until all is painted, 1,000 rows", few / FRAME, 4, unit="frames", detail=f"{few * 1e3:.0f} ms"),
        Ratio(f"{what}, 10,000 rows vs 1,000", many / few, most, detail=f"{many * 1e3:.0f} against {few * 1e3:.0f} ms"),
    ]


def idle(seconds: float) -> list[Ratio]:
    """Count what is written while nothing happens, between two refreshes."""
    with running(DEMO, lambda sandbox: sandbox.settings("refresh_seconds = 3600\n")) as terminal:
        seconds_until(terminal, DEMO_WITH_DATA)
        terminal.settle(quiet=2.0)
        nothing = clock = 0
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            at_the_minute = time.time() % 60 < 1.5 or time.time() % 60 > 59.8
            size = len(terminal.written_within(min(left, 0.2)))
            clock, nothing = (clock + size, nothing) if at_the_minute else (clock, nothing + size)
    return [
        Ratio(f"bytes written in {seconds:.0f} s of idling", nothing, 0, unit="bytes"),
        Ratio("bytes of the clock's step at a full minute", clock, unit="bytes"),
    ]


def run(idle_seconds: float = 60) -> list[Ratio]:
    """Measure everything about the console."""
    return [*starts(), *keys(), *idle(idle_seconds)]
