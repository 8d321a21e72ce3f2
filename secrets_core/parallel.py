"""Several blocking calls at once, in threads that never hold up the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import count
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 8


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Give ``function`` of each item, in order, at most 8 at once; an exception is raised after all have ended.

    In daemon threads, not in a pool, which the interpreter joins when it exits: an interrupt or a quit does not wait
    for a backend that does not answer.
    """
    todo = list(items)
    if len(todo) < 2:
        return [function(item) for item in todo]
    results: dict[int, Result] = {}
    failures: dict[int, BaseException] = {}
    numbers = count()  # next() on it is atomic

    def run() -> None:
        while (number := next(numbers)) < len(todo):
            try:
                results[number] = function(todo[number])
            except BaseException as error:  # noqa: BLE001 - carried over to the caller
                failures[number] = error

    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(AT_ONCE, len(todo)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in sorted(failures):
        raise failures[number]
    return [results[number] for number in range(len(todo))]
