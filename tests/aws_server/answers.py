"""What goes back over the wire, and the errors in the shapes of AWS's two protocols."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

JSON_TYPE = "application/x-amz-json-1.1"


class AwsError(Exception):
    """An error that AWS would answer with: its code, its message, its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. Its body may hold a secret value, so its repr shows none of it."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = ()


def json_answer(content: object, status: int = 200) -> Answer:
    """Give ``content`` as AWS's JSON 1.1 protocol sends it."""
    return Answer(status, JSON_TYPE, json.dumps(content).encode())


def error_answer(error: AwsError, *, xml: bool = False) -> Answer:
    """Give an error in the JSON protocol's shape, or in the query protocol's (STS, IAM) if ``xml``."""
    if not xml:
        body = json.dumps({"__type": error.code, "message": error.message, "Message": error.message}).encode()
        return Answer(error.status, JSON_TYPE, body, (("x-amzn-ErrorType", error.code),))
    kind = "Sender" if error.status < 500 else "Receiver"
    text = (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error><RequestId>test</RequestId></ErrorResponse>"
    )
    return Answer(error.status, "text/xml", text.encode())


def without_nothing(**content: Any) -> dict[str, Any]:
    """Leave out what has no value: AWS "only returns fields that have a value" (DescribeSecret)."""
    return {name: value for name, value in content.items() if value is not None and value not in ({}, [])}
