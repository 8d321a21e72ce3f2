"""The screen one lives in: environments, the table of credentials, and the particulars of what is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Static

from secrets_core.secret import HINT_MINIMUM
from tui import look, messages
from tui.actions import bindings
from tui.notices import banner, card, found_lines, searching_line
from tui.screens.selected_pane import SelectedPane
from tui.themes import ENVIRONMENTS
from tui.widgets.credential_table import CredentialTable
from tui.widgets.environment_list import EnvironmentList
from tui.widgets.filter_field import FilterField
from tui.widgets.key_bar import KeyBar
from tui.widgets.secret_input import Field
from tui.widgets.status_line import Line, Place, Words, glance_line, status_line, terminal_title, where_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secrets_core.clock import Clock
    from secrets_core.names import CredentialRef
    from secrets_core.views import EnvironmentView, Found
    from tui.session import Session

NARROW, WIDE, SMALLEST = 100, 150, (60, 18)
TOO_SHORT = f"Nothing here has that text, and a key id has at least {HINT_MINIMUM} characters."


class Browse(Screen[None]):
    """Everything an operator sees without pressing a key."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("browse")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-normal"), (WIDE, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall"), (45, "-high")]
    AUTO_FOCUS = "#table"

    environments = query_one("#environments", EnvironmentList)
    table = query_one("#table", CredentialTable)
    detail = query_one("#detail", SelectedPane)
    field = query_one("#filter", FilterField)

    def __init__(
        self, session: Session, names: Sequence[str], *, clock: Clock, demo: bool, late_after: float, brand: str
    ) -> None:
        """Take the gateway, the environments that are known from settings, and the clock."""
        super().__init__()
        self.session = session
        self._clock = clock
        self._demo = demo
        self._late_after = late_after
        self._brand = brand
        self._names: tuple[str, ...] = tuple(names)
        self._views: dict[str, EnvironmentView] = {}
        self._busy: set[str] = set()
        self._keys_shown_for: bool | None = None
        """Whether there was a selected credential when the key bar was drawn."""
        self._search: tuple[Found | None, str] | None = None
        self._searching = False
        """Whether the answer to a pasted key is still wanted."""

    def compose(self) -> ComposeResult:
        yield Line(id="status")
        yield Line(id="glance")
        with Container(id="body"):
            yield EnvironmentList(self._names, id="environments")
            with Container(id="main"):
                with Vertical(id="list"):
                    with Horizontal(id="search"):
                        yield Static(Content.styled("/ ", "$primary"), id="slash")
                        yield FilterField("filter, or paste a key id", self._is_shown, id="filter")
                        yield Line(id="where")
                    yield Words(id="banner")
                    yield CredentialTable(id="table")
                    yield Words(id="card")
                yield SelectedPane(self.session, self._clock, demo=self._demo, id="detail")
        yield KeyBar(self._brand, id="keys")
        yield Words(id="too-small")

    def on_mount(self) -> None:
        self.bindings_updated_signal.subscribe(self, self._show_keys)
        self._show_all(afresh=True)
        self._tick()

    @property
    def environment(self) -> str | None:
        """The environment that is shown, or ``None`` for all of them."""
        return self.environments.environment

    @property
    def names(self) -> tuple[str, ...]:
        """All environments, in their order."""
        return self._names

    @property
    def has_searched(self) -> bool:
        """Whether the answer to a pasted key is on screen."""
        return self._search is not None

    @property
    def credentials(self) -> list[CredentialRef]:
        """Every credential that is known, in every environment."""
        return [row.ref for name in self._names if name in self._views for row in self._views[name].rows]

    def go(self, environment: str | None, ref: CredentialRef | None = None) -> None:
        """Show an environment, and select a credential in it."""
        self.remove_class("-open")
        self._clear_filter()
        self._choose(0 if environment is None else self._names.index(environment) + 1)
        self._show_all(afresh=ref is None)
        self.set_focus(self.table)
        if ref is not None:
            self.table.select(ref)

    def why_not(self, action_id: str) -> str:
        """Say why an action can not be done now, or nothing."""
        if action_id in ("browse.details", "browse.copy_name") and self.table.row is None:
            return "No credential is selected."
        if action_id in ("browse.sort", "browse.reverse") and not self.table.line_count:
            return "There are no rows to sort."
        return ""

    @on(messages.ServiceOpened)
    def _opened(self, message: messages.ServiceOpened) -> None:
        self._names = message.environments
        self._show_all()

    @on(messages.EnvironmentChanged)
    def _changed(self, message: messages.EnvironmentChanged) -> None:
        view = message.view
        self._views[view.name] = view
        self._busy.discard(view.name)
        self._show_all()

    @on(messages.RefreshStarted)
    def _started(self, message: messages.RefreshStarted) -> None:
        self._busy.add(message.environment)
        self.detail.forget_histories()
        self._show_lines()

    @on(messages.HistoryLoaded)
    def _loaded(self, message: messages.HistoryLoaded) -> None:
        self.detail.keep_history(message)

    @on(messages.KeySearched)
    def _searched(self, message: messages.KeySearched) -> None:
        if not self._searching:
            return
        self._searching = False
        self._search = message.found, message.problem
        matches = message.found.matches if message.found else ()
        if matches:
            self._choose(0)
            self.table.show_only({match.ref for match in matches})
            self._show_all()
            self.table.select(matches[0].ref)
            self.set_focus(self.table)
        self._show_lines()

    @on(EnvironmentList.Chosen)
    def _chose(self) -> None:
        self._show_all(afresh=True)

    @on(CredentialTable.Moved)
    def _moved(self) -> None:
        self._show_detail()
        self.query_one("#where", Line).say(self._where())
        if self._keys_shown_for is not bool(self.table.row):
            self._keys_shown_for = bool(self.table.row)
            self.refresh_bindings()

    @on(CredentialTable.Opened)
    def action_details(self) -> None:
        if self.focused is self.environments:
            self.set_focus(self.table)
        else:
            self.toggle_class("-open")
            self.set_focus(self.detail if self.has_class("-open") else self.table)

    @on(FilterField.Edited)
    def _filtered(self, message: Field.Edited) -> None:
        if isinstance(message, Field.Submitted | Field.Refused):
            # The text is what it was, and enter may just have asked for an answer.
            return
        self._end_search()
        self.table.filter(self.field.words)
        self._show_lines()

    @on(FilterField.KeyGiven)
    def _key_given(self) -> None:
        if self.field.is_too_short:
            self.field.clear()
            self.notify(TOO_SHORT, severity="warning", markup=False)
        else:
            self._end_search()
            self._searching = True
            self.session.find_key(self.field.take())
        self._show_lines()

    @on(FilterField.Submitted)
    def _submitted(self) -> None:
        if self.field.hidden:
            self._key_given()
        elif self.table.line_count:
            self.set_focus(self.table)

    @on(Field.Refused)
    def _refused(self, message: Field.Refused) -> None:
        self.notify(message.reason, severity="warning", markup=False)

    def on_paste(self, event: events.Paste) -> None:
        # A paste that no field took is meant for the search.
        event.stop()
        self.set_focus(self.field)
        self.field.paste(event.text)

    def on_descendant_focus(self) -> None:
        if self._composed:
            self._show_detail()

    def on_descendant_blur(self) -> None:
        # A typed key that was not asked for is let go of.
        if self._composed and self.field.hidden and not self.field.has_focus:
            self.field.clear()
            self.query_one("#where", Line).say(self._where())

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        self.environments.tabs = width < NARROW
        small = width < SMALLEST[0] or height < SMALLEST[1]
        self.set_class(small, "-too-small")
        if small:
            words = f"Too small: {SMALLEST[0]}x{SMALLEST[1]} is needed, this is {width}x{height}."
            self.query_one("#too-small", Words).say(Content(words))
        self.call_after_refresh(self._show_lines)

    def check_action(
        self,
        action: str,
        parameters: tuple[object, ...],  # noqa: ARG002 - Textual's signature
    ) -> bool | None:
        if not self._composed or (action == "filter" and isinstance(self.focused, Field)):
            return False
        if action == "back":
            return self._can_go_back
        return None if self.why_not(f"browse.{action}") else True

    def action_filter(self) -> None:
        self.set_focus(self.field)

    def action_sort(self) -> None:
        self.table.sort_by_next()

    def action_reverse(self) -> None:
        self.table.reverse()

    def action_refresh(self) -> None:
        self.session.refresh(self._place.shown_names)

    def action_step(self, by: int) -> None:
        self.environments.chosen = (self.environments.chosen + by) % (len(self._names) + 1)

    def action_environment(self, number: int) -> None:
        if number <= len(self._names):
            self.environments.chosen = number
        else:
            known = look.count(len(self._names), "environment")
            self.notify(f"There is no environment {number}. Known: {known}; 0 shows them all.", markup=False)

    def action_copy_name(self) -> None:
        if self.table.row is not None:
            self.post_message(messages.NameWanted(self.table.row.ref))

    @property
    def _is_narrowed(self) -> bool:
        return bool(self.field.words) or self.field.hidden or self._searching or self._search is not None

    @property
    def _can_go_back(self) -> bool:
        at_home = self.focused is self.table and not self.environments.chosen
        return self.has_class("-open") or self._is_narrowed or not at_home

    def action_back(self) -> None:
        """Go one step back."""
        if self.has_class("-open"):
            self.remove_class("-open")
            self.set_focus(self.table)
        elif self._is_narrowed:
            self._clear_filter()
            self.set_focus(self.table)
        elif self.focused is not self.table:
            self.set_focus(self.table)
        elif self.environments.chosen:
            self.environments.chosen = 0

    def _choose(self, number: int) -> None:
        """Choose an environment without its being shown afresh: whoever chose it has more to show."""
        with self.environments.prevent(EnvironmentList.Chosen):
            self.environments.chosen = number

    def _clear_filter(self) -> None:
        self.field.clear()
        self._end_search()
        self.table.filter("")
        self._show_lines()

    def _end_search(self) -> None:
        self._searching = False
        if self._search is not None:
            self._search = None
            self.table.show_only(None)

    @property
    def _composed(self) -> bool:
        """Whether the widgets are there: keys and ends may come before them, and messages after."""
        return bool(self.query("#table")) and bool(self.query("#keys"))

    def _is_shown(self, words: str) -> bool:
        return self.table.knows(words)

    @property
    def _place(self) -> Place:
        return Place(
            environment=self.environment,
            names=self._names,
            views=self._views,
            now=self._clock(),
            demo=self._demo,
            busy=self._busy,
            late_after=self._late_after,
        )

    def _show_all(self, *, afresh: bool = False) -> None:
        if not self._composed:
            return
        self.environments.show(self._names, self._views)
        rows = [row for view in self._place.shown for row in view.rows]
        self.table.show_rows(rows, with_environment=self.environment is None, afresh=afresh)
        self._show_lines()
        self._show_detail()

    def _show_lines(self) -> None:
        """Show everything around the table."""
        if not self._composed:
            return
        place = self._place
        width = self.size.width
        self.query_one("#status", Line).say(status_line(place, width))
        self.query_one("#glance", Line).say(glance_line(place, width))
        self.query_one("#where", Line).say(self._where())
        self._show_banner(place)
        self._show_card(place)
        self._show_keys()
        colour = look.environment_colour(self.environment)
        for other in (*ENVIRONMENTS, "other", "primary"):
            self.app.set_class(other == colour, f"-env-{other}")
        self.app.title = terminal_title(place)

    def _where(self) -> Content:
        if self.field.hidden:
            return Content.styled("enter asks whose key this is ", "$muted")
        table = self.table
        return where_line(self.environment, table.line_count, table.row_count, table.deleted_count, table.order_words)

    def _show_banner(self, place: Place) -> None:
        lines = banner(place.shown, place.environment, self._refresh_key)
        if self._search is not None:
            lines = [*found_lines(*self._search, self._names), *lines]
        elif self._searching and not self.session.is_listed:
            lines = [searching_line(), *lines]
        widget = self.query_one("#banner", Words)
        widget.set_class(bool(lines), "-some")
        widget.say(Content("\n").join(lines))

    def _show_card(self, place: Place) -> None:
        content: Content | None = None
        if not self.table.line_count:
            content = card(
                self._views.get(place.environment) if place.environment else None,
                waiting=place.waiting,
                filtered=self.field.words if self.table.row_count else "",
                refresh_key=self._refresh_key,
                demo=self._demo,
                width=self.table.size.width or self.size.width,
            )
        self.set_class(content is not None, "-card")
        if content is not None:
            self.query_one("#card", Words).say(content)

    @property
    def _refresh_key(self) -> str:
        keys = [key for key, found in self.active_bindings.items() if found.binding.id == "browse.refresh"]
        return look.key_name(keys[0]) if keys else "refresh"

    def _show_keys(self, _: object = None) -> None:
        self.query_one("#keys", KeyBar).show(self.active_bindings.values())

    def _show_detail(self) -> None:
        row = self.table.row
        if self.focused is self.environments or row is None:
            self.detail.show_environments(self.environment, self._names, self._views)
        else:
            self.detail.show_credential(row)

    def _tick(self) -> None:
        """Repaint what the time changes, at every full minute."""
        self._show_lines()
        now = self._clock()
        self.set_timer(60 - now.second - now.microsecond / 1e6, self._tick)
