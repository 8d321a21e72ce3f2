"""The memory store: the default for CLI and import, the demo, and the model of every other backend."""

from __future__ import annotations

import getpass
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from secrets_core.clock import Clock, utc_now
from secrets_core.errors import (
    AlreadyExists,
    Conflict,
    CoreError,
    InvalidValue,
    NotFound,
    ScheduledForDeletion,
    SettingsError,
)
from secrets_core.names import PartName, parse_secret_name
from secrets_core.secret import Secret
from secrets_core.stores.base import (
    CURRENT,
    MAX_VALUE_BYTES,
    PENDING,
    PREVIOUS,
    RECOVERY_DAYS,
    Identity,
    SecretMetadata,
    SecretStore,
    SecretVersion,
    VersionMetadata,
)
from secrets_core.versions import new_version_id

SEED_VARIABLE = "MM_FAKE_SECRETS_JSON"


@dataclass(slots=True)
class _Version:
    value: Secret
    created_at: datetime


@dataclass(slots=True)
class _Entry:
    created_at: datetime
    changed_at: datetime
    versions: dict[str, _Version] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    deleted_at: datetime | None = None


def local_operator() -> str:
    """Name the operator where the store does not: ``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


class MemoryStore(SecretStore):
    """Secrets in this process only: nothing persists. Safe for threads."""

    backend = "memory"

    def __init__(self, clock: Clock = utc_now, operator: str | None = None) -> None:
        """Take the clock that dates versions and the operator's name (default ``user@host``)."""
        self._clock = clock
        self._operator = operator or local_operator()
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.RLock()

    def identity(self) -> Identity:
        return Identity(self._operator)

    def read_current(self, names: Sequence[str]) -> dict[str, SecretVersion | CoreError]:
        outcomes: dict[str, SecretVersion | CoreError] = {}
        with self._lock:
            for name in names:
                try:
                    entry = self._live(name)
                    current = entry.stages.get(CURRENT)
                    outcomes[name] = (
                        NotFound(f"{name} has no value.", path=name)
                        if current is None
                        else self._version(name, current)
                    )
                except CoreError as error:
                    outcomes[name] = error
        return outcomes

    def read_version(self, name: str, version_id: str) -> SecretVersion:
        with self._lock:
            self._live(name)
            return self._version(name, version_id)

    def describe(self, name: str) -> SecretMetadata:
        with self._lock:
            return self._metadata(name, self._entry(name))

    def list_metadata(self, prefix: str) -> list[SecretMetadata]:
        with self._lock:
            return [
                self._metadata(name, entry) for name, entry in sorted(self._entries.items()) if name.startswith(prefix)
            ]

    def list_versions(self, name: str) -> list[VersionMetadata]:
        with self._lock:
            entry = self._entry(name)
            return [
                VersionMetadata(version_id, self._stages_of(entry, version_id), version.created_at)
                for version_id, version in reversed(entry.versions.items())
            ]

    def create(self, name: str, version_id: str, value: Secret, tags: Mapping[str, str] | None = None) -> None:
        check_size(name, value)
        with self._lock:
            if (entry := self._entries.get(name)) is not None:
                self._live(name)
                known = entry.versions.get(version_id)
                if known is not None and known.value == value:
                    return
                raise AlreadyExists(f"{name} exists already.", path=name)
            now = self._clock()
            self._entries[name] = _Entry(
                now, now, {version_id: _Version(value, now)}, {CURRENT: version_id}, dict(tags or {})
            )

    def put(self, name: str, version_id: str, value: Secret, stages: Sequence[str]) -> None:
        check_size(name, value)
        if not stages:
            raise InvalidValue("A version is stored with at least one staging label.", path=name)
        with self._lock:
            entry = self._live(name)
            known = entry.versions.get(version_id)
            if known is not None:
                if known.value == value:
                    return
                raise AlreadyExists(f"{name} has another value under that version id.", path=name)
            entry.changed_at = self._clock()
            first = not entry.versions
            entry.versions[version_id] = _Version(value, entry.changed_at)
            if CURRENT in stages and entry.stages.get(PENDING) == entry.stages.get(CURRENT):
                # Seen in recorded answers of AWS: a version that leaves AWSCURRENT this way loses AWSPENDING with it.
                entry.stages.pop(PENDING, None)
            for stage in dict.fromkeys([*stages, *([CURRENT] if first else [])]):
                _attach(entry, stage, version_id)

    def move_stage(self, name: str, stage: str, *, to: str | None, expected: str | None) -> None:
        with self._lock:
            entry = self._live(name)
            for version_id in (to, expected):
                if version_id is not None and version_id not in entry.versions:
                    raise NotFound(f"{name} has no such version.", path=name)
            if entry.stages.get(stage) == to and not (to is None and stage == CURRENT):
                return
            if entry.stages.get(stage) != expected or (to is None and stage == CURRENT):
                raise Conflict(f"{stage} of {name} is not where it was expected.", path=name)
            entry.changed_at = self._clock()
            if to is None:
                entry.stages.pop(stage, None)
            else:
                _attach(entry, stage, to)

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        with self._lock:
            self._live(name).tags.update(tags)

    def untag(self, name: str, keys: Sequence[str]) -> None:
        with self._lock:
            entry = self._live(name)
            for key in keys:
                entry.tags.pop(key, None)

    def delete(self, name: str, recovery_days: int = RECOVERY_DAYS) -> None:
        check_recovery_days(recovery_days)
        with self._lock:
            entry = self._entry(name)
            entry.deleted_at = entry.deleted_at or self._clock()

    def restore(self, name: str) -> None:
        with self._lock:
            self._entry(name).deleted_at = None

    def _entry(self, name: str) -> _Entry:
        entry = self._entries.get(name)
        if entry is None:
            raise NotFound(f"There is no secret {name}.", path=name)
        return entry

    def _live(self, name: str) -> _Entry:
        entry = self._entry(name)
        if entry.deleted_at is not None:
            raise ScheduledForDeletion(f"{name} is scheduled for deletion.", hint="Restore it first.", path=name)
        return entry

    def _version(self, name: str, version_id: str) -> SecretVersion:
        entry = self._entries[name]
        version = entry.versions.get(version_id)
        if version is None:
            raise NotFound(f"{name} has no such version.", path=name)
        return SecretVersion(name, version_id, self._stages_of(entry, version_id), version.created_at, version.value)

    @staticmethod
    def _stages_of(entry: _Entry, version_id: str) -> frozenset[str]:
        return frozenset(stage for stage, holder in entry.stages.items() if holder == version_id)

    @staticmethod
    def _metadata(name: str, entry: _Entry) -> SecretMetadata:
        return SecretMetadata(
            name, dict(entry.stages), dict(entry.tags), entry.created_at, entry.changed_at, entry.deleted_at
        )


def _attach(entry: _Entry, stage: str, version_id: str) -> None:
    left = entry.stages.get(stage)
    entry.stages[stage] = version_id
    if stage == CURRENT and left is not None and left != version_id:
        entry.stages[PREVIOUS] = left


def check_size(name: str, value: Secret) -> None:
    """Raise ``InvalidValue`` for an empty value or one past AWS's 65,536 bytes."""
    if not 0 < len(value.reveal().encode(errors="surrogatepass")) <= MAX_VALUE_BYTES:
        raise InvalidValue(f"A value has between 1 and {MAX_VALUE_BYTES} bytes.", path=name)


def check_recovery_days(days: int) -> None:
    """Raise ``InvalidValue`` unless AWS accepts this recovery window (DeleteSecret: 7 to 30 days)."""
    if not 7 <= days <= 30:
        raise InvalidValue("A recovery window has 7 to 30 days.", hint="The default is 30 days.")


def load_seed(store: MemoryStore, text: str, clock: Clock = utc_now) -> None:
    """Fill the store from ``MM_FAKE_SECRETS_JSON``.

    Takes one JSON object, flat ``{secret name: value}`` or nested ``{"mm-bot/dev/bybit": {"api_key": value}}``;
    all parts of a credential get one version id. Raises ``SettingsError``, which never shows the text.
    """
    flat = _flatten(text)
    now = clock()
    minted: dict[str, str] = {}
    for name, value in flat.items():
        parsed = parse_secret_name(name)
        group = str(parsed.ref) + str(parsed.emergency) if isinstance(parsed, PartName) else name
        store.create(name, minted.setdefault(group, new_version_id(now)), Secret(value))


def _flatten(text: str) -> dict[str, str]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    problem = f"{SEED_VARIABLE} is not one JSON object of secret names and values."
    hint = 'Write {"mm-bot/dev/bybit/api_key": "...", "mm-bot/dev/bybit/api_secret": "..."}.'
    if not isinstance(data, dict):
        raise SettingsError(problem, hint=hint, path=SEED_VARIABLE)
    flat: dict[str, str] = {}
    for name, value in data.items():
        entries = (
            {f"{name}/{part}": inner for part, inner in value.items()} if isinstance(value, dict) else {name: value}
        )
        for full_name, inner in entries.items():
            if not isinstance(inner, str) or not inner:
                raise SettingsError(f"{SEED_VARIABLE}: every value is a non-empty text.", hint=hint, path=SEED_VARIABLE)
            flat[full_name] = inner
    return flat
