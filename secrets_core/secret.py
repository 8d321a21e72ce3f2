"""An opaque value: whatever prints, pickles, compares or inspects it learns nothing.

Not pydantic's ``SecretStr``: that one leaks by pickle, ``vars()``, ``json.dumps(default=...)`` and its length.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Any, NoReturn, final

HIDDEN = "********"
"""What a secret looks like everywhere; of constant width, so that it never tells a length."""
HINT_MINIMUM = 16
"""An API key shorter than this shows nothing of itself."""


@final
class Secret:
    """Hold one value; ``reveal()`` is the only door to it."""

    __slots__ = ("__value",)
    __value: str
    __hash__ = None  # type: ignore[assignment]  # a hash of equal values is an oracle for equality

    def __init__(self, value: str) -> None:
        """Take the value; a non-string is refused with a sentence that does not show it."""
        if not isinstance(value, str):
            raise TypeError("a Secret takes a str")
        object.__setattr__(self, "_Secret__value", value)

    def reveal(self) -> str:
        """Give the value itself. Call it at the last moment, and keep the result for as short as can be."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (secret.reveal().encode(errors="surrogatepass") for secret in (self, other))
        return hmac.compare_digest(mine, theirs)

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __repr__(self) -> str:
        return f"Secret({HIDDEN!r})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret cannot be changed")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied out")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied out")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __dir__(self) -> list[str]:
        return ["reveal"]


def key_hint(value: Secret) -> str:
    """Give the last four characters of an API key, or nothing when it has fewer than 16.

    What it gives fits an AWS tag value: a hint with other characters is dropped.
    """
    text = value.reveal()
    hint = text[-4:]
    return hint if len(text) >= HINT_MINIMUM and hint.isascii() and hint.isalnum() else ""


def mask_api_key(value: Secret) -> str:
    """Give the JSON contract's mask of an ``api_key``: ``abc...***``, or ``***`` up to 6 characters."""
    text = value.reveal()
    return f"{text[:3]}...***" if len(text) > 6 else "***"


def redact(text: str, secrets: Iterable[Secret]) -> str:
    """Give ``text`` with every occurrence of the secrets replaced, the longest first."""
    for value in sorted((secret.reveal() for secret in secrets), key=len, reverse=True):
        if value:
            text = text.replace(value, HIDDEN)
    return text
