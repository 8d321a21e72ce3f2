"""Checking documents of reviews: their form, the chain between them, and the record in the store that ends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from secrets_core.errors import CoreError
from secrets_core.review.document import Review, ReviewProblem, digest, parse
from secrets_core.review.record import HeldRecord


class Result(StrEnum):
    """What is proven of one document in one environment; the value is the word shown."""

    SIGNED = "signed"
    """The record in the store is of this document, or leads to it through the other files."""
    NOT_LINKED = "not linked"
    """Older than the record, and the documents between them were not given."""
    BROKEN = "chain broken"
    """The document that follows names another one in its place."""
    NOT_SIGNED = "not the signed one"
    """The record has another document under its number, or none that far."""
    UNKNOWN = "record not readable"


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its document and hash, or why it is none."""

    review: Review | None
    document: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """One document in one of its environments."""

    environment: str
    number: int
    result: Result


Records = Mapping[str, HeldRecord | CoreError | None]
"""By environment: the record, why it cannot be read, or ``None`` before a first review."""


def read_document(data: bytes) -> Document:
    """Read one file's bytes; what is no signed review in its one form is a problem."""
    problem = ""
    try:
        review = parse(data)
    except ReviewProblem as error:
        problem = error.message
        review = None
    if review is None:
        return Document(None, problem=problem)
    if review.signature is None:
        return Document(None, problem="The review in that file is not signed.")
    return Document(review, digest(data))


def verify(documents: Sequence[Document], records: Records) -> tuple[tuple[Checked, ...], ...]:
    """Check documents against each other and against the records; gives for each its environments. No I/O."""
    signed = {name: _signed(name, documents, record) for name, record in records.items()}
    return tuple(
        ()
        if document.review is None
        else tuple(
            Checked(
                environment.name,
                environment.chain.number if environment.chain else 0,
                _result(environment.name, document, documents, records.get(environment.name), signed),
            )
            for environment in document.review.environments
        )
        for document in documents
    )


def _place(document: Document, environment: str) -> tuple[int, str] | None:
    """Give a document's number in an environment and the hash that it follows."""
    found = document.review.environments if document.review is not None else ()
    chain = next((each.chain for each in found if each.name == environment), None)
    return (chain.number, chain.previous) if chain is not None else None


def _signed(environment: str, documents: Sequence[Document], held: HeldRecord | CoreError | None) -> frozenset[str]:
    """Follow the chain from the record back through the files; gives the hashes of those that it reaches."""
    if not isinstance(held, HeldRecord):
        return frozenset()
    by_hash = {document.document: document for document in documents if document.review is not None}
    wanted, number = held.record.document, held.record.number
    reached: set[str] = set()
    while wanted in by_hash and wanted not in reached:
        place = _place(by_hash[wanted], environment)
        if place is None or place[0] != number:
            break
        reached.add(wanted)
        wanted, number = place[1], number - 1
    return frozenset(reached)


def _result(
    environment: str,
    document: Document,
    documents: Sequence[Document],
    held: HeldRecord | CoreError | None,
    signed: Mapping[str, frozenset[str]],
) -> Result:
    if document.document in signed.get(environment, frozenset()):
        return Result.SIGNED
    place = _place(document, environment)
    number = place[0] if place is not None else 0
    follows = [
        after[1] for other in documents if (after := _place(other, environment)) is not None and after[0] == number + 1
    ]
    if follows and document.document not in follows:
        return Result.BROKEN
    if isinstance(held, CoreError):
        return Result.UNKNOWN
    last = held.record if held is not None else None
    if last is None or number >= last.number:
        return Result.NOT_SIGNED
    if number == last.number - 1 and last.previous != document.document:
        return Result.BROKEN
    return Result.NOT_LINKED
