"""Keeps botocore's talkative loggers quiet: at DEBUG they print values and session tokens.

``botocore.endpoint`` prints requests, ``botocore.parsers`` answers, ``botocore.auth`` the signed headers. A filter on
the logger itself outlives ``boto3.set_stream_logger``, ``logging.config.dictConfig`` and ``basicConfig(force=True)``,
which only replace handlers and levels.
"""

from __future__ import annotations

import logging

TALKING_LOGGERS = ("botocore.endpoint", "botocore.parsers", "botocore.auth")


class DropDebug(logging.Filter):
    """Drops every record below INFO."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.INFO


def silence_talking_loggers() -> None:
    """Put the filter on each of the loggers, once and for good."""
    for name in TALKING_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, DropDebug) for known in logger.filters):
            logger.addFilter(DropDebug())
