"""A secret that was pasted into the console is nowhere afterwards: not on the wire, the screen, or any file.

Every test first makes sure that the secret arrived, for a clean result would prove nothing otherwise.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.canary import RUN, Canary
from tests.terminal.console import DEMO, Start, demo_values, wait_for_selected
from tests.terminal.sandbox import Sandbox
from tests.terminal.terminal import Terminal

TALKATIVE = {
    "TEXTUAL": "debug,devtools",
    "TEXTUAL_DEBUG": "1",
    "TEXTUAL_LOG": "textual.log",
    "TEXTUAL_DRIVER": "no.such.module:Driver",
    "TEXTUAL_SCREENSHOT": "1",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONDEVMODE": "1",
}
"""What makes Textual and asyncio write down what they handle; the driver would keep the console from starting."""
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def process_tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from process_tree(int(child))


def told_by_the_system(pid: int) -> bytes:
    """Give arguments and variables of a process and its children, as far as this user may read them."""
    told = b""
    for process in process_tree(pid) if sys.platform == "linux" else ():
        for name in ("cmdline", "environ"):
            try:
                told += Path(f"/proc/{process}/{name}").read_bytes()
            except PermissionError:  # the better for the secret
                continue
    return told


def leaks(canary: Canary, terminal: Terminal, sandbox: Sandbox) -> dict[str, list[str]]:
    """Name the parts of a canary that are found, by the place where they are."""
    places: dict[str, str | bytes] = {
        "the wire": bytes(terminal.raw),
        "the screen": terminal.text,
        "the last words": terminal.last_words,
        "the clipboard": b"\n".join(map(decoded, terminal.clipboard)),
    }
    if terminal.exit_code is None:
        places["the process table"] = told_by_the_system(terminal.pid)
    for file in sandbox.files():
        places[str(file.relative_to(sandbox.root))] = str(file).encode() + file.read_bytes()
    return {place: found for place, text in places.items() if (found := canary.leaks_in(text))}


def decoded(text: bytes) -> bytes:
    return base64.b64decode(text) if text != b"?" else b""


def hidden(canary: Canary) -> tuple[str, ...]:
    return canary.api_key, canary.api_secret, canary.api_passphrase


def test_the_search_for_leaks_finds_what_is_there(demo: Start, sandbox: Sandbox, canary: Canary) -> None:
    terminal = demo(env={"MM_NOTE": canary.api_secret})
    (sandbox.work / "dump.bin").write_bytes(canary.api_key.encode("utf-16"))
    terminal.raw += base64.b64encode(canary.api_passphrase.encode())
    found = leaks(canary, terminal, sandbox)
    assert found.pop("the process table", ["api_secret"]) == ["api_secret"]
    assert found.pop("work/dump.bin") == ["api_key"]
    assert found == {place: ["api_passphrase"] for place in ("the wire", "the screen", "the last words")}


def test_a_pasted_secret_leaves_no_trace(demo: Start, sandbox: Sandbox, canary: Canary) -> None:
    terminal = demo(env=TALKATIVE, hidden=hidden(canary))
    for place, value in (("table", canary.api_key), ("field", canary.api_secret), ("field", canary.api_passphrase)):
        terminal.press("escape", "escape")
        terminal.wait_for(f"all · {len(DEMO)} · worst first")
        terminal.settle()  # an escape right before a paste would be read as one sequence with it
        if place == "field":
            terminal.press("/")
        terminal.paste(value)
        terminal.wait_for("Not found")
        terminal.press("ctrl+c", "ctrl+x")
    terminal.press("ctrl+p")
    terminal.settle()
    terminal.paste(canary.api_secret)
    terminal.wait_for("may be a key")
    assert leaks(canary, terminal, sandbox) == {}
    assert terminal.clipboard == []
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0
    assert leaks(canary, terminal, sandbox) == {}
    assert list(sandbox.work.iterdir()) == []
    assert list((sandbox.root / "tmp").iterdir()) == []


def test_a_short_secret_that_is_pasted_into_the_palette_is_not_shown(
    demo: Start, sandbox: Sandbox, canary: Canary
) -> None:
    short = canary.api_passphrase[:12]
    terminal = demo(hidden=(short,))
    terminal.press("ctrl+p")
    terminal.settle()
    terminal.paste(short)
    terminal.wait_for("may be a key")
    assert leaks(canary, terminal, sandbox) == {}


@pytest.mark.parametrize("key", ["/", "ctrl+p"], ids=["filter", "palette"])
def test_what_a_password_manager_types_is_hidden_as_soon_as_it_looks_like_a_key(
    demo: Start, sandbox: Sandbox, canary: Canary, key: str
) -> None:
    terminal = demo(hidden=hidden(canary))
    terminal.press(key)
    terminal.settle()
    terminal.press(*canary.api_secret[:40], gap=0.01)
    terminal.settle()
    assert canary.api_secret[:4].encode() in terminal.raw
    rest = Canary(canary.api_key, canary.api_secret[15:], canary.api_passphrase)
    assert leaks(rest, terminal, sandbox) == {}


@pytest.mark.parametrize(
    "place",
    [
        "tui.widgets.secret_input:Field.insert",
        "tui.session:Session.find_key",
        "secrets_core.service:Service.find_key",
    ],
)
def test_a_crash_that_holds_a_secret_tells_nothing_of_it(
    demo: Start, sandbox: Sandbox, canary: Canary, place: str
) -> None:
    terminal = demo(env=TALKATIVE | {"PLANTED": place}, planted=True, hidden=hidden(canary))
    terminal.press("/")
    terminal.paste(canary.api_secret)
    assert terminal.wait_exit() == 1
    assert "PlantedError" in terminal.last_words
    assert "sitecustomize.py" in terminal.last_words
    assert "Traceback" not in terminal.last_words
    assert leaks(canary, terminal, sandbox) == {}
    assert terminal.broken() == []
    assert list(sandbox.work.iterdir()) == []


def test_no_value_of_any_credential_is_ever_written_to_the_terminal(demo: Start) -> None:
    terminal = demo(size=(160, 50))
    for row in DEMO[1:]:
        terminal.press("down", gap=0.01)
        if row.pair_state.value == "paired":
            terminal.written_within(0.01)
    wait_for_selected(terminal, DEMO[-1].ref)
    terminal.press("home", "enter")
    terminal.settle()
    terminal.press("ctrl+r")
    terminal.settle()
    written = bytes(terminal.raw)
    values = demo_values()
    assert len(values) > 60
    runs = {value[at : at + RUN].encode() for value in values for at in range(len(value) - RUN + 1)}
    assert [run for run in runs if run in written] == []


def test_only_a_name_ever_goes_to_the_clipboard(demo: Start) -> None:
    terminal = demo()
    terminal.press("down", "c")
    terminal.wait_for("clipboard")
    assert [decoded(text) for text in terminal.clipboard] == [str(DEMO[1].ref).encode()]


@linux
def test_a_crash_of_the_process_would_leave_no_core(demo: Start) -> None:
    terminal = demo()
    limits = Path(f"/proc/{terminal.pid}/limits").read_text()
    [line] = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line.split()[4:6] == ["0", "0"]
