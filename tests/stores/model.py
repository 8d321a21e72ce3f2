"""The store contract told a second time, by plain dictionaries, so that the memory store too has something to match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from secrets_core.errors import AlreadyExists, Conflict, CoreError, NotFound, ScheduledForDeletion
from secrets_core.secret import Secret
from secrets_core.stores.base import (
    CURRENT,
    PENDING,
    PREVIOUS,
    RECOVERY_DAYS,
    Identity,
    SecretMetadata,
    SecretStore,
    SecretVersion,
    VersionMetadata,
)

SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


class DictStore(SecretStore):
    """Four dictionaries; every date is the same."""

    backend = "model"

    def __init__(self) -> None:
        self.values: dict[str, dict[str, str]] = {}
        self.labels: dict[str, dict[str, str]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.deleted: set[str] = set()

    def identity(self) -> Identity:
        return Identity("model")

    def check(self, name: str) -> None:
        self.check_exists(name)
        if name in self.deleted:
            raise ScheduledForDeletion(name)

    def check_exists(self, name: str) -> None:
        if name not in self.values:
            raise NotFound(name)

    def read_current(self, names: Sequence[str]) -> dict[str, SecretVersion | CoreError]:
        outcomes: dict[str, SecretVersion | CoreError] = {}
        for name in names:
            try:
                self.check(name)
                outcomes[name] = self.read_version(name, self.labels[name][CURRENT])
            except CoreError as error:
                outcomes[name] = error
        return outcomes

    def read_version(self, name: str, version_id: str) -> SecretVersion:
        self.check(name)
        if version_id not in self.values[name]:
            raise NotFound(version_id)
        value = Secret(self.values[name][version_id])
        return SecretVersion(name, version_id, self.stages(name, version_id), SOME_DAY, value)

    def stages(self, name: str, version_id: str) -> frozenset[str]:
        return frozenset(label for label, holder in self.labels[name].items() if holder == version_id)

    def describe(self, name: str) -> SecretMetadata:
        self.check_exists(name)
        deleted = SOME_DAY if name in self.deleted else None
        return SecretMetadata(name, dict(self.labels[name]), dict(self.tags[name]), SOME_DAY, SOME_DAY, deleted)

    def list_metadata(self, prefix: str) -> list[SecretMetadata]:
        return [self.describe(name) for name in sorted(self.values) if name.startswith(prefix)]

    def list_versions(self, name: str) -> list[VersionMetadata]:
        self.check_exists(name)
        return [VersionMetadata(key, self.stages(name, key), SOME_DAY) for key in self.values[name]]

    def create(self, name: str, version_id: str, value: Secret, tags: Mapping[str, str] | None = None) -> None:
        if name not in self.values:
            self.values[name] = {version_id: value.reveal()}
            self.labels[name] = {CURRENT: version_id}
            self.tags[name] = dict(tags or {})
            return
        self.check(name)
        if self.values[name].get(version_id) != value.reveal():
            raise AlreadyExists(name)

    def put(self, name: str, version_id: str, value: Secret, stages: Sequence[str]) -> None:
        self.check(name)
        if version_id in self.values[name]:
            if self.values[name][version_id] != value.reveal():
                raise AlreadyExists(version_id)
            return
        labels = self.labels[name]
        if CURRENT in stages and labels.get(PENDING) == labels.get(CURRENT):
            labels.pop(PENDING, None)
        self.values[name][version_id] = value.reveal()
        for stage in stages:
            self.attach(name, stage, version_id)

    def attach(self, name: str, stage: str, version_id: str) -> None:
        left = self.labels[name].get(stage, version_id)
        self.labels[name][stage] = version_id
        if stage == CURRENT and left != version_id:
            self.labels[name][PREVIOUS] = left

    def move_stage(self, name: str, stage: str, *, to: str | None, expected: str | None) -> None:
        self.check(name)
        if not {to, expected} - {None} <= set(self.values[name]):
            raise NotFound(name)
        if self.labels[name].get(stage) == to and (stage, to) != (CURRENT, None):
            return
        if self.labels[name].get(stage) != expected or (stage, to) == (CURRENT, None):
            raise Conflict(name)
        if to is None:
            self.labels[name].pop(stage, None)
        else:
            self.attach(name, stage, to)

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        self.check(name)
        self.tags[name].update(tags)

    def untag(self, name: str, keys: Sequence[str]) -> None:
        self.check(name)
        for key in keys:
            self.tags[name].pop(key, None)

    def delete(self, name: str, recovery_days: int = RECOVERY_DAYS) -> None:
        self.check_exists(name)
        self.deleted.add(name)

    def restore(self, name: str) -> None:
        self.check_exists(name)
        self.deleted.discard(name)
