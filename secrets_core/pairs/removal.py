"""Deleting a credential and taking that back. Killed between, repeating either one finishes it."""

from __future__ import annotations

from secrets_core.errors import NotFound, ScheduledForDeletion
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.pairs.guard import require_open
from secrets_core.pairs.states import Parts, inspect
from secrets_core.stores.base import RECOVERY_DAYS, SecretStore


def delete(store: SecretStore, ref: CredentialRef, *, recovery_days: int = RECOVERY_DAYS, strict: bool = True) -> None:
    """Schedule the deletion of all parts after 7 to 30 days, the leader first: without it nothing can be read.

    Raises ``NotFound``, ``ScheduledForDeletion`` when all of it is scheduled already, ``Refused`` (frozen),
    ``InvalidValue`` for another number of days, and what the store raises.
    """
    parts = _existing(store, ref)
    require_open(store, ref, strict=strict)
    alive = [part for part, metadata in parts.items() if metadata is not None and metadata.deleted_at is None]
    if not alive:
        raise ScheduledForDeletion(f"{ref} is scheduled for deletion already.", hint="", path=str(ref))
    for part in sorted(alive, key=lambda part: part != LEADER):
        store.delete(secret_name(ref, part), recovery_days)


def restore(store: SecretStore, ref: CredentialRef, *, strict: bool = True) -> bool:
    """Take back a scheduled deletion, the followers first: the credential is back when its leader is.

    Tells whether it was scheduled for deletion; does nothing where it was not. Raises ``NotFound``, ``Refused``
    (frozen), and what the store raises.
    """
    parts = _existing(store, ref)
    require_open(store, ref, strict=strict)
    scheduled = [part for part, metadata in parts.items() if metadata is not None and metadata.deleted_at is not None]
    for part in sorted(scheduled, key=lambda part: part == LEADER):
        store.restore(secret_name(ref, part))
    return bool(scheduled)


def _existing(store: SecretStore, ref: CredentialRef) -> Parts:
    parts, _ = inspect(store, ref)
    if not any(parts.values()):
        raise NotFound(f"There is no credential {ref}.", path=str(ref))
    return parts
