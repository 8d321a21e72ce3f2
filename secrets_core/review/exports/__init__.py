"""The forms of a review for people and other programs: each a pure function of its document, with its hash on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from secrets_core.review.document import Review, canonical, digest
from secrets_core.review.exports.dates import calendar
from secrets_core.review.exports.markdown import markdown
from secrets_core.review.exports.page import page
from secrets_core.review.exports.sheet import comma_separated
from secrets_core.review.exports.view import View
from secrets_core.review.summary import Grouping

_FORMS: Mapping[str, Callable[[View], str]] = {
    "csv": comma_separated,
    "markdown": markdown,
    "html": page,
    "ics": calendar,
}
FORMATS = ("json", *_FORMS)


def export(review: Review, form: str, grouping: Grouping = "environment") -> bytes:
    """Give the review in one of ``FORMATS``: the same bytes for the same document and grouping."""
    data = canonical(review)
    if form == "json":
        return data
    return _FORMS[form](View(review, digest(data), grouping)).encode("utf-8")
