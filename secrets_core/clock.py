"""The one place that reads the wall clock, so that everything else can be given another one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""A function that gives the current time, always aware and in UTC."""


def utc_now() -> datetime:
    """Give the current time in UTC."""
    return datetime.now(UTC)
