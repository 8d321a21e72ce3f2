"""A store that shows metadata alone: what CI may have of prod for a review, whatever its AWS role would let it do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from secrets_core.errors import CoreError, Refused
from secrets_core.names import FREEZE, REVIEW, ControlName, parse_secret_name
from secrets_core.stores.base import Identity, SecretMetadata, SecretStore, SecretVersion, VersionMetadata

READABLE = (FREEZE, REVIEW)
"""Control records that hold no value of a credential and no key."""


class MetadataOnlyStore(SecretStore):
    """Hand on what reads metadata, and the two records that a review needs; refuse everything else."""

    def __init__(self, inner: SecretStore) -> None:
        """Take the store that is looked at."""
        self._inner = inner
        self.backend = inner.backend

    @property
    def notices(self) -> tuple[str, ...]:
        return self._inner.notices

    def identity(self) -> Identity:
        return self._inner.identity()

    def describe(self, name: str) -> SecretMetadata:
        return self._inner.describe(name)

    def describe_many(self, names: Sequence[str]) -> list[SecretMetadata]:
        return self._inner.describe_many(names)

    def list_metadata(self, prefix: str) -> list[SecretMetadata]:
        return self._inner.list_metadata(prefix)

    def list_versions(self, name: str) -> list[VersionMetadata]:
        return self._inner.list_versions(name)

    def read_current(self, names: Sequence[str]) -> dict[str, SecretVersion | CoreError]:
        for name in names:
            parsed = parse_secret_name(name)
            if not isinstance(parsed, ControlName) or parsed.record not in READABLE:
                self._refuse()
        return self._inner.read_current(names)

    def read_version(self, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse()

    def create(self, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse()

    def put(self, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse()

    def move_stage(self, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse()

    def tag(self, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse()

    def untag(self, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse()

    def delete(self, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse()

    def restore(self, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Refused("This was opened for a review: no value is read and nothing is changed.", guard="metadata-only")
