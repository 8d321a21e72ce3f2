"""The pictures of the console and the page of its keys, made from demo data with a clock that stands still.

``python -m tui.shots`` writes ``screenshots/*.svg`` (and ``*.png`` where resvg_py is installed) and ``docs/keys.md``
below the current directory; ``--check`` only tells which of them are stale.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from secrets_core.service import Service
    from tui.app import OperatorConsole

NOW = datetime(2026, 11, 24, 14, 3, 22, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: its name, the size in cells, the theme, and what is pressed before it is taken."""

    name: str
    keys: Sequence[str] = ()
    size: tuple[int, int] = (120, 36)
    theme: str = "dark"
    paste: tuple[str, int] | None = None
    """A demo credential and how many versions back: its key id is pasted."""
    no_color: bool = False
    service: Callable[[], Service] | None = None


def demo() -> Service:
    """Open the demo as it is at ``NOW``."""
    from secrets_core.demo import demo_service

    return demo_service(lambda: NOW)


def troubled() -> Service:
    """Open environments in every state that there is: empty, denied, unreachable, and frozen in part."""
    from secrets_core.demo import demo_store
    from secrets_core.errors import Denied, Unreachable
    from secrets_core.names import FREEZE, control_name
    from secrets_core.secret import Secret
    from secrets_core.service import Service
    from secrets_core.settings import EnvironmentSettings, Settings
    from secrets_core.stores.base import CURRENT, SecretMetadata, SecretStore
    from secrets_core.stores.memory import MemoryStore
    from secrets_core.versions import new_version_id

    class Failing(MemoryStore):
        def __init__(self, problem: Denied | Unreachable) -> None:
            super().__init__(lambda: NOW, operator="alice")
            self._problem = problem

        def list_metadata(self, prefix: str) -> list[SecretMetadata]:  # noqa: ARG002 - the contract's signature
            raise self._problem

    stores: dict[str, SecretStore] = {
        "dev": MemoryStore(lambda: NOW, operator="alice"),
        "shadow": Failing(
            Denied("alice has no right to list secrets here.", hint="Ask for secretsmanager:ListSecrets.")
        ),
        "soak": Failing(
            Unreachable(
                "secretsmanager.eu-west-1.amazonaws.com did not answer within 5 s, twice.",
                hint="Check the network, or the VPN.",
                path="https://secretsmanager.eu-west-1.amazonaws.com",
            )
        ),
        "prod": demo_store("prod", lambda: NOW),
    }
    message = "key found in a public repository"
    hold = {"scope": ["bybit"], "codename": "SAPPHIRE-HERON", "message": message, "by": "alice"}
    record = {"format": 1, "revision": 1, "holds": {"incident-1": hold}, "dead": [], "burned": []}
    name = control_name("prod", FREEZE)
    stores["prod"].put(name, new_version_id(NOW), Secret(json.dumps(record)), [CURRENT])

    def open_environment(known: EnvironmentSettings) -> SecretStore:
        return stores[known.name]

    return Service(Settings(), variables={}, backend="demo", clock=lambda: NOW, open_environment=open_environment)


SHOTS = (
    Shot("browse", "jjjj"),
    Shot("browse-light", "jjjj", theme="light"),
    Shot("browse-high-contrast", "jjjj", theme="high-contrast"),
    Shot("browse-no-color", "jjjj", no_color=True),
    Shot("browse-80x24", "jjjj", size=(80, 24)),
    Shot("browse-200x50", "4jj", size=(200, 50)),
    Shot("prod", "4jj"),
    Shot("detail", ("4", "j", "j", "enter")),
    Shot("filter", "/byb"),
    Shot("found-key", paste=("prod/bybit@mm1", 1)),
    Shot("environments", ("shift+tab", "shift+tab")),
    Shot("states", service=troubled),
    Shot("unreachable", "3", service=troubled),
    Shot("empty", "1", service=troubled),
    Shot("help", "?"),
    Shot("palette", ("ctrl+p", *"prod by")),
)


async def until(pilot: Pilot[None], condition: Callable[[], bool], what: str) -> None:
    """Wait for something to become true; raise ``TimeoutError`` after 20 seconds."""
    ends = time.monotonic() + 20
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError(f"it never came to this: {what}")
        await pilot.pause(0.01)


async def settle(pilot: Pilot[None], app: OperatorConsole) -> None:
    """Wait until every environment has answered, no age is being looked up, and the selected versions are loaded."""
    browse = app.browse
    await until(pilot, lambda: app.session.is_quiet, "every environment has answered")
    await pilot.pause()
    await until(pilot, lambda: not browse.detail.is_loading, "the versions are loaded")
    await pilot.pause()


async def picture(shot: Shot) -> str:
    """Take one picture and give it as SVG."""
    from textual import events

    from secrets_core.demo import demo_key_id
    from secrets_core.names import parse_ref
    from secrets_core.settings import Settings
    from tui.app import OperatorConsole
    from tui.pictures import screen_svg

    os.environ.update({"NO_COLOR": "1"} if shot.no_color else {})
    try:
        app = OperatorConsole(
            Settings(theme=shot.theme), shot.service or demo, clock=lambda: NOW, demo=True, version="0.1.0"
        )
    finally:
        os.environ.pop("NO_COLOR", None)
    async with app.run_test(size=shot.size) as pilot:
        await settle(pilot, app)
        for key in shot.keys:
            await pilot.press({"/": "slash", "?": "question_mark", " ": "space"}.get(key, key))
        if shot.paste is not None:
            ref, back = shot.paste
            app.post_message(events.Paste(demo_key_id(parse_ref(ref), back)))
            await until(pilot, lambda: app.browse.has_searched, "the key was looked for")
        await settle(pilot, app)
        return screen_svg(app)


def make(names: Sequence[str] = ()) -> Mapping[Path, str]:
    """Give every text that belongs in the repository, by where it belongs; ``names`` limits the pictures."""
    from tui.actions import keys_page

    made = {Path("docs/keys.md"): keys_page()}
    for shot in SHOTS:
        if not names or shot.name in names:
            made[Path(f"screenshots/{shot.name}.svg")] = asyncio.run(picture(shot))
    return made


def main(arguments: Sequence[str]) -> int:
    """Write what is stale, or with ``--check`` only name it; names of pictures limit it to those."""
    from tui.__main__ import scrub

    scrub(os.environ)
    from tui.pictures import png

    check = "--check" in arguments
    stale = []
    for path, text in make([word for word in arguments if not word.startswith("-")]).items():
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(str(path))
        if check:
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        if path.suffix == ".svg" and (pixels := png(text)) is not None:
            path.with_suffix(".png").write_bytes(pixels)
    sys.stdout.write("".join(f"{'stale' if check else 'written'}: {path}\n" for path in stale))
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
