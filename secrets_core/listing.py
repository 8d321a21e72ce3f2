"""Listing an environment: its secrets, its freeze record and who looks, as one view."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from secrets_core import overview, pairs
from secrets_core.errors import CoreError, Denied, Unreachable
from secrets_core.exchanges import parts_of
from secrets_core.freeze import EVERYTHING, FreezeReading, FreezeRecord, interpret
from secrets_core.names import FREEZE, LEADER, CredentialRef, control_name, environment_prefix, secret_name
from secrets_core.pairs.states import PairState
from secrets_core.settings import EnvironmentSettings
from secrets_core.stores.base import Identity, SecretMetadata, SecretStore
from secrets_core.views import CredentialRow, EnvironmentState, EnvironmentView

Births = Mapping[tuple[CredentialRef, str], datetime]
"""Creation dates of legacy credentials that were looked up, by their leader's version."""


def list_environment(
    store: SecretStore,
    settings: EnvironmentSettings,
    *,
    backend: str,
    read_only: bool,
    known: Iterable[str],
    births: Births,
    now: datetime,
) -> EnvironmentView:
    """List an environment. I/O; raises what the store raises.

    ``known`` are exchanges that are probed by name where this identity may not list.
    """
    identity, unknown = _identity(store)
    secrets, partial = _secrets(store, settings.name, {*known, *settings.exchanges})
    listing = overview.sort_listing(secrets)
    freeze = read_freeze(store, settings.name)
    record = freeze.in_force
    found = [
        _row(store, ref, parts, settings=settings, freeze=record, births=births, now=now)
        for ref, parts in listing.credentials.items()
    ]
    rows = overview.worst_first(row for row in found if row.pair_state is not PairState.MISSING)
    return EnvironmentView(
        name=settings.name,
        state=EnvironmentState.READY if rows else EnvironmentState.EMPTY,
        backend=backend,
        read_only=read_only,
        identity=identity,
        endpoint_url=settings.endpoint_url,
        rows=rows,
        counts=overview.count(rows),
        freeze=freeze,
        listed_at=now,
        foreign=listing.foreign,
        emergency=listing.emergency,
        partial=partial,
        notices=(*store.notices, *unknown),
        frozen=max(record.holds, key=lambda hold: EVERYTHING in hold.scope, default=None),
    )


def look_up_birth(store: SecretStore, ref: CredentialRef) -> tuple[str, datetime] | None:
    """Find when the oldest current part of a legacy credential was created. I/O, one call per part.

    Gives the leader's current version and that time, or ``None`` when the credential has no current version.
    """
    parts, classified = pairs.inspect(store, ref)
    born = [
        version.created_at
        for metadata in parts.values()
        if metadata is not None
        for version in store.list_versions(metadata.name)
        if version.version_id == metadata.current
    ]
    return (classified.version_id, min(born)) if classified.version_id is not None and born else None


def read_freeze(store: SecretStore, environment: str) -> FreezeReading:
    """Read the environment's freeze record. I/O; what cannot be read is an unconfirmed reading."""
    name = control_name(environment, FREEZE)
    try:
        outcome = store.read_current([name])[name]
    except CoreError as error:
        outcome = error
    return interpret(outcome)


def _identity(store: SecretStore) -> tuple[Identity | None, tuple[str, ...]]:
    """Ask who acts; where the network lets nobody ask AWS STS, the secrets can still be listed."""
    try:
        return store.identity(), ()
    except Unreachable as error:
        return None, (f"It is not known who acts here: {error.message}",)


def _row(
    store: SecretStore,
    ref: CredentialRef,
    parts: pairs.Parts,
    *,
    settings: EnvironmentSettings,
    freeze: FreezeRecord,
    births: Births,
    now: datetime,
) -> CredentialRow:
    classified = pairs.classify(parts)
    if classified.state is PairState.TORN:
        # A listing lags and hides versions without a label: look again before saying torn, where that is allowed.
        with contextlib.suppress(Denied):
            parts, classified = pairs.inspect(store, ref)
    leader = parts.get(LEADER)
    current = leader.current if leader is not None else None
    return overview.build_row(
        ref,
        parts,
        classified,
        settings=settings,
        freeze=freeze,
        now=now,
        born_by_backend=births.get((ref, current)) if current else None,
    )


def _secrets(store: SecretStore, environment: str, exchanges: set[str]) -> tuple[list[SecretMetadata], bool]:
    try:
        return store.list_metadata(environment_prefix(environment)), False
    except Denied:
        if not exchanges:
            raise
    names = {ref: [secret_name(ref, part) for part in parts_of(ref.exchange)] for ref in _refs(environment, exchanges)}
    try:
        return store.describe_many([name for each in names.values() for name in each]), True
    except Denied as error:
        denied = error
    found: list[SecretMetadata] = []
    for each in names.values():
        # Rights to some exchanges alone: AWS denies the others by name, whether they exist or not.
        with contextlib.suppress(Denied):
            found.extend(store.describe_many(each))
    if not found:
        raise denied
    return found, True


def _refs(environment: str, exchanges: Iterable[str]) -> list[CredentialRef]:
    return [CredentialRef(environment, exchange) for exchange in sorted(exchanges)]
