"""Run every benchmark and print one table; exit 1 when a goal is missed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.benchmarks.ratio import Ratio


def table(ratios: list[Ratio]) -> str:
    """Give the figures as aligned columns: name, measured, goal, met, detail."""
    rows = [("", "measured", "goal", "", "")]
    for ratio in ratios:
        goal = "" if ratio.goal is None else f"{ratio.wanted} {ratio.goal:g} {ratio.unit}"
        verdict = "" if ratio.goal is None else ("met" if ratio.met else "MISSED")
        rows.append((ratio.name, f"{ratio.measured:.3g} {ratio.unit}", goal, verdict, ratio.detail))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def main(chosen: list[str]) -> int:
    """Run the named benchmarks, or all of them; ``reading`` means ``bench_reading.py``."""
    known = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    names = [f"bench_{name}" for name in chosen] or known
    if unknown := sorted(set(names) - set(known)):
        print(f"There is no {', '.join(unknown)}. Known: {', '.join(known)}.", file=sys.stderr)
        return 2
    ratios: list[Ratio] = []
    for name in names:
        ratios += importlib.import_module(f"tests.benchmarks.{name}").run()
    print(table(ratios))
    return 0 if all(ratio.met for ratio in ratios) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
