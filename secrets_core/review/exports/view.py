"""What every readable form of a review shows, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass

from secrets_core.review.document import Environment, Review, Row, written_time
from secrets_core.review.rows import FLAGS
from secrets_core.review.summary import Grouping, extension


@dataclass(frozen=True, slots=True)
class View:
    """A document, its hash, and how its rows are grouped."""

    review: Review
    document: str
    grouping: Grouping = "environment"

    @property
    def title(self) -> str:
        """The heading, with the day."""
        return f"Rotation-age review of {self.review.at.date()}"

    @property
    def standing(self) -> str:
        """Whether it is signed, a draft, or not even whole."""
        signature = self.review.signature
        if signature is None:
            return "Draft, not signed." if self.review.complete else "INCOMPLETE: it cannot be signed."
        signers = ", ".join(sorted(set(signature.by.values())))
        corrects = f" It corrects {signature.corrects.document}: {signature.corrects.why}" if signature.corrects else ""
        return f"Signed by {signers}. The next review is on {signature.next}.{corrects}"


def age_text(row: Row) -> str:
    """Give a row's age in days, marked where it is an upper bound."""
    if row.age.days is None:
        return "not known"
    return f"at most {row.age.days} d" if "upper-bound" in row.flags else f"{row.age.days} d"


def due_text(row: Row) -> str:
    """Give when a row is due, and by whose rule."""
    if row.age.due is None:
        return "not known"
    return f"{row.age.due.date()} ({row.decides}, {limit_days(row)} d)"


def limit_days(row: Row) -> int:
    """Give the days of the limit that decides."""
    limit = row.exchange_limit
    return limit.days if row.decides == "exchange" and limit is not None else row.policy.days


def share(row: Row) -> int | None:
    """Give how much of its life is over, in whole percent, 100 at most."""
    return None if row.age.days is None else min(100 * row.age.days // limit_days(row), 100)


def extended_text(row: Row) -> str:
    """Give until when it is extended, and how often it has been."""
    extended = extension(row) or row.extended
    if extended is None:
        return ""
    unsigned = "" if extended.signed else ", by a tag alone"
    return f"until {extended.until} ({extended.count}x{unsigned})"


def decision_text(row: Row) -> str:
    """Give what was decided, why, and by whom."""
    decision = row.decision
    if decision is None:
        return "NO DECISION" if row.needs_decision else ""
    said: list[str] = [decision.decision]
    if decision.until is not None:
        said.append(f"until {decision.until}")
    if decision.standing:
        said.append("as granted before")
    reasons = "; ".join(
        text for text in (decision.reason, f"control: {decision.control}" * bool(decision.control)) if text
    )
    by = f" [{decision.by}]" if decision.by else ""
    return " ".join(said) + (f": {reasons}" if reasons else "") + by


def notes_text(row: Row) -> str:
    """Give what a reader must know of a row: what is the matter, broken promises, flags, and the exchange's rules."""
    promise = row.promise
    said = [row.sentence] if row.sentence else []
    if promise is not None:
        late = f", {promise.days_late} d late" if promise.late else ""
        said.append(f"Promised since {promise.first}: {promise.decision} by {promise.due}{late}.")
    said += [
        f"{FLAGS[flag][:1].upper()}{FLAGS[flag][1:]}." for flag in row.flags if not flag.startswith(("promise", "late"))
    ]
    if row.exchange_limit is not None and row.exchange_limit.applies is not False:
        said.append(row.exchange_limit.sentence)
    said += [f"For information: {rule.sentence}" for rule in row.information]
    return " ".join(said)


def environment_facts(environment: Environment) -> tuple[tuple[str, str], ...]:
    """Give what is said of an environment, as label and text."""
    policy = environment.policy
    last = environment.last_review
    own = ", ".join(f"{name} {days} d" for name, days in sorted(policy.exchanges.items()))
    warned = f"warned of {policy.warn_days} d before ({policy.warn_source})"
    rules = f"{policy.rotation_days} d ({policy.rotation_source}), {warned}"
    facts = (
        ("Looked at by", environment.operator or "not known"),
        (
            "Where",
            " ".join(
                filter(None, (environment.backend, environment.account, environment.region, environment.endpoint_url))
            ),
        ),
        (
            "Listed",
            f"{environment.listing}, {written_time(environment.listed_at) if environment.listed_at else 'not now'}",
        ),
        ("Policy", f"{rules}{f'; settings file: {own}' if own else ''}"),
        ("Credentials", str(environment.credentials)),
        ("Scheduled for deletion", ", ".join(deleted.credential for deleted in environment.deleted)),
        ("Emergency credentials", ", ".join(environment.emergency)),
        ("Names that are not ours", ", ".join(environment.foreign)),
        (
            "Number",
            f"{environment.chain.number}, after {environment.chain.previous or 'none'}"
            if environment.chain
            else "not known",
        ),
        (
            "Last review",
            f"number {last.number} of {written_time(last.signed_at)} by {last.by}; this one was due on {last.next}"
            + (f", {last.days_late} d ago" if last.days_late else "")
            if last
            else "",
        ),
        ("Notes", " ".join(environment.notes)),
    )
    return tuple((label, text) for label, text in facts if text)
