"""The filter, which is also where a key id is pasted to ask whose it is."""

from __future__ import annotations

from textual.message import Message

from secrets_core.secret import HINT_MINIMUM
from tui.widgets.guarded_field import GuardedField


class FilterField(GuardedField):
    """A filter in clear, or a hidden key on its way to the search."""

    class KeyGiven(Message):
        """A key is ready: ``take()`` it from the field."""

        def __init__(self, field: FilterField) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> FilterField:
            return self.field

    @property
    def is_too_short(self) -> bool:
        """Whether the text is too short for a key id."""
        return len(self._text) < HINT_MINIMUM

    def take_key(self, pasted: str) -> None:
        # It replaces what was there: half a key and half a filter would be neither.
        self.clear()
        self._hidden = True
        self.insert(pasted)
        self.post_message(self.KeyGiven(self))
