"""Every error has a stable code of its own, and survives what programs do to errors."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Iterator

import pytest

from secrets_core.errors import CoreError, Refused


def kinds(base: type[CoreError] = CoreError) -> Iterator[type[CoreError]]:
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == CoreError.__module__:
            yield from kinds(kind)


def made(kind: type[CoreError]) -> CoreError:
    if issubclass(kind, Refused):
        return kind("It cannot be.", guard="ci", hint="Do this.", path="prod/bybit")
    return kind("It cannot be.", hint="Do this.", path="prod/bybit")


def test_codes_are_stable_words_and_none_is_used_twice() -> None:
    codes = [kind.code for kind in kinds()]
    assert len(codes) == len(set(codes)) > 15
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)
    assert all(kind.title for kind in kinds())


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_the_sentence_is_what_it_prints(kind: type[CoreError]) -> None:
    assert str(made(kind)) == "It cannot be."


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_it_comes_whole_out_of_another_process(kind: type[CoreError]) -> None:
    error = made(kind)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - pickled here
        assert type(again) is kind
        assert str(again) == str(error)
        assert again.__dict__ == error.__dict__


def test_only_what_may_pass_by_itself_is_worth_a_retry() -> None:
    assert {kind.code for kind in kinds() if kind.retryable} == {"unreachable", "throttled", "garbled-answer"}
