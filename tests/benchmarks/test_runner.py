"""The command that runs the benchmarks tells a missed goal by its exit code."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.ratio import Ratio

MET = [Ratio("fast enough", 2, 3), Ratio("much faster", 30, 20, "at least"), Ratio("only told", 99, unit="ms")]
MISSED = [Ratio("too slow", 3.5, 3), Ratio("not fast enough", 10, 20, "at least")]


@pytest.mark.parametrize(
    ("ratios", "code"),
    [(MET, 0), ([*MET, MISSED[0]], 1), ([*MET, MISSED[1]], 1)],
    ids=["all met", "above the most", "below the least"],
)
def test_a_missed_goal_is_shown_and_fails_the_command(
    ratios: list[Ratio], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = ModuleType("bench_reading")
    measured.__dict__["run"] = lambda: ratios
    monkeypatch.setitem(sys.modules, "tests.benchmarks.bench_reading", measured)
    assert main(["reading"]) == code
    output = capsys.readouterr().out
    assert ("MISSED" in output) is bool(code)
    assert all(ratio.name in output for ratio in ratios)


def test_an_unknown_benchmark_is_a_usage_error_that_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["raeding"]) == 2
    assert "bench_reading" in capsys.readouterr().err
