"""Fields for text that must not leak: what is typed or pasted here is in no message, log, selection or clipboard.

Not Textual's ``Input``: its ``Changed`` message carries the text, its password mode shows the length, and it can be
copied out of. Python strings cannot be wiped; a field only lets go of its text as soon as it can.
"""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget

from secrets_core.secret import Secret

BULLETS = "•" * 12
"""What stands for any hidden text: always as many, so that it tells no length."""


class Field(Widget, can_focus=True):
    """One line of text with a cursor; its messages say that something happened, never what."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Field { height: 1; width: 1fr; color: $foreground; }
    """

    class Edited(Message):
        """The text changed; ask the field."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> Field:
            return self.field

    class Submitted(Edited):
        """Enter was pressed."""

    class Refused(Edited):
        """A paste was not taken; ``reason`` says why, without a word of it."""

        def __init__(self, field: Field, reason: str) -> None:
            super().__init__(field)
            self.reason = reason

    def __init__(self, placeholder: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        """Take the words that stand in the empty field."""
        super().__init__(id=id)
        self.placeholder = placeholder
        self._text = ""
        self._cursor = 0

    @property
    def hidden(self) -> bool:
        """Whether bullets stand for the text."""
        return True

    @property
    def is_empty(self) -> bool:
        """Whether there is no text."""
        return not self._text

    def clear(self) -> None:
        """Let go of the text, without a message."""
        self._text, self._cursor = "", 0
        self.refresh()

    def take(self) -> Secret:
        """Give the text and let go of it."""
        text = Secret(self._text)
        self.clear()
        return text

    def insert(self, text: str) -> None:
        """Put text in at the cursor."""
        self._edit(self._text[: self._cursor] + text + self._text[self._cursor :], self._cursor + len(text))

    def paste(self, text: str) -> None:
        """Take pasted text: the white space around it goes, more than one line is refused."""
        if body := self._acceptable(text):
            self.insert(body)

    def render(self) -> Content:
        focused = self.has_focus
        if not self._text:
            cursor = Content.styled(" ", "reverse") if focused else Content(" ")
            return Content.assemble(cursor, (self.placeholder, "$faint"))
        if self.hidden:
            return Content.assemble((BULLETS, "$primary"), (" ", "reverse") if focused else " ")
        text = self._text + " "
        room = max(1, self.size.width)
        start = max(0, self._cursor + 1 - room)
        at = self._cursor
        parts = (text[start:at], (text[at], "reverse") if focused else text[at], text[at + 1 :])
        return Content.assemble(*parts)

    def on_focus(self) -> None:
        self._show_cursor()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.paste(event.text)

    def on_click(self) -> None:
        self.focus()

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character is not None:
            self.insert(event.character)
        elif not self._edit_by_key(event.key):
            return
        event.stop()
        event.prevent_default()

    def check_consume_key(self, key: str, character: str | None) -> bool:  # noqa: ARG002 - Textual's signature
        return character is not None and character.isprintable()

    def _acceptable(self, pasted: str) -> str:
        """Give what of a paste can be taken, or nothing, saying why."""
        body = pasted.strip()
        if len(body.splitlines()) > 1:
            self.post_message(self.Refused(self, "This field takes one line, and the paste had more."))
            return ""
        if not body.isprintable():
            self.post_message(self.Refused(self, "The paste holds control or invisible characters."))
            return ""
        return body

    def _edit_by_key(self, key: str) -> bool:
        text, at = self._text, self._cursor
        if key == "enter":
            self.post_message(self.Submitted(self))
        elif key in ("backspace", "ctrl+h"):
            self._edit(text[: max(at - 1, 0)] + text[at:], max(at - 1, 0))
        elif key == "delete":
            self._edit(text[:at] + text[at + 1 :], at)
        elif key == "ctrl+u":
            self._edit(text[at:], 0)
        elif key == "ctrl+w":
            kept = "" if self.hidden else "".join(text[:at].rstrip().rpartition(" ")[:2])
            self._edit(kept + text[at:], len(kept))
        elif key in ("left", "right", "home", "end"):
            self._move({"left": at - 1, "right": at + 1, "home": 0, "end": len(text)}[key])
        else:
            return False
        return True

    def _move(self, to: int) -> None:
        # Hidden text has no places to be at: the cursor would tell the length.
        self._cursor = len(self._text) if self.hidden else max(0, min(to, len(self._text)))
        self._show_cursor()
        self.refresh()

    def _edit(self, text: str, cursor: int) -> None:
        changed = text != self._text
        self._text, self._cursor = text, cursor
        if self.hidden:
            self._cursor = len(text)
        self._show_cursor()
        self.refresh()
        if changed:
            self.post_message(self.Edited(self))

    def _show_cursor(self) -> None:
        """Put the terminal's own cursor here, for input methods and screen readers."""
        if self.has_focus:
            at = len(BULLETS) if self.hidden and self._text else self._cursor
            self.app.cursor_position = self.content_region.offset + Offset(min(at, max(0, self.size.width - 1)), 0)


class SecretInput(Field):
    """A field for one part of a credential: always hidden, given out as a ``Secret`` and then empty."""
