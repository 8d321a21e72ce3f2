"""Version ids of ours: a UUIDv7 with a constant marker, so that the id alone tells whose it is and when it was born.

The id is passed as ``ClientRequestToken``, the same for every part: the pair's identity, its time of birth and the
idempotency token in one. Other tools' ids are UUIDv4 (SDKs, AWS console, Terraform) and read as foreign.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime, timedelta

_MARKER = 0x3B7
"""The constant in ``rand_a`` (RFC 9562 section 5.7): an id of ours looks like ``xxxxxxxx-xxxx-73b7-...``."""
_MAX_AHEAD = timedelta(minutes=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_version_id(born: datetime, random_bits: int | None = None) -> str:
    """Mint an id for a version born at ``born`` (aware); two calls never give the same id.

    ``random_bits`` takes the place of its 62 random bits where an id must be the same every time (the demo).
    """
    if born.tzinfo is None:
        raise ValueError("born must be aware")
    # Whole numbers all the way: a float loses milliseconds from 2038 on.
    milliseconds = (born - _EPOCH) // timedelta(milliseconds=1)
    bits = secrets.randbits(62) if random_bits is None else random_bits & ((1 << 62) - 1)
    number = (milliseconds << 80) | (7 << 76) | (_MARKER << 64) | (0b10 << 62) | bits
    return str(uuid.UUID(int=number))


def version_time(version_id: str) -> datetime | None:
    """Give the time of birth in UTC that an id of ours carries, or ``None`` for a foreign id."""
    try:
        number = uuid.UUID(version_id).int
    except ValueError:
        return None
    if str(uuid.UUID(int=number)) != version_id:
        return None
    if (number >> 76) & 0xF != 7 or (number >> 64) & 0xFFF != _MARKER or (number >> 62) & 0b11 != 0b10:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=number >> 80)
    except OverflowError:
        return None


def is_ours(version_id: str | None) -> bool:
    """Tell whether our writer minted this id."""
    return version_id is not None and version_time(version_id) is not None


def credible(born: datetime | None, now: datetime) -> datetime | None:
    """Give ``born``, or ``None`` when it lies more than 5 minutes ahead of ``now``: such a time tells nothing."""
    return born if born is not None and born <= now + _MAX_AHEAD else None


def tail(version_id: str) -> str:
    """Give the last 12 characters, by which a tag names a version."""
    return version_id[-12:]
