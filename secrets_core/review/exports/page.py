"""The review as one HTML page: no script, nothing loaded, everything escaped, fit for print, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from secrets_core.review.document import Row, written_time
from secrets_core.review.exports.view import (
    View,
    age_text,
    decision_text,
    due_text,
    environment_facts,
    extended_text,
    notes_text,
    share,
)
from secrets_core.review.summary import group, standing, standing_text, strip

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--line:#c9d1d9;--soft:#57606a;--overdue:#b3261e;
--unknown:#7a4fb5;--due-soon:#8a5a00;--fresh:#1a7f37}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--line:#30363d;--soft:#9198a1;--overdue:#ff7b72;
--unknown:#d2a8ff;--due-soon:#e3b341;--fresh:#56d364}}
body{font:14px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2rem auto;
max-width:80rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{border-bottom:1px solid var(--line);
padding:.3rem .5rem;text-align:left;vertical-align:top;
overflow-wrap:anywhere}
th{color:var(--soft);font-weight:600}code{overflow-wrap:anywhere}
.overdue{color:var(--overdue)}.unknown{color:var(--unknown)}
.due-soon,.extended{color:var(--due-soon)}.fresh{color:var(--fresh)}
.word{font-weight:600}.gap{border:2px solid var(--overdue);padding:.5rem 1rem}meter{width:7rem}
@media print{body{margin:0;max-width:none;font-size:10px}tr{break-inside:avoid}h2{break-after:avoid}}
""".strip()
_TITLES = ("Credential", "Standing", "Life", "Age", "Due", "Extended", "Decision", "Notes")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(view: View) -> str:
    """Give the whole page."""
    return "\n".join(_lines(view)) + "\n"


def _lines(view: View) -> Iterator[str]:
    review = view.review
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{_safe(view.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield f"<h1>{_safe(view.title)}</h1>\n<p>{_safe(view.standing)}</p>"
    yield f"<p>Taken at {written_time(review.at)}. SHA-256 of the document: <code>{view.document}</code></p>"
    if review.gaps:
        gaps = "".join(f"<li>{_safe(gap.sentence)}</li>" for gap in review.gaps)
        yield f'<section class="gap"><h2>What is missing</h2><ul>{gaps}</ul></section>'
    for each in group(review, view.grouping):
        counted = ", ".join(f"{count} {status}" for status, count in each.counts.items() if count)
        yield f"<h2>{_safe(each.name)}</h2>\n<p>{_safe(counted)}</p>\n<table>"
        yield f"<tr>{''.join(f'<th>{title}</th>' for title in _TITLES)}</tr>"
        yield from (_row(row, standing(row, review), standing_text(row, review)) for row in each.rows)
        yield "</table>"
    yield "<h2>Due in the next 90 days</h2>\n<table><tr><th>Week from</th><th>Due</th></tr>"
    yield from (f"<tr><td>{week.start}</td><td>{week.due}</td></tr>" for week in strip(review))
    yield "</table>\n<h2>What was looked at</h2>"
    for environment in review.environments:
        yield f"<h3>{_safe(environment.name)}</h3>\n<table>"
        yield from (
            f"<tr><th>{_safe(label)}</th><td>{_safe(text)}</td></tr>" for label, text in environment_facts(environment)
        )
        yield "</table>"
    yield "</body>\n</html>"


def _row(row: Row, status: str, word: str) -> str:
    over = share(row)
    # Not an empty bar: where the age is not known, nothing is known of its share either.
    bar = "" if over is None else f'<meter min="0" max="100" value="{over}">{over} %</meter>'
    first = f'<td>{_safe(row.credential)}</td><td class="word {_safe(status)}">{_safe(word)}</td><td>{bar}</td>'
    cells = (age_text(row), due_text(row), extended_text(row), decision_text(row), notes_text(row))
    rest = "".join(f"<td>{_safe(cell)}</td>" for cell in cells)
    return f"<tr>{first}{rest}</tr>"


def _safe(text: str) -> str:
    return escape("".join(character if character.isprintable() else " " for character in text), quote=True)
