"""Reviews over memory stores whose clock moves only when told, and decisions files as an operator writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from secrets_core.names import CredentialRef
from secrets_core.review.decisions import decide, parse_decisions
from secrets_core.review.document import Review, Row
from secrets_core.review.population import build, look
from secrets_core.review.signing import Recorded, sign
from tests.core.desk import Desk

DEV, PROD, OKX = CredentialRef("dev", "kraken"), CredentialRef("prod", "kraken"), CredentialRef("dev", "okx")
GRANT = {"decision": "extend", "reason": "the venue is in maintenance", "control": "trading limits halved"}


def taken(desk: Desk, *environments: str, check_dates: bool = False) -> Review:
    """Review these environments now, or all."""
    names = environments or desk.service.environments
    return build([look(desk.service, name, check_dates=check_dates) for name in names], desk.clock())


def row_of(review: Review, ref: CredentialRef) -> Row:
    """Give a credential's row."""
    return next(row for row in review.rows if row.credential == str(ref))


def file_of(decisions: Mapping[Any, Mapping[str, object]], **more: object) -> bytes:
    """Write a decisions file."""
    entries = [{"credential": str(credential), **entry} for credential, entry in decisions.items()]
    return json.dumps({"format": 1, "decisions": entries, **more}).encode()


def signed(desk: Desk, decisions: Mapping[Any, Mapping[str, object]], *environments: str, **more: object) -> Review:
    """Review, decide and sign, but record nothing yet."""
    parsed = parse_decisions(file_of(decisions, **more))
    return sign(decide(taken(desk, *environments), parsed), parsed)


def record(desk: Desk, review: Review) -> list[Recorded]:
    """Record a signed review in all of its environments."""
    for environment in review.environments:
        desk.service.lift_read_only(environment.name)
    return [desk.service.sign_review(environment.name, review) for environment in review.environments]


def aged(days: float, *environments: str, ref: CredentialRef = DEV) -> Desk:
    """Give a desk with one credential of that age."""
    desk = Desk(*(environments or ("dev",)))
    desk.save(ref)
    desk.clock.forward(days=days)
    return desk
