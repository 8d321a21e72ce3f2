"""The versions of credentials, and which of them a typed value is; labels and fingerprints only, no value is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secrets_core import pairs
from secrets_core.ages import AgeSource
from secrets_core.errors import NotFound
from secrets_core.fingerprints import FingerprintKey
from secrets_core.freeze import FreezeRecord
from secrets_core.listing import read_freeze
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.overview import history_tails, is_current
from secrets_core.secret import Secret
from secrets_core.stores.base import SecretMetadata, SecretStore, VersionMetadata
from secrets_core.tags import VersionRecord, record_of, records
from secrets_core.versions import tail, version_time
from secrets_core.views import CredentialRow, EnvironmentState, EnvironmentView, HistoryEntry, Match

MOST_NAMED = 3
"""So many credentials a sentence names before it only counts them."""


def list_history(store: SecretStore, ref: CredentialRef) -> tuple[HistoryEntry, ...]:
    """List the versions of a credential, newest first. I/O; raises ``NotFound`` and what the store raises."""
    leader = store.describe(secret_name(ref, LEADER))
    versions = store.list_versions(leader.name)
    complete = frozenset.intersection(*pairs.all_versions(store, ref).values())
    freeze = read_freeze(store, ref.environment).in_force
    return tuple(_entry(ref, leader, version, complete, freeze) for version in versions)


def recognise(
    store: SecretStore, ref: CredentialRef, values: Mapping[str, Secret], key: FingerprintKey | None
) -> Match | None:
    """Tell which version of a credential these values are, or ``None`` for none. I/O.

    Raises ``NotFound`` where the credential, its records or the environment's fingerprint key is missing.
    """
    leader = store.describe(secret_name(ref, LEADER))
    known = records(leader.tags)
    if key is None or not known:
        raise NotFound(
            f"Nothing is recorded by which the values of {ref} could be recognised.",
            hint="Adopt or rotate it once.",
            path=str(ref),
        )
    code = key.of(values)
    same = [version for version, record in known.items() if record.fingerprint == code]
    if not same:
        return None
    current = tail(leader.current) if leader.current else ""
    return Match(ref, current if current in same else same[0], current in same)


def search(
    view: EnvironmentView | None, key: FingerprintKey | None, api_key: Secret
) -> tuple[list[Match], tuple[str, ...]]:
    """Find the versions in a listing that have this key id; gives them, and what of it could not be searched."""
    if key is None:
        bare = [row.ref for row in view.rows if row.version_id is not None] if view is not None else []
        return [], ("it has no fingerprint key yet", *([_without_fingerprint(bare)] if bare else []))
    if view is None or view.listed_at is None:
        return [], ("not listed yet",)
    code = key.of_key(api_key)
    matches = [
        Match(row.ref, version, is_current(row, version)) for row in view.rows for version in history_tails(row, code)
    ]
    gaps = ["only its known credentials were looked at"] if view.partial else []
    if view.state in (EnvironmentState.DENIED, EnvironmentState.UNREACHABLE):
        gaps.append(f"it is {view.state.value} now, so only what was listed before was looked at")
    bare = [row.ref for row in view.rows if row.version_id is not None and not _is_fingerprinted(row)]
    if bare:
        gaps.append(_without_fingerprint(bare))
    return matches, tuple(gaps)


def _without_fingerprint(refs: Sequence[CredentialRef]) -> str:
    """Name the credentials whose keys cannot be recognised."""
    more = f" and {len(refs) - MOST_NAMED} more" if len(refs) > MOST_NAMED else ""
    named = ", ".join(map(str, refs[:MOST_NAMED]))
    return f"{len(refs)} without a fingerprint ({named}{more})"


def _is_fingerprinted(row: CredentialRow) -> bool:
    return any(code and is_current(row, version) for version, code in row.key_fingerprints)


def _entry(
    ref: CredentialRef,
    leader: SecretMetadata,
    version: VersionMetadata,
    complete: frozenset[str],
    freeze: FreezeRecord,
) -> HistoryEntry:
    record = record_of(leader.tags, version.version_id) or VersionRecord()
    born = version_time(version.version_id)
    return HistoryEntry(
        version_id=version.version_id,
        stages=tuple(sorted(version.stages)),
        born=born or version.created_at,
        born_source=AgeSource.VERSION_ID if born else AgeSource.BACKEND,
        created_at=version.created_at,
        complete=version.version_id in complete,
        by=record.by,
        why=record.why,
        fingerprint=record.fingerprint,
        key_hint=record.hint,
        stored_at=record.stored_at,
        burned=freeze.is_burned(ref, version.version_id, record.fingerprint),
    )
