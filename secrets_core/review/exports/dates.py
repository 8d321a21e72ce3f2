"""The review as iCalendar (RFC 5545): every due date, and the next review, as all-day events."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta

from secrets_core.review.document import Environment, Row
from secrets_core.review.exports.view import View, notes_text
from secrets_core.review.summary import due, extension

_LINE = 75
"""Octets of a line before it is folded (section 3.1)."""


def calendar(view: View) -> str:
    """Give the calendar; an event keeps its UID from review to review, so that a new import moves it."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//mm-secrets//review//EN", "CALSCALE:GREGORIAN"]
    lines += ["METHOD:PUBLISH", *_events(view), "END:VCALENDAR"]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _events(view: View) -> Iterator[str]:
    review = view.review
    for row in sorted(review.rows, key=lambda row: row.credential):
        ends = due(row)
        if ends is not None:
            environment = review.environment(row.environment)
            # An extension ends with its last day; a due time lies within its day.
            day = extension(row)
            yield from _event(
                view, _uid(environment, row.exchange), day.until if day else ends.date(), _summary(row), notes_text(row)
            )
    if review.signature is not None:
        unknown = sum(due(row) is None for row in review.rows)
        about = f"{unknown} credentials have no known due date." if unknown else ""
        uid = _identifier("review", *(f"{each.name} {each.account}" for each in review.environments))
        yield from _event(view, uid, review.signature.next, "Rotation-age review", about)


def _event(view: View, uid: str, day: date, summary: str, about: str) -> Iterator[str]:
    at = view.review.at
    yield "BEGIN:VEVENT"
    yield f"UID:{uid}"
    yield f"DTSTAMP:{at:%Y%m%dT%H%M%SZ}"
    # Of two imports the later review counts: minutes fit the 31 bits of an INTEGER for millennia.
    yield f"SEQUENCE:{int(at.timestamp()) // 60}"
    yield f"DTSTART;VALUE=DATE:{day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_text(summary)}"
    yield f"DESCRIPTION:{_text(f'{about} Review {view.document}'.strip())}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _summary(row: Row) -> str:
    extended = extension(row)
    return f"{row.credential}: {'extension ends' if extended else f'due by {row.decides}'}"


def _uid(environment: Environment, exchange: str) -> str:
    return _identifier("due", environment.name, exchange, environment.account or "", environment.region or "")


def _identifier(*parts: str) -> str:
    return f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:32]}@mm-secrets"


def _text(text: str) -> str:
    """Write a TEXT value (section 3.3.11): backslash, semicolon, comma and line ends escaped, no other controls."""
    escaped = (
        text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\r\n", "\n").replace("\r", "\n")
    )
    escaped = escaped.replace("\n", "\\n")
    return "".join(character if character.isprintable() else " " for character in escaped)


def _folded(line: str) -> str:
    """Fold a line after 75 octets, never within a character."""
    folded: list[str] = []
    piece, octets = "", 0
    for character in line:
        width = len(character.encode("utf-8"))
        if octets + width > _LINE:
            folded.append(piece)
            piece, octets = " ", 1
        piece += character
        octets += width
    return "\r\n".join([*folded, piece])
