"""Who is reviewed: everything of every environment, with what is missing, from metadata and control records alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from secrets_core import overview
from secrets_core.errors import CoreError, Refused
from secrets_core.names import CredentialRef
from secrets_core.pairs.states import PairState
from secrets_core.parallel import in_parallel
from secrets_core.review import document
from secrets_core.review.document import Chain, Deleted, Environment, Gap, LastReview, Policy, Review
from secrets_core.review.record import HeldRecord
from secrets_core.review.rows import build_row
from secrets_core.service import Service
from secrets_core.settings import EnvironmentSettings
from secrets_core.views import Action, CredentialRow, EnvironmentState, EnvironmentView


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at an environment found."""

    view: EnvironmentView
    settings: EnvironmentSettings
    last: HeldRecord | None = None
    gaps: tuple[Gap, ...] = ()
    unreadable: bool = False
    """The record of the last review could not be read, so that nobody knows what this one follows."""
    created: Mapping[CredentialRef, datetime] = field(default_factory=dict)
    """When the backend created current versions, where that was read."""
    notes: tuple[str, ...] = ()


def look(service: Service, environment: str, *, check_dates: bool = False) -> Look:
    """Look at one environment. I/O: one listing, the versions of legacy credentials, and the review's record.

    ``check_dates`` reads the backend's creation date of every current version too, a few calls for each credential.
    Never raises ``CoreError``: what cannot be looked at is a gap.
    """
    settings = service.environment_settings(environment)
    if reason := service.refusal(Action.REVIEW, environment):
        refused = Refused(reason.sentence, guard=reason.guard, hint=reason.hint, path=environment)
        view = replace(service.blank(environment), state=EnvironmentState.DENIED, problem=refused)
    else:
        view = service.refresh(environment)
    gaps = _gaps(view)
    if view.problem is not None:
        return Look(view, settings, gaps=gaps, unreadable=True)
    notes: list[str] = []
    for row in view.rows:
        if overview.needs_look_up(row):
            try:
                service.look_up_age(row.ref)
            except CoreError as error:
                notes.append(f"The versions of {row.ref} could not be read: {error.message}")
    created: dict[CredentialRef, datetime] = {}
    if check_dates:
        dated = [row for row in view.rows if row.version_id is not None and row.pair_state is not PairState.DELETED]
        for row, found in zip(dated, in_parallel(lambda row: _created(service, row), dated), strict=True):
            if isinstance(found, CoreError):
                notes.append(f"The versions of {row.ref} could not be read: {found.message}")
            elif found is not None:
                created[row.ref] = found
    last: HeldRecord | None = None
    unreadable = False
    try:
        last = service.last_review(environment)
    except CoreError as error:
        sentence = f"The record of the last review cannot be read: {error.message}"
        gaps, unreadable = (*gaps, Gap(environment=environment, code=error.code, sentence=sentence)), True
    return Look(service.view(environment), settings, last, gaps, unreadable, created, tuple(notes))


def build(looks: Sequence[Look], at: datetime) -> Review:
    """Build the document of what was found, before any decision; ``at`` is the time of the review (UTC)."""
    by_name = {look.view.name: look for look in sorted(looks, key=lambda look: look.view.name)}
    # Rows of an earlier listing are no population: what failed now is a gap, not what it was before.
    listed = [row for look in looks if look.view.problem is None for row in look.view.rows]
    rows = [row for row in overview.worst_first(listed) if row.pair_state is not PairState.DELETED]
    gaps = tuple(gap for look in by_name.values() for gap in look.gaps)
    return Review(
        at=at,
        complete=not gaps,
        gaps=gaps,
        environments=tuple(_environment(look, at) for look in by_name.values()),
        rows=tuple(
            build_row(
                row,
                by_name[row.ref.environment].settings,
                at=at,
                operator=_operator(by_name[row.ref.environment].view),
                last=by_name[row.ref.environment].last,
                created=by_name[row.ref.environment].created.get(row.ref),
            )
            for row in rows
        ),
    )


def _created(service: Service, row: CredentialRow) -> datetime | CoreError | None:
    try:
        entries = service.history(row.ref)
    except CoreError as error:
        return error
    return next((entry.created_at for entry in entries if entry.version_id == row.version_id), None)


def _gaps(view: EnvironmentView) -> tuple[Gap, ...]:
    if view.problem is not None:
        denied = view.state is EnvironmentState.DENIED
        word = "may not be looked at" if denied else "could not be reached"
        sentence = f"{view.name} {word}: {view.problem.message}"
        return (Gap(environment=view.name, code=view.problem.code, sentence=sentence),)
    found: list[Gap] = []
    if view.partial:
        sentence = f"This identity may not list {view.name}: only names that are known were looked at."
        found.append(Gap(environment=view.name, code="partial", sentence=sentence))
    if view.identity is None:
        sentence = f"It is not known who looks at {view.name}."
        found.append(Gap(environment=view.name, code="identity", sentence=sentence))
    return tuple(found)


def _environment(look: Look, at: datetime) -> Environment:
    view = look.view
    whole = view.problem is None
    rows = view.rows if whole else ()
    last = look.last.record if look.last is not None else None
    return Environment(
        name=view.name,
        state=view.state.value,
        backend=view.backend,
        endpoint_url=view.endpoint_url,
        operator=_operator(view),
        account=view.identity.account if view.identity else None,
        region=view.identity.region if view.identity else None,
        listed_at=document.whole_seconds(view.listed_at) if whole else None,
        listing="none" if not whole else "known names only" if view.partial else "whole",
        credentials=sum(row.pair_state is not PairState.DELETED for row in rows),
        deleted=tuple(
            Deleted(credential=str(row.ref), deleted_at=document.whole_seconds(row.deleted_at))
            for row in sorted(rows, key=lambda row: row.ref)
            if row.pair_state is PairState.DELETED
        ),
        emergency=tuple(str(ref) for ref in sorted(view.emergency)) if whole else (),
        foreign=tuple(sorted(view.foreign)) if whole else (),
        policy=_policy(look.settings),
        chain=None
        if look.unreadable
        else Chain(number=last.number + 1 if last else 1, previous=last.document if last else ""),
        last_review=LastReview(
            by=last.by,
            signed_at=last.signed_at,
            next=last.next,
            days_late=max((at.date() - last.next).days, 0),
            document=last.document,
            number=last.number,
        )
        if last
        else None,
        notes=(*view.notices, *look.notes),
    )


def _policy(settings: EnvironmentSettings) -> Policy:
    def source(key: str) -> str:
        return "settings file" if key in settings.named else "default"

    return Policy(
        rotation_days=settings.policy.rotation_days,
        rotation_source=source("rotation_days"),
        warn_days=settings.policy.warn_days,
        warn_source=source("warn_days"),
        exchanges={
            name: exchange.rotation_days
            for name, exchange in settings.exchanges.items()
            if exchange.rotation_days is not None
        },
    )


def _operator(view: EnvironmentView) -> str:
    return view.identity.operator if view.identity is not None else ""
