"""Secret-looking values that no one knows beforehand, and a search for them in what a program left behind."""

from __future__ import annotations

import base64
import re
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

ALPHABET = string.ascii_letters + string.digits
RUN = 8
"""So many characters of a value in a row are a leak: more than any mask or hint shows, too many for chance."""
TERMINAL_NOISE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x00")


@dataclass(frozen=True, slots=True, repr=False)
class Canary:
    """One made-up credential; without a repr, so that a failing assertion does not print it."""

    api_key: str
    api_secret: str
    api_passphrase: str

    @classmethod
    def make(cls) -> Canary:
        """Give a fresh one; no two are alike."""
        key, secret, passphrase = ("".join(secrets.choice(ALPHABET) for _ in range(n)) for n in (32, 64, 20))
        return cls(key, secret, passphrase)

    def leaks_in(self, output: str | bytes) -> list[str]:
        """Name the parts of which ``output`` holds a run of RUN characters, plain or in a usual encoding."""
        text = output.decode("utf-8", errors="replace") if isinstance(output, bytes) else output
        haystack = TERMINAL_NOISE.sub("", text).casefold()
        parts = {"api_key": self.api_key, "api_secret": self.api_secret, "api_passphrase": self.api_passphrase}
        return [name for name, value in parts.items() if any(run in haystack for run in _runs(value))]


def _runs(value: str) -> Iterator[str]:
    raw = value.encode()
    # A base64 text depends on where in the stream the value began; its edges mix with the neighbours' bits.
    aligned = [base64.b64encode(b"\0" * pad + raw).decode()[4:-4] for pad in range(3)]
    for form in (value, value[::-1], quote(value), *aligned):
        yield from (form[i : i + RUN].casefold() for i in range(len(form) - RUN + 1))
    hexadecimal = raw.hex()
    yield from (hexadecimal[i : i + 2 * RUN] for i in range(0, len(hexadecimal) - 2 * RUN + 1, 2))
