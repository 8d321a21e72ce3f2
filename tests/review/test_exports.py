"""The forms of a review: the same bytes each time, its hash on each, and nothing in them that a reader would run."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_core.names import CredentialRef
from secrets_core.review.document import Review, canonical, digest, parse
from secrets_core.review.exports import FORMATS, export
from secrets_core.review.exports.sheet import TITLES
from secrets_core.review.summary import (
    GROUPINGS,
    NO_OWNER,
    WEEKS,
    FailOn,
    Grouping,
    counts,
    due,
    failing,
    group,
    overdue_by,
    standing,
    strip,
)
from tests.core.desk import Desk
from tests.review.support import DEV, GRANT, OKX, PROD, aged, record, row_of, signed, taken

EVIL = (
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    " =1",
    "\uff1d1",
    '"><script>alert(1)</script>',
    "<img src=x onerror=y>",
    "a|b",
    "`x`",
    "[a](javascript:b)",
    "END:VCALENDAR\r\nBEGIN:VEVENT",
    "a;b,c\\d\ne",
    "\u2028\u202e\x00\x1b[31m",
    "www.evil.example http://evil.example",
)


def some() -> Review:
    desk = aged(100, "dev", "prod")
    desk.save(PROD)
    desk.save(OKX)
    until = str(desk.clock().date() + timedelta(days=9))
    return signed(desk, {DEV: {**GRANT, "until": until}})


def poisoned(text: str) -> Review:
    """Give a review in which every text that others write is this one."""
    review = some()
    rows = [
        row.model_copy(
            update={
                "owner": text,
                "sentence": text,
                "stored_by": text,
                "stored_why": text,
                "decision": row.decision
                and row.decision.model_copy(update={"reason": text, "control": text, "by": text}),
            }
        )
        for row in review.rows
    ]
    environments = [
        each.model_copy(update={"operator": text, "foreign": (text,), "notes": (text,), "region": text})
        for each in review.environments
    ]
    return review.model_copy(update={"rows": tuple(rows), "environments": tuple(environments)})


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("grouping", GROUPINGS)
def test_the_same_review_gives_the_same_bytes(form: str, grouping: Grouping) -> None:
    review = some()
    data = export(review, form, grouping)
    assert export(parse(canonical(review)), form, grouping) == data
    assert export(review, form, grouping) == data


@pytest.mark.parametrize("form", FORMATS[1:])
def test_the_hash_of_the_document_is_on_it(form: str) -> None:
    review = some()
    text = export(review, form).decode().replace("\r\n ", "")
    assert digest(canonical(review)) in text


class TestCsv:
    def rows(self, review: Review) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(export(review, "csv").decode(), newline="")))

    def test_one_line_a_credential_under_its_titles(self) -> None:
        rows = self.rows(some())
        assert len(rows) == 3
        dev = next(row for row in rows if row["exchange"] == "kraken" and row["environment"] == "dev")
        assert (dev["status"], dev["standing"], dev["days_left"], dev["days_over"]) == ("overdue", "due-soon", "", "10")
        assert (dev["decision"], dev["reason"], dev["signed"]) == ("extend", GRANT["reason"], "yes")

    @pytest.mark.parametrize("text", EVIL)
    def test_no_cell_starts_a_formula(self, text: str) -> None:
        rows = self.rows(poisoned(text))
        assert len(rows) == 3
        for row in rows:
            assert set(row) == set(TITLES)
            for cell in row.values():
                assert not re.match(r"[\s\u00a0]*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell), cell
        assert rows[0]["owner"] in (text, f"'{text}")

    @given(text=st.text(max_size=30))
    def test_every_text_comes_back_and_starts_no_formula(self, text: str) -> None:
        try:
            rows = self.rows(_WITH_OWNER(text))
        except UnicodeEncodeError:
            return
        cell = rows[0]["owner"]
        assert cell in (text, f"'{text}")
        assert not re.match(r"[ ]*[=+\-@\t\r\n]", cell)


def _with_owner(text: str) -> Review:
    row = _SOME.rows[0].model_copy(update={"owner": text})
    return _SOME.model_copy(update={"rows": (row,)})


_SOME = some()
_WITH_OWNER = _with_owner


class Tags(HTMLParser):
    """Collect what a browser would see as tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]


KNOWN_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "code", "table", "tr", "th", "td"),
    *("meter", "section", "ul", "li"),
}


@pytest.mark.parametrize("text", EVIL)
def test_the_page_has_no_script_no_link_and_no_tag_of_others(text: str) -> None:
    page = export(poisoned(text), "html").decode()
    seen = Tags()
    seen.feed(page)
    assert seen.tags <= KNOWN_TAGS
    assert seen.attributes <= {"lang", "charset", "name", "content", "class", "min", "max", "value", "http-equiv"}
    assert seen.links == []
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src &#x27;none&#x27;" in page
    for wanted in ("prefers-color-scheme:dark", "@media print"):
        assert wanted in style


@pytest.mark.parametrize("text", EVIL)
def test_markdown_has_no_markup_of_others(text: str) -> None:
    written = export(poisoned(text), "markdown").decode()
    cells = {line.replace("\\|", "").count("|") for line in written.splitlines() if line.startswith("| dev/")}
    assert cells == {8}
    bare = re.sub(r"\\.", "", written)
    assert "<" not in bare
    assert "](" not in bare
    assert "http://" not in written
    assert "\x1b" not in written


class TestCalendar:
    def events(self, review: Review) -> list[dict[str, str]]:
        data = export(review, "ics")
        assert data.endswith(b"END:VCALENDAR\r\n")
        lines = data.split(b"\r\n")
        assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
        unfolded = data.decode().replace("\r\n ", "").split("\r\n")
        assert (unfolded.count("BEGIN:VCALENDAR"), unfolded.count("END:VCALENDAR")) == (1, 1)
        assert unfolded.count("BEGIN:VEVENT") == unfolded.count("END:VEVENT")
        events: list[dict[str, str]] = []
        for line in unfolded:
            name, _, value = line.partition(":")
            if line == "BEGIN:VEVENT":
                events.append({})
            elif events:
                events[-1][name] = value
        return events

    def test_due_dates_are_all_day_events(self) -> None:
        review = some()
        events = {event["SUMMARY"]: event for event in self.events(review)}
        assert set(events) == {
            *("dev/kraken: extension ends", "dev/okx: due by policy", "prod/kraken: due by policy"),
            "Rotation-age review",
        }
        ends = review.at.date() + timedelta(days=9)
        assert events["dev/kraken: extension ends"]["DTSTART;VALUE=DATE"] == f"{ends:%Y%m%d}"
        assert events["dev/kraken: extension ends"]["DTEND;VALUE=DATE"] == f"{ends + timedelta(days=1):%Y%m%d}"
        assert events["Rotation-age review"]["DTSTART;VALUE=DATE"] == f"{review.at.date() + timedelta(days=7):%Y%m%d}"

    def test_an_event_keeps_its_uid_and_a_later_one_counts(self) -> None:
        desk = aged(50)
        before = self.events(taken(desk))[0]
        desk.clock.forward(days=7)
        after = self.events(taken(desk))[0]
        assert before["UID"] == after["UID"]
        assert int(before["SEQUENCE"]) < int(after["SEQUENCE"]) < 2**31
        uids = [event["UID"] for event in self.events(some())]
        assert len(set(uids)) == len(uids)

    @pytest.mark.parametrize("text", EVIL)
    def test_no_text_makes_a_line_of_its_own(self, text: str) -> None:
        assert len(self.events(poisoned(text))) == 4

    @given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
    def test_lines_are_folded_between_characters(self, text: str) -> None:
        row = _SOME.rows[0].model_copy(update={"sentence": text})
        (event, _) = self.events(_SOME.model_copy(update={"rows": (row,)}))
        assert not re.search(r"(?<!\\)(\\\\)*[;,]", event["DESCRIPTION"].replace("\\;", "").replace("\\,", ""))


class TestSummary:
    def test_groups(self) -> None:
        desk = Desk("dev", "prod")
        accounts = CredentialRef("dev", "kraken@mm1")
        for ref in (DEV, PROD, OKX, accounts):
            desk.save(ref)
        desk.inner["dev"].tag("mm-bot/dev/okx/api_key", {"mm:owner": "desk-a"})
        review = taken(desk)
        names = {by: [(each.name, len(each.rows)) for each in group(review, by)] for by in GROUPINGS}
        assert names == {
            "environment": [("dev", 3), ("prod", 1)],
            "exchange": [("kraken", 3), ("okx", 1)],
            "owner": [(NO_OWNER, 3), ("desk-a", 1)],
        }

    def test_a_signed_extension_counts_and_one_that_is_withdrawn_does_not(self) -> None:
        desk = aged(100)
        assert standing(row_of(taken(desk), DEV), taken(desk)) == "overdue"
        until = desk.clock().date() + timedelta(days=20)
        record(desk, signed(desk, {DEV: {**GRANT, "until": str(until)}}))
        review = taken(desk)
        assert (standing(row_of(review, DEV), review), row_of(review, DEV).age.status) == ("extended", "overdue")
        assert failing(review, "overdue") == ()
        desk.clock.forward(days=7)
        review = taken(desk)
        assert standing(row_of(review, DEV), review) == "due-soon"
        how: tuple[FailOn, FailOn] = ("overdue", "due-soon")
        assert [len(failing(review, each)) for each in how] == [0, 1]
        ends = due(row_of(review, DEV))
        assert ends is not None
        assert ends.date() == until + timedelta(days=1)
        withdrawn = signed(desk, {DEV: {"decision": "rotate-now"}})
        assert standing(row_of(withdrawn, DEV), withdrawn) == "overdue"

    def test_unknown_ages_fail_whatever_was_decided(self) -> None:
        review = some()
        age = review.rows[0].age.model_copy(update={"status": "unknown"})
        unknown = review.model_copy(update={"rows": (review.rows[0].model_copy(update={"age": age}), *review.rows[1:])})
        assert counts(unknown.rows, unknown)["unknown"] == 1
        assert [row.credential for row in failing(unknown, "overdue")] == [unknown.rows[0].credential]

    def test_what_will_be_overdue_by_a_day(self) -> None:
        desk = aged(50)
        review = taken(desk)
        end = due(row_of(review, DEV))
        assert end is not None
        day = end.date()
        assert overdue_by(review, day - timedelta(days=1)) == ()
        assert [row.credential for row in overdue_by(review, day)] == [str(DEV)]
        assert failing(review, "overdue") == ()
        assert len(failing(review, "overdue", day)) == 1

    @given(days=st.integers(0, 120))
    def test_the_strip_has_each_due_date_of_90_days_once(self, days: int) -> None:
        desk = Desk("dev", rotation_days=120)
        desk.save(DEV)
        desk.clock.forward(days=days)
        review = taken(desk)
        weeks = strip(review)
        left = 120 - days
        assert len(weeks) == WEEKS
        assert sum(week.due for week in weeks) == (1 if 0 < left <= 90 else 0)
        hit = [week for week in weeks if week.due]
        assert all(week.start <= date(2025, 6, 29) < week.start + timedelta(days=7) for week in hit)
