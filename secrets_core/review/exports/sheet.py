"""The review as CSV (RFC 4180), one line a credential; no cell can start a formula in a spreadsheet."""

from __future__ import annotations

import csv
import io

from secrets_core.review.document import Row, written_time
from secrets_core.review.exports.view import View, extended_text, limit_days
from secrets_core.review.summary import standing

TITLES = (
    *("environment", "exchange", "owner", "standing", "status", "condition", "pair_state", "age_days", "age_source"),
    *("born", "due", "days_left", "days_over", "decides", "limit_days", "policy_days", "policy_source"),
    *("exchange_days", "exchange_applies", "extended", "decision", "until", "reason", "control", "decided_by"),
    *("promised", "promise_due", "promise_days_late", "flags", "stored_by", "stored_at", "version"),
    *("reviewed_at", "complete", "signed", "review_sha256"),
)
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet takes a cell that begins so for a formula, or reads past it to one; the last four are full-width."""


def comma_separated(view: View) -> str:
    """Give the rows, worst first, under their titles."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(TITLES)
    for row in view.review.rows:
        writer.writerow([_safe(cell) for cell in _cells(row, view)])
    return text.getvalue()


def _cells(row: Row, view: View) -> tuple[object, ...]:
    age, limit, decision, promise = row.age, row.exchange_limit, row.decision, row.promise
    left = age.days_left
    return (
        *(
            row.environment,
            row.exchange,
            row.owner,
            standing(row, view.review),
            age.status,
            row.condition,
            row.pair_state,
        ),
        *(age.days, age.source, age.born and written_time(age.born), age.due and written_time(age.due)),
        *(left if left is not None and left >= 0 else None, -left if left is not None and left < 0 else None),
        *(row.decides, limit_days(row), row.policy.days, row.policy.source),
        *((limit.days, {True: "yes", False: "no", None: "not known"}[limit.applies]) if limit else (None, None)),
        extended_text(row),
        *(
            (decision.decision, decision.until, decision.reason, decision.control, decision.by)
            if decision
            else (None,) * 5
        ),
        *((promise.decision, promise.due, promise.days_late) if promise else (None,) * 3),
        *(" ".join(row.flags), row.stored_by, row.stored_at and written_time(row.stored_at), row.version),
        *(written_time(view.review.at), "yes" if view.review.complete else "no"),
        *("yes" if view.review.signature else "no", view.document),
    )


def _safe(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_DANGEROUS) or text.startswith(_DANGEROUS) else text
