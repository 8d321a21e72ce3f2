"""What the contract's tests share: version ids in order, and the first steps of almost every story."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

from secrets_core.clock import utc_now
from secrets_core.secret import Secret
from secrets_core.stores.base import PENDING, SecretStore
from secrets_core.versions import new_version_id

NAME = "mm-bot/dev/bybit/api_key"
OTHER = "mm-bot/dev/bybit/api_secret"
_MILLISECONDS = count()


def fresh() -> str:
    """Mint a version id; later ones are younger."""
    return new_version_id(utc_now() + timedelta(milliseconds=next(_MILLISECONDS)))


def stored(store: SecretStore, name: str = NAME, text: str = "first") -> str:
    """Create a secret; give its version id."""
    version_id = fresh()
    store.create(name, version_id, Secret(text))
    return version_id


def staged(store: SecretStore, name: str = NAME, text: str = "second") -> str:
    """Put a pending version; give its id."""
    version_id = fresh()
    store.put(name, version_id, Secret(text), [PENDING])
    return version_id


def current_text(store: SecretStore, name: str = NAME) -> str:
    return store.get_secret_value(name).reveal()


def kinds(store: SecretStore, *names: str) -> list[type]:
    """Give what reading the current versions gives for each name: a version, or which error."""
    outcomes = store.read_current(names)
    return [type(outcomes[name]) for name in names]
