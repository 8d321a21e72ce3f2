"""Keyed fingerprints: they tell whether two credentials are the same without telling anything about the values.

HMAC-SHA256 under a random key per environment, over all parts of a credential with their lengths, so that a short
passphrase can never be guessed from it, and codes of two environments cannot be linked.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import final

from secrets_core.errors import AlreadyExists, NotFound, SettingsError
from secrets_core.names import API_KEY, FINGERPRINT, control_name
from secrets_core.secret import Secret
from secrets_core.stores.base import SecretStore

LENGTH = 10
"""Characters of a fingerprint: 50 bits of base32."""
_DOMAIN_ALL = b"mm-secrets fingerprint 1\0"
_DOMAIN_KEY = b"mm-secrets key fingerprint 1\0"


@final
class FingerprintKey:
    """The random key of one environment; it never shows itself."""

    __slots__ = ("_key",)

    def __init__(self, key: Secret) -> None:
        """Take the key as base64 text of 32 bytes."""
        self._key = key

    def of(self, values: Mapping[str, Secret]) -> str:
        """Give the fingerprint over all parts (part name to value)."""
        return self._digest(_DOMAIN_ALL, values)

    def of_key(self, api_key: Secret) -> str:
        """Give the fingerprint of the ``api_key`` alone, by which a pasted key id is found."""
        return self._digest(_DOMAIN_KEY, {API_KEY: api_key})

    def _digest(self, domain: bytes, values: Mapping[str, Secret]) -> str:
        code = hmac.new(base64.b64decode(self._key.reveal()), domain, "sha256")
        for part in sorted(values):
            for field in (part.encode(), values[part].reveal().encode(errors="surrogatepass")):
                code.update(len(field).to_bytes(4, "big") + field)
        return base64.b32encode(code.digest()).decode()[:LENGTH]

    def __repr__(self) -> str:
        return "FingerprintKey()"


def read_key(store: SecretStore, environment: str) -> FingerprintKey | None:
    """Read the environment's key; ``None`` where none was made. Raises what reading raises, and ``SettingsError``."""
    name = control_name(environment, FINGERPRINT)
    try:
        text = store.get_secret_value(name)
    except NotFound:
        return None
    key = _parse(text)
    if key is None:
        raise SettingsError(f"{name} holds no fingerprint key that this version understands.", path=name)
    return FingerprintKey(key)


def ensure_key(store: SecretStore, environment: str, version_id: str) -> FingerprintKey:
    """Read the environment's key, making it where there is none; of two simultaneous makers both get the winner's."""
    key = read_key(store, environment)
    if key is not None:
        return key
    record = Secret(json.dumps({"format": 1, "key": base64.b64encode(secrets.token_bytes(32)).decode()}))
    name = control_name(environment, FINGERPRINT)
    with contextlib.suppress(AlreadyExists):
        store.create(name, version_id, record)
    key = read_key(store, environment)
    if key is None:
        raise NotFound(f"{name} was made but cannot be read yet.", hint="Try again in a moment.", path=name)
    return key


def _parse(text: Secret) -> Secret | None:
    try:
        data = json.loads(text.reveal())
        if data["format"] == 1 and len(base64.b64decode(data["key"], validate=True)) == 32:
            return Secret(data["key"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return None
