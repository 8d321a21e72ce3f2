"""The record of the last signed review, in the control record ``_review`` of each environment.

It ties the chain of documents to the store, so that operators and CI agree on which review is the last one and what it
promised. Written by compare-and-swap: of two signers one wins and the other is told.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from secrets_core.errors import AlreadyExists, Conflict, CoreError, NotFound, OutcomeUnknown, SettingsError
from secrets_core.names import REVIEW, check_exchange, control_name
from secrets_core.secret import Secret
from secrets_core.stores.base import CURRENT, MAX_VALUE_BYTES, PENDING, SecretStore

FORMAT = 1
KINDS = ("rotate-now", "extend", "retire")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class RecordedPromise:
    """What a review promised of one credential."""

    kind: str
    """``rotate-now``, ``extend`` or ``retire``."""
    version_tail: str
    due: date
    first: date
    """Since when the same has been promised of this version."""
    extensions: int = 0
    """How often this version has been extended so far."""


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """The last signed review of one environment."""

    number: int
    document: str
    """Hash of the whole document."""
    previous: str
    signed_at: datetime
    by: str
    next: date
    corrects: str = ""
    promises: Mapping[str, RecordedPromise] = field(default_factory=dict)
    """By exchange, with the account where there is one."""


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record as it was read, with the version that holds it."""

    version_id: str
    record: ReviewRecord


def format_record(record: ReviewRecord) -> str:
    """Give the record's JSON: keys sorted, each promise as ``[kind, version, due, first, extensions]``."""
    return json.dumps(
        {
            "by": record.by,
            "corrects": record.corrects,
            "document": record.document,
            "format": FORMAT,
            "next": record.next.isoformat(),
            "number": record.number,
            "previous": record.previous,
            "promises": {
                exchange: [p.kind, p.version_tail, p.due.isoformat(), p.first.isoformat(), p.extensions]
                for exchange, p in record.promises.items()
            },
            "signed": record.signed_at.astimezone(UTC).strftime(_TIME),
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def parse_record(text: Secret) -> ReviewRecord | None:
    """Read the record's JSON; ``None`` for anything but a well-formed record of format 1."""
    try:
        data = json.loads(text.reveal())
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            return None
        return ReviewRecord(
            number=_whole(data["number"]),
            document=_text(data["document"]),
            previous=_text(data["previous"]),
            signed_at=datetime.strptime(data["signed"], _TIME).replace(tzinfo=UTC),
            by=_text(data["by"]),
            next=date.fromisoformat(data["next"]),
            corrects=_text(data["corrects"]),
            promises={check_exchange(name): _promise(entry) for name, entry in data["promises"].items()},
        )
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, CoreError):
        return None


def read_record(store: SecretStore, environment: str) -> HeldRecord | None:
    """Read the environment's record; ``None`` before its first review. I/O.

    Raises what reading raises, and ``SettingsError`` for a record that this version does not understand.
    """
    name = control_name(environment, REVIEW)
    outcome = store.read_current([name])[name]
    if isinstance(outcome, NotFound):
        return None
    if isinstance(outcome, CoreError):
        raise outcome
    record = parse_record(outcome.value)
    if record is None:
        raise SettingsError(
            f"{name} holds no record of a review that this version understands.",
            hint="Look who wrote it; an earlier version of the secret may hold the record.",
            path=name,
        )
    return HeldRecord(outcome.version_id, record)


def write_record(store: SecretStore, environment: str, record: ReviewRecord, new_version_id: Callable[[], str]) -> bool:
    """Make ``record`` the environment's last review if the one that it follows still is. I/O.

    Gives ``False`` where it is the last one already: so looks the repeat of an interrupted signing. Raises
    ``Conflict`` where another review was signed meanwhile, ``SettingsError`` for a record that does not fit into a
    secret, and what the store raises.
    """
    held = read_record(store, environment)
    if held is not None and held.record.document == record.document:
        return False
    if (held.record.document if held else "") != record.previous:
        raise _lost(environment)
    text = format_record(record)
    if len(text) > MAX_VALUE_BYTES:
        raise SettingsError(
            f"The review makes {len(record.promises)} promises in {environment}; a record holds about 800.",
            hint="Rotate or retire some of them first.",
            path=environment,
        )
    version_id = new_version_id()
    problem: OutcomeUnknown | Conflict | None = None
    try:
        _swap(store, environment, version_id, Secret(text), held.version_id if held else None)
    except (OutcomeUnknown, Conflict) as error:
        problem = error
    if problem is None:
        return True
    # An answer was lost, or somebody was faster: perhaps with this very document, signed twice in one second.
    held = read_record(store, environment)
    if held is None or held.record.document != record.document:
        raise problem
    return held.version_id == version_id


def _swap(store: SecretStore, environment: str, version_id: str, value: Secret, expected: str | None) -> None:
    name = control_name(environment, REVIEW)
    lost = False
    if expected is None:
        try:
            store.create(name, version_id, value)
        except AlreadyExists:
            lost = True
    else:
        store.put(name, version_id, value, [PENDING])
        try:
            store.move_stage(name, CURRENT, to=version_id, expected=expected)
        except Conflict:
            lost = True
        # Another signer may have taken the label by now: then it is his to take off.
        with contextlib.suppress(Conflict, NotFound):
            store.move_stage(name, PENDING, to=None, expected=version_id)
    if lost:
        raise _lost(environment)


def _lost(environment: str) -> Conflict:
    return Conflict(
        f"Another review of {environment} was signed since this one was begun.",
        hint="Review it again: your decisions file still serves.",
        path=environment,
    )


def _promise(entry: Any) -> RecordedPromise:
    kind, version, due, first, extensions = entry
    if kind not in KINDS:
        raise ValueError("an unknown promise")
    return RecordedPromise(kind, _text(version), date.fromisoformat(due), date.fromisoformat(first), _whole(extensions))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return "".join(character if character.isprintable() else " " for character in value)


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a whole number")
    return value
