"""What the gateway tells the screens: frozen views and sentences, never a value of any secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from secrets_core.errors import CoreError
    from secrets_core.names import CredentialRef
    from secrets_core.views import EnvironmentView, Found, HistoryEntry


class ServiceOpened(Message):
    """The core is loaded; these are its environments, and nothing of them is known yet."""

    def __init__(self, environments: tuple[str, ...]) -> None:
        super().__init__()
        self.environments = environments


class ServiceFailed(Message):
    """The core could not be opened: the settings or the choice of a backend cannot be understood."""

    def __init__(self, problem: CoreError) -> None:
        super().__init__()
        self.problem = problem


class EnvironmentChanged(Message):
    """There is a newer view of an environment."""

    def __init__(self, view: EnvironmentView) -> None:
        super().__init__()
        self.view = view


class RefreshStarted(Message):
    """An environment is being listed because an operator asked for it."""

    def __init__(self, environment: str) -> None:
        super().__init__()
        self.environment = environment


class HistoryLoaded(Message):
    """The versions of a credential are there, or the sentence that says why not."""

    def __init__(
        self, ref: CredentialRef, version_id: str | None, entries: tuple[HistoryEntry, ...], problem: str = ""
    ) -> None:
        super().__init__()
        self.ref = ref
        self.version_id = version_id
        self.entries = entries
        self.problem = problem


class KeySearched(Message):
    """The search for a key id is over; without an answer, ``problem`` says why."""

    def __init__(self, found: Found | None, problem: str = "") -> None:
        super().__init__()
        self.found = found
        self.problem = problem


class NameWanted(Message):
    """The name of a credential is wanted on the clipboard."""

    def __init__(self, ref: CredentialRef) -> None:
        super().__init__()
        self.ref = ref
