"""What a reviewer decides: read from a file, and judged row by row before anything is signed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, get_args

from secrets_core.errors import CoreError, InvalidName
from secrets_core.names import parse_ref
from secrets_core.review.document import Correction, Decision, DecisionKind, Review, Row
from secrets_core.versions import tail

MAX_EXTENSION = timedelta(days=30)
"""How far one extension reaches at most, from the review or from the day the row is due, whichever is later."""
MAX_TEXT = 300
LIMIT = 4 * 1024 * 1024
"""Longer decisions files are not read."""
KINDS: tuple[str, ...] = get_args(DecisionKind)
_FIELDS = ("credential", "decision", "until", "reason", "control", "by", "version")


@dataclass(frozen=True, slots=True)
class Ruling:
    """One refused decision: which row, by which rule, and the sentence."""

    credential: str
    """Empty where the file names no credential that can be one."""
    rule: str
    sentence: str


class DecisionsRefused(CoreError):
    """Some decisions break a rule; nothing was signed."""

    code = "decisions-refused"
    title = "These decisions cannot stand"

    def __init__(self, rulings: Sequence[Ruling]) -> None:
        """Take all that is refused; the sentence has the first ten."""
        shown = " ".join(
            f"{ruling.credential or 'Decisions'} ({ruling.rule}): {ruling.sentence}" for ruling in rulings[:10]
        )
        more = f" And {len(rulings) - 10} more." if len(rulings) > 10 else ""
        super().__init__(shown + more, hint="Mend the decisions; nothing was signed.", path="--decide")
        self.rulings = tuple(rulings)


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision as the file has it."""

    credential: str
    decision: str
    until: date | None = None
    reason: str = ""
    control: str = ""
    by: str = ""
    version: str = ""
    """The last 12 characters of the version it is about, where the file names one."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """A whole decisions file."""

    decisions: Mapping[str, Decided] = field(default_factory=dict)
    next: date | None = None
    corrects: Correction | None = None


def parse_decisions(data: bytes) -> Decisions:
    """Read a decisions file; raise ``DecisionsRefused``, which repeats no text of the file but names of credentials."""
    entries: Any = None
    try:
        entries = json.loads(data) if len(data) <= LIMIT else None
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, dict) or entries.get("format") != 1 or not isinstance(entries.get("decisions"), list):
        raise DecisionsRefused([Ruling("", "format", 'The file is not {"format": 1, "decisions": [...]}.')])
    refused: list[Ruling] = []
    if entries.keys() - {"format", "decisions", "next", "corrects"}:
        refused.append(
            Ruling("", "surplus-field", "The file has a field that is none of format, decisions, next, corrects.")
        )
    found: dict[str, Decided] = {}
    for number, entry in enumerate(entries["decisions"], 1):
        decided = _decided(entry, number)
        if isinstance(decided, Ruling):
            refused.append(decided)
        elif decided.credential in found:
            refused.append(Ruling(decided.credential, "twice", "There are two decisions on it."))
        else:
            found[decided.credential] = decided
    next_review = _date(entries["next"]) if entries.get("next") is not None else None
    if entries.get("next") is not None and next_review is None:
        refused.append(Ruling("", "date", "next is not a date such as 2026-01-31."))
    corrects, ruling = _correction(entries.get("corrects"))
    refused += [ruling] if ruling else []
    if refused:
        raise DecisionsRefused(refused)
    return Decisions(found, next_review, corrects)


def decide(review: Review, decisions: Decisions) -> Review:
    """Give the review with a decision on every row that has one; fresh rows without one are kept.

    A decision without ``by`` is that of the operator who looked. Raises ``DecisionsRefused`` with all that breaks
    a rule.
    """
    refused: list[Ruling] = []
    known = {row.credential for row in review.rows}
    gone = {deleted.credential for environment in review.environments for deleted in environment.deleted}
    for credential in decisions.decisions:
        if credential in gone:
            refused.append(Ruling(credential, "deleted", "It is scheduled for deletion and needs no decision."))
        elif credential not in known:
            refused.append(Ruling(credential, "unknown-credential", "It is not in this review."))
    rows: list[Row] = []
    for row in review.rows:
        decided = decisions.decisions.get(row.credential)
        reviewer = review.environment(row.environment).operator
        if decided is None:
            rows.append(row.model_copy(update={"decision": _undecided(row, reviewer)}))
            continue
        rulings = list(judge(row, decided, review.at))
        refused += rulings
        if not rulings:
            rows.append(
                row.model_copy(update={"decision": _decision(review, row, decided, reviewer, decisions.corrects)})
            )
    if refused:
        raise DecisionsRefused(refused)
    return review.model_copy(update={"rows": tuple(rows)})


def _undecided(row: Row, reviewer: str) -> Decision | None:
    """Give what holds for a row that nobody decided on: a fresh one is kept, an extension in force stands."""
    if row.needs_decision:
        return None
    if row.is_fresh or row.extended is None:
        return Decision(decision="keep", by=reviewer)
    extended = row.extended
    return Decision(decision="extend", by=extended.by, until=extended.until, count=extended.count, standing=True)


def undecided(review: Review) -> tuple[Row, ...]:
    """Give the rows that still need a decision."""
    return tuple(row for row in review.rows if row.needs_decision and row.decision is None)


def judge(row: Row, decided: Decided, at: datetime) -> Iterator[Ruling]:
    """Give every rule that a decision on this row breaks; a console asks it while the reviewer types."""

    def ruling(rule: str, sentence: str) -> Ruling:
        return Ruling(row.credential, rule, sentence)

    if decided.version and (row.version is None or tail(row.version) != tail(decided.version)):
        yield ruling("version-changed", "It has another version than the one that was decided on.")
    if decided.decision == "keep" and not row.is_fresh:
        state = row.pair_state if row.age.status == "fresh" else row.age.status
        yield ruling("keep-not-fresh", f"It is {state}: only a fresh one is kept.")
    if decided.decision != "extend":
        if decided.until is not None:
            yield ruling("surplus-until", "Only an extension has a day until which it lasts.")
        return
    for name, text in (("reason", decided.reason), ("control", decided.control)):
        if not text:
            yield ruling(
                f"{name}-missing", f"An extension wants a {'compensating control' if name == 'control' else name}."
            )
    if decided.until is None:
        yield ruling("until-missing", "An extension wants the day until which it lasts.")
        return
    yield from (ruling(rule, sentence) for rule, sentence in _extension_rules(row, decided.until, at))


def latest_extension(row: Row, at: datetime) -> date:
    """Give the last day to which a row can be extended now, by the cap and by the exchange's own end."""
    start = max(at, row.age.due or at)
    latest = (start + MAX_EXTENSION).date()
    limit = row.exchange_limit
    if limit is not None and limit.applies and limit.due is not None:
        return min(latest, limit.due.date() - timedelta(days=1))
    return latest


def _extension_rules(row: Row, until: date, at: datetime) -> Iterator[tuple[str, str]]:
    limit = row.exchange_limit
    if until <= at.date():
        yield "until-past", "An extension ends after the day of the review."
    elif row.age.due is not None and row.age.status != "unknown" and until <= row.age.due.date():
        yield "until-needless", f"It is not due before {row.age.due.date()}."
    start = max(at, row.age.due or at)
    if until > (start + MAX_EXTENSION).date():
        yield (
            "until-too-far",
            f"One extension lasts {MAX_EXTENSION.days} days at most: {(start + MAX_EXTENSION).date()}.",
        )
    if limit is not None and limit.applies:
        if limit.due is None:
            yield "exchange-end-unknown", f"Its age is not known, and the exchange ends it. {limit.sentence}"
        elif until >= limit.due.date():
            yield "exchange-end", f"The exchange itself ends it on {limit.due.date()}. {limit.sentence}"


def _decision(review: Review, row: Row, decided: Decided, reviewer: str, corrects: Correction | None) -> Decision:
    before = row.extensions
    last = review.environment(row.environment).last_review
    if corrects is not None and last is not None and last.document == corrects.document and row.promise is not None:
        # What the corrected review itself granted is granted anew here, or withdrawn: it counts once, or not at all.
        before -= int(row.promise.decision == "extend" and row.promise.first == last.signed_at.date())
    kind = decided.decision
    return Decision.model_validate(
        {
            "decision": kind,
            "by": decided.by or reviewer,
            "until": decided.until,
            "reason": decided.reason,
            "control": decided.control,
            "count": max(before, 0) + 1 if kind == "extend" else before,
        }
    )


def _decided(entry: Any, number: int) -> Decided | Ruling:
    named = entry.get("credential") if isinstance(entry, dict) else None
    credential = ""
    try:
        credential = str(parse_ref(named)) if isinstance(named, str) else ""
    except InvalidName:
        credential = ""
    if not credential:
        return Ruling("", "unknown-credential", f"Decision {number} names no credential such as prod/bybit.")
    if entry.keys() - set(_FIELDS):
        return Ruling(credential, "surplus-field", f"A decision has only {', '.join(_FIELDS)}.")
    if entry.get("decision") not in KINDS:
        return Ruling(credential, "unknown-decision", f"A decision is one of {', '.join(KINDS)}.")
    until = _date(entry["until"]) if entry.get("until") is not None else None
    if entry.get("until") is not None and until is None:
        return Ruling(credential, "date", "until is not a date such as 2026-01-31.")
    texts: dict[str, str] = {}
    for name in ("reason", "control", "by", "version"):
        text = entry.get(name, "")
        if not isinstance(text, str) or len(text) > MAX_TEXT or not text.isprintable():
            return Ruling(credential, f"{name}-text", f"{name} is one line of at most {MAX_TEXT} printable characters.")
        texts[name] = text.strip()
    return Decided(credential, entry["decision"], until, **texts)


def _correction(entry: Any) -> tuple[Correction | None, Ruling | None]:
    if entry is None:
        return None, None
    fields = entry if isinstance(entry, dict) else {}
    named, why = fields.get("document"), fields.get("why")
    sound = isinstance(named, str) and len(named) == 64 and not set(named) - set("0123456789abcdef")
    if not sound or not isinstance(why, str) or not why.strip() or len(why) > MAX_TEXT or not why.isprintable():
        return None, Ruling("", "corrects", 'corrects is {"document": the hash of a signed review, "why": one line}.')
    return Correction(document=str(named), why=why.strip()), None


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None
