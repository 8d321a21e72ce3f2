"""Signing a review: complete and decided, written to its file first, then recorded environment by environment.

Killed in between, ``record_review`` with the same document finishes: what a record says follows from the document
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from secrets_core.clock import Clock
from secrets_core.errors import CoreError, Refused
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.review.decisions import Decisions, undecided
from secrets_core.review.document import Correction, Decision, Review, ReviewProblem, Row, Signature, canonical, digest
from secrets_core.review.record import RecordedPromise, ReviewRecord, write_record
from secrets_core.stores.base import SecretStore
from secrets_core.tags import EXTEND, Extension, format_extension
from secrets_core.versions import new_version_id, tail

NEXT = timedelta(days=7)
FURTHEST = timedelta(days=31)
"""How far away the next review may be at most."""
RESUMABLE = timedelta(hours=24)
"""How long an interrupted signing can be finished: later, what was looked at is not what is there."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What signing did in one environment."""

    environment: str
    new: bool
    """False where the record named this document already."""
    notices: tuple[str, ...] = ()


def sign(review: Review, decisions: Decisions) -> Review:
    """Give the review as it is signed: with who signs, when the next one is, and what it corrects. No I/O.

    Raises ``ReviewProblem``: it is not complete, a row lacks a decision, the date of the next one is out of reach, or
    it corrects what is not the last review of any of its environments.
    """
    if not review.complete:
        raise ReviewProblem(
            f"The review is not complete and cannot be signed. {review.gaps[0].sentence}",
            hint="Mend that and review again, or review the other environments alone with --env.",
            path=review.gaps[0].environment,
        )
    lacking = undecided(review)
    if lacking:
        names = ", ".join(row.credential for row in lacking[:10]) + (", ..." if len(lacking) > 10 else "")
        raise ReviewProblem(
            f"{len(lacking)} {'row lacks' if len(lacking) == 1 else 'rows lack'} a decision: {names}.",
            hint="Decide on each: rotate-now, extend or retire.",
            path=lacking[0].credential,
        )
    return review.model_copy(
        update={
            "signature": Signature(
                by={environment.name: environment.operator for environment in review.environments},
                next=_next(review, decisions.next),
                corrects=_corrects(review, decisions.corrects),
            )
        }
    )


def record_review(store: SecretStore, environment: str, review: Review) -> Recorded:
    """Make this signed review the last one of the environment, and put its extensions into tags. I/O.

    A repeat finishes what was interrupted. Raises ``ReviewProblem`` (not signed, or without this environment),
    ``Refused`` (another operator signed it), ``Conflict`` (another review was signed meanwhile), and what the store
    raises. A tag that cannot be written is a notice: the record counts.
    """
    signature = review.signature
    if signature is None:
        raise ReviewProblem("The review is not signed.", hint="Sign it with review --sign.")
    operator = store.identity().operator
    if signature.by.get(environment) != operator:
        raise Refused(
            "Another operator signed this review.",
            guard="signer",
            hint="Whoever signed it can record it.",
            path=environment,
        )
    rows = [row for row in review.rows if row.environment == environment]
    record = _record(environment, review, signature, rows)
    new = write_record(store, environment, record, lambda: new_version_id(review.at))
    notices: list[str] = []
    for row in rows:
        try:
            _tag(store, row)
        except CoreError as error:
            notices.append(f"The tag of {row.credential} could not be written: {error.message} The record holds it.")
    return Recorded(environment, new, tuple(notices))


def record_all(
    names: Sequence[str], record: Callable[[str], Recorded]
) -> tuple[tuple[Recorded, ...], str | None, CoreError | None]:
    """Record one environment after the other, in the order of their names, and stop at the first that fails.

    The order is the same for everybody, so that of two signers one wins everywhere that both reach first. Gives what
    was recorded, and where and why it stopped.
    """
    done: list[Recorded] = []
    for name in sorted(names):
        try:
            done.append(record(name))
        except CoreError as error:
            return tuple(done), name, error
    return tuple(done), None, None


def check_resumable(review: Review, clock: Clock) -> None:
    """Raise ``ReviewProblem`` for a document whose signing can no longer be finished."""
    if review.signature is None:
        raise ReviewProblem("The review in that file is not signed.", hint="Sign it with review --sign.")
    if not timedelta() <= clock() - review.at + timedelta(minutes=5) <= RESUMABLE + timedelta(minutes=5):
        raise ReviewProblem(
            "The review in that file is more than 24 hours old, or of the future.", hint="Review anew and sign that."
        )


def _record(environment: str, review: Review, signature: Signature, rows: Sequence[Row]) -> ReviewRecord:
    chain = review.environment(environment).chain
    if chain is None:
        raise ReviewProblem("The review does not know what it follows.", path=environment)
    return ReviewRecord(
        number=chain.number,
        document=digest(canonical(review)),
        previous=chain.previous,
        signed_at=review.at,
        by=signature.by[environment],
        next=signature.next,
        corrects=signature.corrects.document if signature.corrects else "",
        promises={
            row.exchange: _promise(row, row.decision, review, signature)
            for row in rows
            if row.decision is not None and row.decision.decision != "keep"
        },
    )


def _promise(row: Row, decision: Decision, review: Review, signature: Signature) -> RecordedPromise:
    before = row.promise if row.promise is not None and row.promise.decision == decision.decision else None
    # An extension is a new promise each time; to rotate or to retire is the same one until it is done.
    lasts = before is not None and (decision.decision != "extend" or decision.standing)
    return RecordedPromise(
        kind=decision.decision,
        version_tail=tail(row.version) if row.version else "",
        due=decision.until or signature.next,
        first=before.first if before is not None and lasts else review.at.date(),
        extensions=decision.count,
    )


def _tag(store: SecretStore, row: Row) -> None:
    decision = row.decision
    leader = secret_name(CredentialRef(row.environment, row.exchange), LEADER)
    if decision is None or decision.standing:
        return
    if decision.decision == "extend" and decision.until is not None and row.version is not None:
        extension = Extension(tail(row.version), decision.until, decision.by, decision.count)
        store.tag(leader, {EXTEND: format_extension(extension)})
    elif row.extended is not None:
        store.untag(leader, [EXTEND])


def _next(review: Review, wanted: date | None) -> date:
    today = review.at.date()
    if wanted is None:
        return today + NEXT
    if not today < wanted <= today + FURTHEST:
        raise ReviewProblem(
            f"The next review is after today and by {today + FURTHEST}.",
            hint="Mend next in the decisions.",
            path="next",
        )
    return wanted


def _corrects(review: Review, correction: Correction | None) -> Correction | None:
    if correction is None:
        return None
    lasts = [environment.last_review for environment in review.environments]
    if not any(last is not None and last.document == correction.document for last in lasts):
        raise ReviewProblem(
            "It corrects a review that is not the last one of any of its environments.",
            hint="Take the hash of the last review; what came before it stays as it was.",
            path="corrects",
        )
    return correction
