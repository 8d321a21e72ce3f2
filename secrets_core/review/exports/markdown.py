"""The review as Markdown, for a ticket or a wiki; nothing that others wrote into a store is taken for markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from secrets_core.review.document import written_time
from secrets_core.review.exports.view import (
    View,
    age_text,
    decision_text,
    due_text,
    environment_facts,
    extended_text,
    notes_text,
)
from secrets_core.review.summary import group, standing_text, strip

_MARKUP = re.compile(r"[\\`*_{}\[\]#!|~$<>&]|(?<!\w)[@+]|:(?=//)|(?<=www)\.", re.IGNORECASE)
TITLES = ("Credential", "Standing", "Age", "Due", "Extended", "Decision", "Notes")


def markdown(view: View) -> str:
    """Give the whole review."""
    review = view.review
    blocks = [
        f"# {view.title}",
        f"{_safe(view.standing)}\n\nTaken at {written_time(review.at)}. SHA-256 of the document: `{view.document}`",
    ]
    if review.gaps:
        blocks += ["## What is missing", "\n".join(f"- {_safe(gap.sentence)}" for gap in review.gaps)]
    for each in group(review, view.grouping):
        counted = ", ".join(f"{count} {status}" for status, count in each.counts.items() if count)
        rows = (
            (
                *(row.credential, standing_text(row, review), age_text(row), due_text(row)),
                *(extended_text(row), decision_text(row), notes_text(row)),
            )
            for row in each.rows
        )
        blocks += [f"## {_safe(each.name)}", f"{_safe(counted)}", _table(TITLES, rows)]
    weeks = strip(review)
    blocks += ["## Due in the next 90 days", _table(("Week from", "Due"), ((str(w.start), str(w.due)) for w in weeks))]
    blocks.append("## What was looked at")
    for environment in review.environments:
        blocks += [f"### {_safe(environment.name)}", _table(("What", "Is"), environment_facts(environment))]
    return "\n\n".join(blocks) + "\n"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line(titles), _line(["---"] * len(titles))]
    lines += [_line([_safe(cell) for cell in row]) for row in rows]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _safe(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return _MARKUP.sub(r"\\\g<0>", printable)
