"""The filter, which is also where a key id is pasted to ask whose it is; a key is hidden as soon as it looks like one.

What is pasted is hidden unless the table shows that very text anyway; what is typed, from 16 characters without a
space that no row contains. Hidden once, it stays so until the field is empty.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.message import Message

from secrets_core.secret import HINT_MINIMUM
from tui.widgets.secret_input import Field


class FilterField(Field):
    """A filter in clear, or a hidden key on its way to the search."""

    class KeyGiven(Message):
        """A key is ready: ``take()`` it from the field."""

        def __init__(self, field: FilterField) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> FilterField:
            return self.field

    def __init__(self, is_shown: Callable[[str], bool], *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        """Take a function that tells whether a text (in lower case) is on screen already."""
        super().__init__("filter, or paste a key id", id=id)
        self._is_shown = is_shown
        self._hidden = False

    @property
    def hidden(self) -> bool:
        return self._hidden

    @property
    def words(self) -> str:
        """The filter; nothing while the field holds a key."""
        return "" if self._hidden else self._text.lower()

    def clear(self) -> None:
        self._hidden = False
        super().clear()

    def paste(self, text: str) -> None:
        body = self._acceptable(text)
        if body and self._is_shown(body.lower()):
            if self._hidden:
                self.clear()
            self.insert(body)
        elif body:
            # A paste replaces what was there: half a key and half a filter would be neither.
            self.clear()
            self._hidden = True
            self.insert(body)
            self.post_message(self.KeyGiven(self))

    def _edit(self, text: str, cursor: int) -> None:
        if not text:
            self._hidden = False
        elif len(text) >= HINT_MINIMUM and " " not in text and not self._is_shown(text.lower()):
            self._hidden = True
        super()._edit(text, cursor)
