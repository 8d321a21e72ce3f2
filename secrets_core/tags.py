"""What we write into tags, on the leader only: a record of each version, and the credential's standing notes.

A value keeps to AWS's tag alphabet (letters, digits, space and ``_.:/=+-@``, at most 256 characters: Secrets Manager
API, TagResource), so fields are separated by spaces. A record is believed only for the version that its key names.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from secrets_core.versions import tail

VERSION_PREFIX = "mm:v:"
OWNER = "mm:owner"
OLD_ALIVE = "mm:old-alive"
EXTEND = "mm:extend"
NOTE = "mm:note"
KEPT_RECORDS = 12
"""How many of the newest version records stay: with the others they fit AWS's 50 tags of a secret."""
MAX_LENGTH = 256
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.:/=+@-]")
_TIME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """Who stored a version, when and why, and by which codes it is recognised."""

    stored_at: datetime | None = None
    """When it was stored here; its age comes from the version id, which may carry an older time."""
    fingerprint: str = ""
    key_fingerprint: str = ""
    """Of the ``api_key`` alone."""
    by: str = ""
    why: str = ""
    """``first``, ``scheduled``, ``suspected``, ``offboarding``, ``adopted`` or ``other``."""
    hint: str = ""
    """The last four characters of the API key, where it may be shown."""
    ip_bound: bool | None = None
    """Whether the exchange lets it be used from listed addresses only; ``None``: not known, and decides nothing."""


@dataclass(frozen=True, slots=True)
class OldKeyAlive:
    """The key that the current one replaced still lives at the exchange."""

    version_tail: str
    since: datetime | None = None
    due: datetime | None = None
    """When it should be deleted there at the latest."""


@dataclass(frozen=True, slots=True)
class Extension:
    """A review let the current version live on past its due date."""

    version_tail: str
    until: date
    """The last day (UTC) on which it may be used."""
    by: str = ""
    count: int = 1
    """How often this version has been extended, this time included."""


def record_key(version_id: str) -> str:
    """Give the tag key of a version's record."""
    return VERSION_PREFIX + tail(version_id)


def format_record(record: VersionRecord) -> str:
    """Give the tag value; the operator's name comes last and is cut where it does not fit."""
    return _join(
        t=_format_time(record.stored_at),
        fp=record.fingerprint,
        kfp=record.key_fingerprint,
        why=record.why,
        hint=record.hint,
        ip={True: "bound", False: "unbound", None: ""}[record.ip_bound],
        by=record.by,
    )


def record_of(tags: Mapping[str, str], version_id: str) -> VersionRecord | None:
    """Give the record of this version, or ``None`` where there is none."""
    value = tags.get(record_key(version_id))
    return None if value is None else _parse_record(value)


def records(tags: Mapping[str, str]) -> dict[str, VersionRecord]:
    """Give all version records by the tail of the version they name."""
    return {
        key.removeprefix(VERSION_PREFIX): _parse_record(value)
        for key, value in tags.items()
        if key.startswith(VERSION_PREFIX)
    }


def surplus_records(tags: Mapping[str, str], keep: Iterable[str]) -> list[str]:
    """Give the tag keys of the records beyond the newest 12; the versions in ``keep`` always stay."""
    kept = tags.keys() & {record_key(version_id) for version_id in keep}
    earliest = datetime.min.replace(tzinfo=UTC)
    newest_first = sorted(
        (key for key in tags if key.startswith(VERSION_PREFIX) and key not in kept),
        key=lambda key: _parse_record(tags[key]).stored_at or earliest,
        reverse=True,
    )
    return newest_first[max(KEPT_RECORDS - len(kept), 0) :]


def format_old_alive(old: OldKeyAlive) -> str:
    """Give the value of the ``mm:old-alive`` tag."""
    return _join(v=old.version_tail, t=_format_time(old.since), due=_format_time(old.due))


def old_alive(tags: Mapping[str, str]) -> OldKeyAlive | None:
    """Read the ``mm:old-alive`` tag."""
    fields = _fields(tags.get(OLD_ALIVE, ""))
    if not fields.get("v"):
        return None
    return OldKeyAlive(fields["v"], _parse_time(fields.get("t")), _parse_time(fields.get("due")))


def format_extension(extension: Extension) -> str:
    """Give the value of the ``mm:extend`` tag; the operator's name comes last and is cut where it does not fit."""
    return _join(
        v=extension.version_tail, until=extension.until.isoformat(), n=str(extension.count), by=extension.by
    )


def extension(tags: Mapping[str, str], version_id: str | None) -> Extension | None:
    """Read the ``mm:extend`` tag; ``None`` where it is absent, not ours, or of another version than this one."""
    fields = _fields(tags.get(EXTEND, ""))
    if version_id is None or fields.get("v") != tail(version_id):
        return None
    count = fields.get("n", "")
    try:
        until = date.fromisoformat(fields.get("until", ""))
    except ValueError:
        return None
    return Extension(
        fields["v"], until, fields.get("by", ""), int(count) if re.fullmatch("[1-9][0-9]{0,3}", count) else 1
    )


def names_operator(written: str, operator: str) -> bool:
    """Tell whether ``by=`` of a tag names this operator: tags have a smaller alphabet, and long names were cut."""
    name = _FORBIDDEN.sub("_", operator)
    return bool(written) and (written == name or (len(written) > 64 and name.startswith(written)))


def format_note(text: str) -> str:
    """Give the value of the ``mm:note`` tag for a free text; raise ``ValueError`` past 192 bytes."""
    value = base64.urlsafe_b64encode(text.encode()).decode()
    if len(value) > MAX_LENGTH:
        raise ValueError("a note has at most 192 bytes")
    return value


def note(tags: Mapping[str, str]) -> str:
    """Read the ``mm:note`` tag; nothing where it is absent or not ours."""
    try:
        return base64.b64decode(tags.get(NOTE, ""), altchars=b"-_", validate=True).decode()
    except ValueError:
        return ""


def _join(**fields: str) -> str:
    text = " ".join(f"{key}={_FORBIDDEN.sub('_', value)}" for key, value in fields.items() if value)
    return text[:MAX_LENGTH]


def _fields(value: str) -> dict[str, str]:
    return {key: text for key, _, text in (field.partition("=") for field in value.split(" ")) if key and text}


def _parse_record(value: str) -> VersionRecord:
    fields = _fields(value)
    hint = fields.get("hint", "")
    return VersionRecord(
        stored_at=_parse_time(fields.get("t")),
        fingerprint=fields.get("fp", "")[:16],
        key_fingerprint=fields.get("kfp", "")[:16],
        by=fields.get("by", ""),
        why=fields.get("why", ""),
        hint=hint if len(hint) == 4 else "",
        ip_bound={"bound": True, "unbound": False}.get(fields.get("ip", "")),
    )


def _format_time(time: datetime | None) -> str:
    return "" if time is None else time.astimezone(UTC).strftime(_TIME)


def _parse_time(text: str | None) -> datetime | None:
    try:
        return datetime.strptime(text or "", _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
