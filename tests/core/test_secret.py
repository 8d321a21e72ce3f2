"""A Secret tells nothing to whatever prints, copies, compares or inspects it; reveal() is the one door."""

from __future__ import annotations

import ast
import copy
import dataclasses
import functools
import inspect
import io
import json
import logging
import marshal
import pickle
import pprint
import queue
import reprlib
import sys
import traceback
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pydantic
import pytest
import rich
import rich.console
import rich.pretty
from hypothesis import given, settings
from hypothesis import strategies as st

import secrets_core
from secrets_core.secret import HIDDEN, Secret, key_hint, mask_api_key, redact
from tests.canary import Canary

LONE_SURROGATE = "\ud800"


@dataclasses.dataclass
class Holder:
    value: Secret


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    value: Secret
    number: int = 0


def logger_to(stream: io.StringIO) -> logging.Logger:
    logger = logging.getLogger("tests.secret")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.handlers = [logging.StreamHandler(stream)]
    return logger


def logged(secret: Secret) -> str:
    stream = io.StringIO()
    logger = logger_to(stream)
    logger.info("%s %r %10s", secret, secret, secret)
    logger.info(secret)
    logger.info("by name: %(value)s", {"value": secret})
    return stream.getvalue()


def inspected(secret: Secret) -> str:
    stream = io.StringIO()
    rich.inspect(secret, console=rich.console.Console(file=stream, width=300), all=True, private=True)
    return stream.getvalue()


def traceback_with_locals(secret: Secret) -> str:
    held, inside = secret, {"value": [secret]}
    try:
        raise ValueError(held)
    except ValueError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()) + str(inside)


def rich_traceback_with_locals(secret: Secret) -> str:
    from rich.traceback import Traceback

    stream = io.StringIO()
    try:
        raise ValueError(secret)
    except ValueError:
        rich.console.Console(file=stream, width=300).print(Traceback(show_locals=True))
    return stream.getvalue()


def queued(secret: Secret) -> str:
    box: queue.Queue[Secret] = queue.Queue()
    box.put(secret)
    return repr(box.queue)


def validation_error(secret: Secret) -> str:
    with pytest.raises(pydantic.ValidationError) as caught:
        Model(value=secret, number="no number")  # type: ignore[arg-type]  # the mistake under test
    return f"{caught.value} {caught.value.errors()} {caught.value.error_count()}"


SHOWN: dict[str, Callable[[Secret], object]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": format,
    "format with a width": lambda secret: f"{secret:>60}|{secret!r:^60}|{secret!s}",
    "format with a precision": lambda secret: f"{secret:.3}",
    "format by key": lambda secret: "{value} {value!r} {value!a}".format_map({"value": secret}),
    "percent": lambda secret: "%s %r %a".__mod__((secret, secret, secret)),
    "in containers": lambda secret: repr([{"value": (secret,)}, deque([secret])]),
    "pprint": lambda secret: pprint.pformat({"value": secret}),
    "reprlib": reprlib.repr,
    "rich pretty": rich.pretty.pretty_repr,
    "rich inspect": inspected,
    "dir": dir,
    "getmembers": inspect.getmembers,
    "getmembers of the class": lambda _: inspect.getmembers_static(Secret),
    "json with default=str": lambda secret: json.dumps({"value": secret}, default=str),
    "json with default=repr": lambda secret: json.dumps({"value": secret}, default=repr),
    "dataclass repr": lambda secret: repr(Holder(secret)),
    "dataclass asdict": lambda secret: repr(dataclasses.asdict(Holder(secret))),
    "pydantic repr": lambda secret: repr(Model(value=secret)),
    "pydantic dump": lambda secret: repr(Model(value=secret).model_dump()),
    "pydantic dump as JSON": lambda secret: json.dumps(Model(value=secret).model_dump(), default=str),
    "pydantic validation error": validation_error,
    "partial": lambda secret: repr(functools.partial(print, secret)),
    "queue": queued,
    "mock call": lambda secret: repr(mock.call(secret, value=secret)),
    "exception": lambda secret: f"{ValueError(secret)} {KeyError(secret)!r} {OSError(1, secret)}",
    "logging": logged,
    "traceback with locals": traceback_with_locals,
    "rich traceback with locals": rich_traceback_with_locals,
    "size": sys.getsizeof,
    "copy": lambda secret: repr(copy.copy(secret)),
    "deep copy": lambda secret: repr(copy.deepcopy([secret])),
}

REFUSED: dict[str, Callable[[Any], object]] = {
    **{f"pickle {n}": functools.partial(lambda n, secret: pickle.dumps(secret, n), n) for n in range(6)},
    "pickle inside a dataclass": lambda secret: pickle.dumps(Holder(secret)),
    "marshal": marshal.dumps,
    "reduce": lambda secret: secret.__reduce__(),
    "reduce of an old protocol": lambda secret: secret.__reduce_ex__(0),
    "getstate": lambda secret: secret.__getstate__(),
    "vars": vars,
    "dict": lambda secret: secret.__dict__,
    "json": json.dumps,
    "json with default=vars": lambda secret: json.dumps(secret, default=vars),
    "pydantic to JSON": lambda secret: Model(value=secret).model_dump_json(),
    "len": len,
    "iter": iter,
    "hash": hash,
    "as a key": lambda secret: {secret: 1},
    "in a set": lambda secret: {secret},
    "bytes": bytes,
    "int": int,
    "concatenation": lambda secret: "key=" + secret,
    "join": lambda secret: ",".join(iter([secret])),
    "order": lambda secret: secret < secret,
    "index": lambda secret: secret[0],
    "contains": lambda secret: "a" in secret,
    "number format": lambda secret: f"{secret:d}",
    "setattr": lambda secret: setattr(secret, "_Secret__value", "other"),
    "new attribute": lambda secret: setattr(secret, "note", "other"),
    "delattr": lambda secret: delattr(secret, "_Secret__value"),
}


@pytest.fixture(params=["plain", "with a lone surrogate", "with line breaks"])
def secret(request: pytest.FixtureRequest, canary: Canary) -> Secret:
    return Secret({"plain": "", "with a lone surrogate": LONE_SURROGATE}.get(request.param, "\r\n") + canary.api_key)


@pytest.mark.parametrize("surface", SHOWN)
def test_what_shows_it_shows_nothing_of_it(surface: str, secret: Secret, canary: Canary) -> None:
    shown = str(SHOWN[surface](secret))
    found = canary.leaks_in(shown)
    assert found == []
    assert shown


@pytest.mark.parametrize("surface", REFUSED)
def test_what_would_take_it_out_is_refused_without_showing_it(surface: str, secret: Secret, canary: Canary) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)) as caught:
        REFUSED[surface](secret)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    found = canary.leaks_in("".join(told) + repr(caught.value.args))
    assert found == []


def test_a_broken_log_call_prints_no_value(
    canary: Canary, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", True)  # a program may have turned the report off
    logger_to(io.StringIO()).error("%d", Secret(canary.api_key))
    printed = capsys.readouterr().err
    found = canary.leaks_in(printed)
    assert "Logging error" in printed
    assert found == []


def test_what_is_shown_is_the_same_for_every_value() -> None:
    assert {(repr(Secret(v)), str(Secret(v)), f"{Secret(v)}") for v in ("", "a", "b" * 500, LONE_SURROGATE)} == {
        ("Secret('********')", HIDDEN, HIDDEN)
    }


def test_reveal_gives_the_value(canary: Canary) -> None:
    assert Secret(canary.api_secret).reveal() == canary.api_secret


def test_a_copy_is_the_same_object(canary: Canary) -> None:
    secret = Secret(canary.api_key)
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": [secret]})["a"][0] is secret


def test_equality_is_of_values_and_with_secrets_alone(canary: Canary) -> None:
    secret = Secret(canary.api_key)
    same, other = Secret(canary.api_key), Secret(canary.api_secret)
    assert secret == same
    assert secret != other
    plain: object = canary.api_key
    assert secret != plain
    assert Secret(LONE_SURROGATE) != Secret("?")


def test_an_empty_one_is_false() -> None:
    assert not Secret("")
    assert Secret(" ")


@pytest.mark.parametrize("kind", ["bytes", "none", "list"])
def test_what_is_not_text_is_refused_with_a_sentence_that_does_not_show_it(kind: str, canary: Canary) -> None:
    wrong: Any = {"bytes": canary.api_key.encode(), "none": None, "list": [canary.api_key]}[kind]
    with pytest.raises(TypeError, match=r"^a Secret takes a str$"):
        Secret(wrong)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("", ""),
        ("a" * 11 + "WXYZ", ""),
        ("a" * 12 + "WXYZ", "WXYZ"),
        ("a" * 60 + "1b2C", "1b2C"),
        ("a" * 12 + "WX-Z", ""),
        ("a" * 12 + "WXY=", ""),
        ("a" * 12 + "W Y2", ""),
        ("a" * 12 + "WXÝZ", ""),
        ("a" * 12 + "WX٣Z", ""),
        ("a" * 12 + "WX" + LONE_SURROGATE + "Z", ""),
        ("a" * 12 + "WXYZ\n", ""),
    ],
)
def test_the_hint_is_the_last_four_of_a_long_plain_key(value: str, hint: str) -> None:
    assert key_hint(Secret(value)) == hint


@pytest.mark.parametrize(
    ("value", "mask"),
    [("", "***"), ("abc", "***"), ("abcdef", "***"), ("abcdefg", "abc...***"), ("abc" + "x" * 500, "abc...***")],
)
def test_the_mask_of_the_contract(value: str, mask: str) -> None:
    assert mask_api_key(Secret(value)) == mask


class TestRedact:
    def test_every_occurrence_goes(self) -> None:
        assert redact("a k1 b k1k1 c", [Secret("k1")]) == f"a {HIDDEN} b {HIDDEN}{HIDDEN} c"

    def test_one_that_begins_like_another_leaves_no_rest(self) -> None:
        short, long = Secret("abcd"), Secret("abcdefgh")
        for order in ([short, long], [long, short]):
            assert redact("x abcdefgh y abcd", order) == f"x {HIDDEN} y {HIDDEN}"

    def test_an_empty_one_changes_nothing(self) -> None:
        assert redact("text", [Secret("")]) == "text"
        assert redact("text", []) == "text"

    @settings(database=None)
    @given(st.lists(st.text("abc1", max_size=4), max_size=4), st.lists(st.text("abc1 ", max_size=9), max_size=6))
    def test_none_is_left_whatever_the_text(self, values: list[str], pieces: list[str]) -> None:
        text = "".join(piece + value for piece in pieces for value in [*values, ""])
        cleaned = redact(text, map(Secret, values))
        assert not [value for value in values if value and value in cleaned]


REVEALS = {
    "secrets_core/cli/values.py": 2,  # what was typed is split into its parts
    "secrets_core/credentials.py": 1,  # ccxt takes plain text
    "secrets_core/demo.py": 1,  # a made-up key id, to try the search with
    "secrets_core/exchanges.py": 1,  # what was typed is judged by its form
    "secrets_core/fingerprints.py": 3,  # the key, what it is computed over, and the record that holds it
    "secrets_core/freeze.py": 1,  # the freeze record is no secret
    "secrets_core/review/record.py": 1,  # the record of a review is no secret
    "secrets_core/secret.py": 4,  # equality, the hint, the mask, redaction
    "secrets_core/stores/aws.py": 1,  # into the request
    "secrets_core/stores/memory.py": 1,  # its size
}
"""How often each file takes a value out of its Secret, and what for."""


def test_every_place_that_takes_a_value_out_is_known() -> None:
    """A new ``.reveal`` is a decision: say here that it was made."""
    root = Path(secrets_core.__file__).parents[1]
    found: Counter[str] = Counter()
    for package in ("secrets_core", "tui"):
        for path in sorted((root / package).rglob("*.py")):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            uses = sum(isinstance(node, ast.Attribute) and node.attr == "reveal" for node in nodes)
            if uses:
                found[path.relative_to(root).as_posix()] = uses
    assert dict(found) == REVEALS
