"""One measured figure with its goal, and the timing that keeps a busy machine out of it."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Ratio:
    """One line of the table."""

    name: str
    measured: float
    goal: float | None = None
    """``None`` for a figure that is only told."""
    wanted: Literal["at most", "at least"] = "at most"
    unit: str = "x"
    detail: str = ""
    """What the figure was made of, e.g. both times."""

    @property
    def met(self) -> bool:
        """Whether the goal is met; always for a figure without one."""
        if self.goal is None:
            return True
        return self.measured <= self.goal if self.wanted == "at most" else self.measured >= self.goal


def best_times(calls: Mapping[str, Callable[[], object]], *, number: int, rounds: int = 15) -> dict[str, float]:
    """Give seconds per call by name: the best of some rounds, taken in turns so that a disturbance hits all alike."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            best[name] = min(best[name], timeit.timeit(call, number=number) / number)
    return best
