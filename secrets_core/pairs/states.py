"""What the labels of a credential's parts say together, from metadata alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from secrets_core.errors import NotFound
from secrets_core.exchanges import parts_of
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.stores.base import CURRENT, PENDING, SecretMetadata, SecretStore
from secrets_core.versions import is_ours

Parts = Mapping[str, SecretMetadata | None]
"""The metadata of every part that the exchange wants, by part name; ``None`` for a missing secret."""


class PairState(StrEnum):
    """The vocabulary of ``docs/architecture.md``; the value is the word on screen."""

    PAIRED = "paired"
    PENDING = "pending"
    """A new version is staged and not promoted: a writer is at work, or died."""
    MID_PROMOTION = "mid-promotion"
    """The leader has moved and a follower not yet: readers are fine, ``repair`` finishes it."""
    FOREIGN_FOLLOWER = "foreign-follower"
    """Another tool overwrote a follower: readers still get the pair."""
    LEGACY = "legacy"
    """Every part was written by another tool: nothing proves that they belong together."""
    TORN = "torn"
    INCOMPLETE = "incomplete"
    HALF_DELETED = "half-deleted"
    DELETED = "deleted"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Classified:
    """A pair state, and the version that the leader calls current."""

    state: PairState
    version_id: str | None = None
    pending: str | None = None
    """The version that is staged on some part, newest knowledge first the leader's."""


def classify(parts: Parts, unlabelled: Mapping[str, frozenset[str]] | None = None) -> Classified:
    """Tell the state of a credential.

    ``unlabelled`` gives for a part the ids of all its versions, where they were listed: a version without a label is
    hidden from metadata, so ``torn`` or ``legacy`` from metadata alone is only a suspicion.
    """
    present = {part: metadata for part, metadata in parts.items() if metadata is not None}
    deleted = [part for part, metadata in present.items() if metadata.deleted_at is not None]
    if not present:
        return Classified(PairState.MISSING)
    if deleted:
        return Classified(PairState.DELETED if len(deleted) == len(present) else PairState.HALF_DELETED)
    leader = present.get(LEADER)
    current = leader.current if leader is not None else None
    if current is None or len(present) < len(parts) or any(m.current is None for m in present.values()):
        return Classified(PairState.INCOMPLETE, current)
    pending = next((m.pending for m in [present[LEADER], *present.values()] if m.pending), None)
    followers = {part: metadata for part, metadata in present.items() if part != LEADER}
    if all(metadata.current == current for metadata in followers.values()):
        return Classified(PairState.PENDING if pending else PairState.PAIRED, current, pending)
    return Classified(_unequal(present[LEADER], followers, unlabelled or {}), current, pending)


def _unequal(
    leader: SecretMetadata, followers: Mapping[str, SecretMetadata], unlabelled: Mapping[str, frozenset[str]]
) -> PairState:
    current = leader.stages[CURRENT]
    behind = {part: metadata for part, metadata in followers.items() if metadata.current != current}
    if all(metadata.holds(current) or current in unlabelled.get(part, ()) for part, metadata in behind.items()):
        # Our writer has not moved it yet, unless another tool's version sits there that our writer never saw.
        known = all(
            follower.stages.get(PENDING) == current
            or leader.holds(follower.stages[CURRENT])
            or is_ours(follower.stages[CURRENT])
            for follower in behind.values()
        )
        return PairState.MID_PROMOTION if known else PairState.FOREIGN_FOLLOWER
    if not is_ours(current) and not any(is_ours(metadata.current) for metadata in followers.values()):
        return PairState.LEGACY
    return PairState.TORN


def inspect(store: SecretStore, ref: CredentialRef) -> tuple[dict[str, SecretMetadata | None], Classified]:
    """Describe all parts of a credential and classify them, looking at hidden versions before saying torn or legacy.

    Raises what ``SecretStore.describe`` raises, except for a missing secret, which is part of the answer.
    """
    parts: dict[str, SecretMetadata | None] = {}
    for part in parts_of(ref.exchange):
        try:
            parts[part] = store.describe(secret_name(ref, part))
        except NotFound:
            parts[part] = None
    classified = classify(parts)
    if classified.state in (PairState.TORN, PairState.LEGACY):
        classified = classify(parts, all_versions(store, ref))
    return parts, classified


def all_versions(store: SecretStore, ref: CredentialRef) -> dict[str, frozenset[str]]:
    """Give the ids of all versions of every part, also those without a label; nothing for a missing part."""
    ids: dict[str, frozenset[str]] = {}
    for part in parts_of(ref.exchange):
        try:
            ids[part] = frozenset(version.version_id for version in store.list_versions(secret_name(ref, part)))
        except NotFound:
            ids[part] = frozenset()
    return ids
