"""The constraints of botocore's own service model, checked on the server's side.

The SDK checks lower bounds only; AWS refuses the upper ones (names, tokens, 65,536-byte values, 20 ids, page sizes).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, Shape, StringShape, StructureShape

from tests.aws_server.answers import AwsError

MAX_VALUE_BYTES = 65_536


@cache
def _operations() -> dict[str, OperationModel]:
    model = botocore.session.get_session().get_service_model("secretsmanager")
    return {name: model.operation_model(name) for name in model.operation_names}


def check_request(operation: str, body: Mapping[str, Any]) -> None:
    """Refuse a request that breaks the model's constraints; messages name the member, never its value.

    Raises:
        AwsError: ``UnknownOperationException`` or ``ValidationException``.
    """
    model = _operations().get(operation)
    if model is None:
        raise AwsError("UnknownOperationException", f"{operation} is not an operation of Secrets Manager.")
    problem = next(_problems(model.input_shape, body, ""), None)
    if problem is None and len(str(body.get("SecretString", "")).encode()) > MAX_VALUE_BYTES:
        problem = _constraint("secretString", f"length less than or equal to {MAX_VALUE_BYTES}")
    if problem is not None:
        raise AwsError("ValidationException", f"1 validation error detected: {problem}")


def _constraint(path: str, rule: str) -> str:
    return f"Value at '{path}' failed to satisfy constraint: Member must have {rule}"


def _problems(shape: Shape | None, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            yield f"Value at '{path or 'request'}' failed to satisfy constraint: Member must be a structure"
            return
        for name, member in shape.members.items():
            where = f"{path}.{name[0].lower()}{name[1:]}".lstrip(".")
            if value.get(name) is not None:
                yield from _problems(member, value[name], where)
            elif name in shape.required_members:
                yield f"Value null at '{where}' failed to satisfy constraint: Member must not be null"
    elif shape is not None:
        yield from _plain_problems(shape, value, path)


def _plain_problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    size: int | float
    if shape.type_name == "list":
        if not isinstance(value, list):
            yield f"Value at '{path}' failed to satisfy constraint: Member must be a list"
            return
        for number, item in enumerate(value, start=1):
            # botocore's ListShape has its member as an attribute that the stubs type as Any.
            yield from _problems(getattr(shape, "member", None), item, f"{path}.{number}.member")
        size, what = len(value), "length"
    elif shape.type_name == "blob":
        try:
            size, what = len(base64.b64decode(value, validate=True)), "length"
        except (binascii.Error, TypeError, ValueError):
            yield f"Value at '{path}' failed to satisfy constraint: Member must be base64"
            return
    elif shape.type_name in ("integer", "long"):
        size, what = int(value), "value"
    elif isinstance(shape, StringShape):
        yield from _text_problems(shape, str(value), path)
        size, what = len(str(value)), "length"
    else:
        return
    bounds = shape.metadata
    if "min" in bounds and size < bounds["min"]:
        yield _constraint(path, f"{what} greater than or equal to {bounds['min']}")
    if "max" in bounds and size > bounds["max"]:
        yield _constraint(path, f"{what} less than or equal to {bounds['max']}")


def _text_problems(shape: StringShape, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield _constraint(path, f"one of the values {sorted(shape.enum)}")
    pattern = shape.metadata.get("pattern")
    if pattern and not re.search(pattern, value):
        yield _constraint(path, f"the pattern {pattern}")
