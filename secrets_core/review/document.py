"""The document of one review: what it may hold, and the one form of its bytes, over which its hash is made.

Sorted keys, no spaces, ASCII, whole numbers only, times in UTC, one line with its end: the same review has the same
bytes everywhere, and ``sha256sum`` on the file gives its hash.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer, ValidationError

from secrets_core.errors import CoreError

FORMAT = 1
MAX_BYTES = 64 * 1024 * 1024
"""Longer files are not read; a review of 10,000 credentials has about 15 MB."""

DecisionKind = Literal["rotate-now", "extend", "retire", "keep"]
Status = Literal["fresh", "due-soon", "overdue", "unknown"]


class ReviewProblem(CoreError):
    """A review, a file of one, or its record cannot be used; the sentence says why."""

    code = "review"
    title = "That review cannot be used"


def written_time(time: datetime) -> str:
    """Give a time as ``2026-01-31T12:00:00Z``."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole_seconds(time: datetime | None) -> datetime | None:
    """Give a time in UTC without its fraction of a second, as the document has it."""
    return None if time is None else time.astimezone(UTC).replace(microsecond=0)


Instant = Annotated[
    AwareDatetime,
    AfterValidator(lambda time: time.astimezone(UTC).replace(microsecond=0)),
    PlainSerializer(written_time),
]


class Part(BaseModel):
    """A part of the document: frozen, and with no field beyond those named."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Gap(Part):
    """Why the population is not whole: such a review cannot be signed."""

    environment: str
    code: str
    sentence: str


class Policy(Part):
    """The policy in force in one environment, and where each rule comes from."""

    rotation_days: int
    rotation_source: str
    """``default`` or ``settings file``."""
    warn_days: int
    warn_source: str
    exchanges: dict[str, int]
    """Exchanges that the settings file gives days of their own."""


class Deleted(Part):
    """A credential that waits in its recovery window."""

    credential: str
    deleted_at: Instant | None


class Chain(Part):
    """The place of this review among those of one environment."""

    number: int
    previous: str
    """Hash of the document before it, or nothing for the first."""


class LastReview(Part):
    """What the environment's record says of the last signed review."""

    by: str
    signed_at: Instant
    next: date
    days_late: int
    """How many days after its date this review takes place; 0 in time."""
    document: str
    number: int


class Environment(Part):
    """One environment of the population: where it is, who looked with which rights, and what is not a row."""

    name: str
    state: str
    backend: str
    endpoint_url: str | None
    operator: str
    account: str | None
    region: str | None
    listed_at: Instant | None
    listing: Literal["whole", "known names only", "none"]
    credentials: int
    deleted: tuple[Deleted, ...]
    emergency: tuple[str, ...]
    foreign: tuple[str, ...]
    policy: Policy
    chain: Chain | None
    """``None`` where the record of the last review could not be read."""
    last_review: LastReview | None
    notes: tuple[str, ...]


class Age(Part):
    """The age of the current version, its source, and what follows from it."""

    born: Instant | None
    source: str
    days: int | None
    due: Instant | None
    days_left: int | None
    status: Status


class PolicyLimit(Part):
    """When policy ends the credential."""

    days: int
    due: Instant | None
    source: str


class ExchangeLimit(Part):
    """When the exchange itself ends the key."""

    days: int
    due: Instant | None
    applies: bool | None
    """``None``: that hangs on an address list nobody recorded; then it decides nothing."""
    sentence: str


class Information(Part):
    """A rule of the exchange that decides no date: an event, or inactivity."""

    kind: str
    days: int | None
    sentence: str


class Extended(Part):
    """An extension that was granted to the current version."""

    until: date
    count: int
    by: str
    signed: bool
    """The signed record holds it; else only a tag says so, which anybody who may tag can write."""


class Promise(Part):
    """What the last review promised of this credential, and that it has not happened."""

    decision: DecisionKind
    first: date
    """Since when it has been promised."""
    due: date
    late: bool
    days_late: int


class Decision(Part):
    """What was decided of a row, and by whom."""

    decision: DecisionKind
    by: str
    until: date | None = None
    reason: str = ""
    control: str = ""
    """The control that compensates for the age meanwhile."""
    count: int = 0
    """How often this version has been extended, this time included."""
    standing: bool = False
    """An earlier review granted it and it is still in force: nothing new was decided."""


class Row(Part):
    """One credential of the population."""

    credential: str
    environment: str
    exchange: str
    venue: str
    owner: str
    condition: str
    sentence: str
    pair_state: str
    version: str | None
    fingerprint: str
    stored_by: str
    stored_why: str
    stored_at: Instant | None
    age: Age
    policy: PolicyLimit
    exchange_limit: ExchangeLimit | None
    decides: Literal["policy", "exchange"]
    information: tuple[Information, ...]
    backend_created: Instant | None
    """When the backend created the current version, where that was read."""
    extended: Extended | None
    extensions: int
    """How often this key has been extended so far, whether that is in force or not."""
    promise: Promise | None
    flags: tuple[str, ...]
    needs_decision: bool
    """It is not fresh, and no signed extension is in force."""
    decision: Decision | None = None

    @property
    def is_fresh(self) -> bool:
        """Tell whether it can simply be kept: known to be young enough, and usable."""
        return self.age.status == "fresh" and "unusable" not in self.flags


class Correction(Part):
    """Which signed review this one corrects, and why."""

    document: str
    why: str


class Signature(Part):
    """Who signed, for which environments, and when the next review is."""

    by: dict[str, str]
    next: date
    corrects: Correction | None = None


class Review(Part):
    """One review of some environments at one time."""

    format: Literal[1] = 1
    kind: Literal["mm-secrets rotation-age review"] = "mm-secrets rotation-age review"
    at: Instant
    complete: bool
    gaps: tuple[Gap, ...]
    environments: tuple[Environment, ...]
    rows: tuple[Row, ...]
    """Worst first."""
    signature: Signature | None = None

    def environment(self, name: str) -> Environment:
        """Give one of its environments; raise ``ReviewProblem`` where it has no such one."""
        found = next((each for each in self.environments if each.name == name), None)
        if found is None:
            raise ReviewProblem("The review has no such environment.", path=name)
        return found


def canonical(review: Review) -> bytes:
    """Give the one form of the document's bytes."""
    data = review.model_dump(mode="json")
    return (json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode("ascii")


def digest(data: bytes) -> str:
    """Give the hash of a document's bytes: SHA-256, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def parse(data: bytes) -> Review:
    """Read a document; raise ``ReviewProblem`` for what is none, or is not in the one form that has a hash.

    The problem holds nothing of the file: whoever names the wrong one has not printed it.
    """
    review: Review | None = None
    if len(data) <= MAX_BYTES:
        try:
            review = Review.model_validate_json(data)
        except ValidationError:
            review = None
    if review is None:
        raise ReviewProblem(
            "The file holds no review of this format.",
            hint="Give the JSON file that review --out or review --sign wrote.",
        )
    if canonical(review) != data:
        raise ReviewProblem(
            "The file holds a review that was written anew: its bytes are not those that were hashed.",
            hint="Give the file as it was written.",
        )
    return review
