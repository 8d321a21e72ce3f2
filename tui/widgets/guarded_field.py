"""Fields in clear that hide what may be a key, as soon as it may be one.

What is pasted may be a key unless the screen shows that very text anyway; what is typed, from 16 characters without a
space that nothing shown contains. Hidden once, text stays so until the field is empty.
"""

from __future__ import annotations

from collections.abc import Callable

from secrets_core.secret import HINT_MINIMUM
from tui.widgets.secret_input import Field


class GuardedField(Field):
    """A field for words to search by."""

    def __init__(
        self,
        placeholder: str,
        is_shown: Callable[[str], bool],
        *,
        id: str | None = None,  # noqa: A002 - Textual's name for it
    ) -> None:
        """Take a function that tells whether a text (in lower case) is on screen already."""
        super().__init__(placeholder, id=id)
        self._is_shown = is_shown
        self._hidden = False

    @property
    def hidden(self) -> bool:
        return self._hidden

    @property
    def words(self) -> str:
        """The text in lower case; nothing while it may be a key."""
        return "" if self._hidden else self._text.lower()

    def clear(self) -> None:
        self._hidden = False
        super().clear()

    def paste(self, text: str) -> None:
        body = self._acceptable(text)
        if not body:
            return
        if not self._is_shown(body.lower()):
            self.take_key(body)
            return
        if self._hidden:
            self.clear()
        self.insert(body)

    def take_key(self, pasted: str) -> None:  # noqa: ARG002 - for those that want it
        """Take a paste that may be a key: here it is refused."""
        self.post_message(self.Refused(self, "That may be a key: paste it into the filter, where it is hidden."))

    def _edit(self, text: str, cursor: int) -> None:
        if not text:
            self._hidden = False
        elif len(text) >= HINT_MINIMUM and " " not in text and not self._is_shown(text.lower()):
            self._hidden = True
        super()._edit(text, cursor)
