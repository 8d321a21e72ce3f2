"""The browse screen's pane of particulars: it asks the gateway for what the selected row itself does not tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.timer import Timer

from tui.particulars import (
    CredentialParticulars,
    EnvironmentParticulars,
    credential_lines,
    environment_lines,
    overview_lines,
)
from tui.remedy import remedy
from tui.widgets.detail import Detail

if TYPE_CHECKING:
    from secrets_core.clock import Clock
    from secrets_core.views import CredentialRow, EnvironmentView, HistoryEntry
    from tui.messages import HistoryLoaded
    from tui.session import Session

REST = 0.15
"""Seconds that the cursor rests on a credential before its versions are loaded."""


class SelectedPane(Detail):
    """Shows a credential, an environment, or all of them."""

    def __init__(self, session: Session, clock: Clock, *, demo: bool, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._session = session
        self._clock = clock
        self._demo = demo
        self._row: CredentialRow | None = None
        self._histories: dict[object, tuple[tuple[HistoryEntry, ...], str]] = {}
        self._resting: Timer | None = None

    @property
    def is_loading(self) -> bool:
        """Whether the versions of the shown credential are still to come."""
        return self._row is not None and _history_key(self._row) not in self._histories

    def show_credential(self, row: CredentialRow) -> None:
        """Show a credential; its versions are loaded when the cursor has rested on it."""
        from secrets_core import exchanges

        key = _history_key(row)
        if self._row is None or _history_key(self._row) != key:
            self._rest()
        self._row = row
        history, problem = self._histories.get(key, (None, ""))
        known = CredentialParticulars(
            row=row,
            exchange=exchanges.find(row.ref.exchange),
            settings=self._session.environment_settings(row.ref.environment),
            remedy=remedy(row, self._session.refusal, demo=self._demo),
            history=history,
            history_problem=problem,
            age_problem=self._session.age_problem(row.ref, row.version_id),
        )
        self.show(row.ref, lambda width: credential_lines(known, width))

    def show_environments(
        self, environment: str | None, names: Sequence[str], views: Mapping[str, EnvironmentView]
    ) -> None:
        """Show an environment, or with ``None`` all of them."""
        now = self._clock()
        known = {
            name: EnvironmentParticulars(view, self._session.environment_settings(name), now, self._demo)
            for name, view in views.items()
        }
        self._row = None
        if environment is None:
            self.show(None, lambda width: overview_lines(known, names, width))
        elif environment in known:
            self.show(environment, lambda width: environment_lines(known[environment], width))
        else:
            self.show(environment, None)

    def keep_history(self, message: HistoryLoaded) -> None:
        """Take the versions that were loaded, if they are still those of the selected row."""
        row = self._row
        if row is not None and (row.ref, row.version_id) == (message.ref, message.version_id):
            self._histories[_history_key(row)] = message.entries, message.problem
            self.show_credential(row)

    def forget_histories(self) -> None:
        """Load versions anew from now on: somebody asked for fresh data."""
        self._histories.clear()
        self._rest()

    def _rest(self) -> None:
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(REST, self._load_history)

    def _load_history(self) -> None:
        row = self._row
        if row is not None and _history_key(row) not in self._histories:
            self._session.load_history(row.ref, row.version_id)


def _history_key(row: CredentialRow) -> object:
    """Give what a history belongs to: it is loaded again when the listing shows another state."""
    return row.ref, row.version_id, row.pair_state, row.pending_since, row.hold
