"""The console as a program: themes, keymap, signals, the clipboard, and what it says when it breaks."""

from __future__ import annotations

import asyncio
import secrets
import signal
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import App
from textual.binding import BindingType
from textual.screen import Screen
from textual.worker import WorkerFailed

from tui import look, messages
from tui.actions import BY_ID, bindings, clashes, explanations, unknown_ids
from tui.screens.browse import Browse
from tui.session import DEADLINE, Session
from tui.themes import HOUSE_THEMES, fallback_variables, house_themes, without_colours

if TYPE_CHECKING:
    from secrets_core.clock import Clock
    from secrets_core.service import Service
    from secrets_core.settings import Settings

PROGRAM = "mm-secrets"
STANDARD_NAMES = ("dev", "shadow", "soak", "prod")


class OperatorConsole(App[None]):
    """The operator console. Its exit code is ``return_code``."""

    TITLE = PROGRAM
    CSS_PATH = Path(__file__).with_name("app.tcss")
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app"), *explanations()]

    def __init__(
        self,
        settings: Settings,
        open_service: Callable[[], Service],
        *,
        clock: Clock,
        demo: bool = False,
        write: Sequence[str] = (),
        deadline: float = DEADLINE,
        version: str = "",
    ) -> None:
        """Take the settings, what opens the service (called in a thread after the first paint), and the clock.

        ``write`` names environments whose read-only is lifted at once; ``deadline`` is in seconds.
        """
        super().__init__()
        self._settings = settings
        self._clock = clock
        self._demo = demo
        self._brand = f"{PROGRAM} {version}".strip()
        self._complaints: list[str] = []
        self._quit_code = 0
        self.session = Session(
            self, open_service, refresh_seconds=settings.refresh_seconds, clock=clock, write=write, deadline=deadline
        )
        for theme in house_themes():
            self.register_theme(without_colours(theme) if self.no_color else theme)
        self.set_reactive(OperatorConsole.theme, self._wanted_theme(settings.theme))
        self.stylesheet.set_variables(self.get_css_variables())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(fallback_variables(self.current_theme))

    def get_default_screen(self) -> Screen[Any]:
        return Browse(
            self.session,
            tuple(self._settings.environments) or STANDARD_NAMES,
            clock=self._clock,
            demo=self._demo,
            late_after=max(3 * self._settings.refresh_seconds, 180),
            brand=self._brand,
        )

    @property
    def browse(self) -> Browse:
        """The screen below all others."""
        screen = self.screen_stack[0]
        if not isinstance(screen, Browse):
            raise TypeError("the first screen is the browse screen")
        return screen

    def on_load(self) -> None:
        # Before the terminal is touched, so that from then on every end gives it back.
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_loop_error)
        # Its debug mode writes the arguments of callbacks to the log.
        loop.set_debug(False)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)

    def on_mount(self) -> None:
        self._write_terminal("\x1b[22;2t")
        if unknown := unknown_ids(self._settings.keymap):
            self._complaints.append(f"The keymap names what does not exist: {', '.join(map(look.plain, unknown))}.")
        # Textual tells of clashes only where both keys were moved.
        for key, ids in clashes(self._settings.keymap).items():
            self._complaints.append(f"The keymap gives {look.plain(key)} to {' and '.join(ids)}.")
        self.set_keymap({key: keys for key, keys in self._settings.keymap.items() if key in BY_ID})
        if self._complaints:
            self.notify("\n".join(self._complaints), severity="warning", timeout=15, markup=False)

    def on_ready(self) -> None:
        # After the first paint: what the core imports would share the interpreter with it.
        self.call_after_refresh(self.session.start, self.browse)

    def on_unmount(self) -> None:
        self._write_terminal("\x1b[23;2t")

    def watch_title(self, title: str) -> None:
        """Say in the terminal's title where one is."""
        self._write_terminal(f"\x1b]2;{look.plain(title)}\x1b\\")

    def action_explain(self, action_id: str) -> None:
        """Say why a greyed key does nothing."""
        if reason := self.browse.why_not(action_id):
            self.notify(reason, markup=False)

    def action_how_to_quit(self) -> None:
        """Say how to quit."""
        self.notify("q leaves the console (ctrl+q from anywhere).", markup=False)

    def action_help_quit(self) -> None:
        self.action_how_to_quit()

    def action_next_theme(self) -> None:
        """Change to the next house theme."""
        at = HOUSE_THEMES.index(self.theme) if self.theme in HOUSE_THEMES else -1
        self.theme = HOUSE_THEMES[(at + 1) % len(HOUSE_THEMES)]

    def action_help(self) -> None:
        """Show the help."""
        from tui.screens.help import Help

        if not isinstance(self.screen, Help):
            self.push_screen(Help(list(self.browse.active_bindings.values()), self.browse.environment))

    def action_palette(self) -> None:
        """Open the palette."""
        from tui.screens.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(self.browse))

    def copy_to_clipboard(self, text: str) -> None:  # noqa: ARG002 - Textual's signature
        """Refuse: what Textual's own widgets would copy is never ours to give away."""
        self.bell()

    def deliver_screenshot(self, *_: object, **__: object) -> None:
        """Refuse: the console takes no pictures of itself."""
        self.bell()

    def on_name_wanted(self, message: messages.NameWanted) -> None:
        super().copy_to_clipboard(str(message.ref))
        self.notify(f"{message.ref}: sent to the terminal's clipboard, where it allows that.", markup=False)

    def on_service_failed(self, message: messages.ServiceFailed) -> None:
        from tui.screens.dialogs import Problem

        self._quit_code = 2
        self.push_screen(Problem(message.problem, "quit"), lambda _: self.exit(return_code=self._quit_code))

    async def action_quit(self) -> None:
        """Leave; where the service could not be opened, with the exit code of that, whatever key is pressed."""
        self.exit(return_code=self._quit_code)

    def _handle_exception(self, error: Exception) -> None:
        """Leave without a word of what the program held: no message, no local variables, no chained exceptions.

        Textual's own way prints all of them. Every failing handler, task and thread ends here.
        """
        if self._exit:
            # Leaving already, by a signal even before all of it was there: what breaks on the way out is no fault.
            self._close_messages_no_wait()
            return
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        cause = error.error if isinstance(error, WorkerFailed) else error
        frames = traceback.extract_tb(cause.__traceback__)
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
        reference = secrets.token_hex(4)
        words = f"{PROGRAM} stopped by a fault of its own ({reference}):\n{type(cause).__name__} at {where}"
        if not self._exit_renderables:
            self._exit_renderables.append(Text(words))
        self._close_messages_no_wait()

    def panic(self, *_: object) -> None:
        """Leave without showing what Textual wanted to show."""
        self._handle_exception(RuntimeError())

    def _on_loop_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # Without an exception it is advice to programmers, with objects in it that nobody should see printed.
        if isinstance(error := context.get("exception"), Exception):
            self._handle_exception(error)

    def _on_signal(self, number: int) -> None:
        self.exit(return_code=128 + number)

    def _write_terminal(self, sequence: str) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def _wanted_theme(self, name: str) -> str:
        theme = self.available_themes.get(name)
        if theme is None:
            self._complaints.append(f"There is no theme {look.plain(name)}; known: {', '.join(HOUSE_THEMES)}.")
            return HOUSE_THEMES[0]
        if theme.ansi and self.no_color:
            self._complaints.append(f"The theme {name} can not be read without colours, so this is {HOUSE_THEMES[0]}.")
            return HOUSE_THEMES[0]
        return name
