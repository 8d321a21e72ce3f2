"""mm-secrets: exchange credentials that are never torn, never leaked and never forgotten.

The public names load on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secrets_core.credentials import APICredentials
    from secrets_core.errors import (
        CoreError,
        CredentialsDead,
        CredentialsOnHold,
        Denied,
        IdentityProblem,
        Incomplete,
        NotFound,
        Refused,
        ScheduledForDeletion,
        SettingsError,
        Throttled,
        Torn,
        Unreachable,
    )
    from secrets_core.names import CredentialRef
    from secrets_core.provider import (
        SecretProvider,
        aget_api_credentials,
        clear_cache,
        get_api_credentials,
        get_secret_provider,
    )
    from secrets_core.secret import Secret
    from secrets_core.standing import Standing, State
    from secrets_core.watching import Watch, watch

__version__ = "0.1.0"
__all__ = [
    "APICredentials",
    "CoreError",
    "CredentialRef",
    "CredentialsDead",
    "CredentialsOnHold",
    "Denied",
    "IdentityProblem",
    "Incomplete",
    "NotFound",
    "Refused",
    "ScheduledForDeletion",
    "Secret",
    "SecretProvider",
    "SettingsError",
    "Standing",
    "State",
    "Throttled",
    "Torn",
    "Unreachable",
    "Watch",
    "__version__",
    "aget_api_credentials",
    "clear_cache",
    "get_api_credentials",
    "get_secret_provider",
    "watch",
]

_HOMES = {
    "credentials": ("APICredentials",),
    "names": ("CredentialRef",),
    "provider": (
        "SecretProvider",
        "aget_api_credentials",
        "clear_cache",
        "get_api_credentials",
        "get_secret_provider",
    ),
    "secret": ("Secret",),
    "standing": ("Standing", "State"),
    "watching": ("Watch", "watch"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # so that a type checker still tells a misspelt name

    def __getattr__(name: str) -> object:
        """Load a public name from the module where it lives (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"secrets_core.{_HOME_OF.get(name, 'errors')}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
