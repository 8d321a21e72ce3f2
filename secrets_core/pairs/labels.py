"""Moving labels so that anyone may do it at any time: what a writer does after its commit, and whoever heals it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from secrets_core.errors import Conflict, CoreError, NotFound, OutcomeUnknown
from secrets_core.exchanges import parts_of
from secrets_core.names import LEADER, CredentialRef, secret_name
from secrets_core.stores.base import CURRENT, PENDING, SecretStore

Sleep = Callable[[float], None]
PROMOTION_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between attempts to move a follower after the commit."""


def promote_followers(store: SecretStore, ref: CredentialRef, version_id: str, sleep: Sleep) -> bool:
    """Bring every follower to the leader's version; false when one could not be moved though it should be.

    Safe for anyone to call at any time: it stops as soon as the leader is at another version, whose writer owns the
    followers then.
    """
    done = True
    for part in parts_of(ref.exchange):
        if part != LEADER:
            done = _promote_follower(store, ref, part, version_id, sleep) and done
    return done


def _promote_follower(store: SecretStore, ref: CredentialRef, part: str, version_id: str, sleep: Sleep) -> bool:
    name, leader_name = secret_name(ref, part), secret_name(ref, LEADER)
    for pause in (*PROMOTION_PAUSES, None):
        try:
            follower = store.describe(name)
            if follower.current == version_id:
                return True
            if store.describe(leader_name).current != version_id:
                return True
            store.move_stage(name, CURRENT, to=version_id, expected=follower.current)
            # Between the two, others may have gone forth and back, so that the move fitted again: who moves last
            # looks last.
            latest = store.describe(leader_name).current
            if latest is None or latest == version_id or not follower.holds(latest):
                return True
            version_id = latest
        except Conflict:
            continue
        except CoreError as error:
            # NotFound: the version was just staged, and not every replica shows it yet.
            if not error.retryable and not isinstance(error, OutcomeUnknown | NotFound):
                return False
            if pause is not None:
                sleep(pause)
    return False


def withdraw(store: SecretStore, ref: CredentialRef, parts: Iterable[str], version_id: str) -> bool:
    """Take AWSPENDING off this version on all parts; false when a label of it may be left."""
    clean = True
    for part in parts:
        try:
            store.move_stage(secret_name(ref, part), PENDING, to=None, expected=version_id)
        except (Conflict, NotFound):
            continue
        except CoreError:
            clean = False
    return clean
