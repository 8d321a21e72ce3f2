"""Credentials whose parts carry one serial number, and stores that watch, stop, fail or interleave every call.

A pair is torn when its parts carry different serials: that is seen without trusting any version id.
"""

from __future__ import annotations

import base64
import contextlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from secrets_core.errors import CoreError, Incomplete, NotFound, ScheduledForDeletion, Torn
from secrets_core.exchanges import parts_of
from secrets_core.fingerprints import FingerprintKey
from secrets_core.names import FREEZE, LEADER, CredentialRef, control_name, secret_name
from secrets_core.pairs import Change, PairRead, PairState, inspect, read_pair
from secrets_core.secret import Secret
from secrets_core.stores.base import (
    PENDING,
    RECOVERY_DAYS,
    Identity,
    SecretMetadata,
    SecretStore,
    SecretVersion,
    VersionMetadata,
)
from secrets_core.stores.memory import MemoryStore
from secrets_core.tags import VERSION_PREFIX

T = TypeVar("T")

TWO = CredentialRef("dev", "bybit@mm1")
THREE = CredentialRef("dev", "kucoin@mm1")
START = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
KEY = FingerprintKey(Secret(base64.b64encode(bytes(range(32))).decode()))


@dataclass(slots=True)
class MovableClock:
    """A clock that stands still until it is told otherwise."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


class ForgetfulStore(MemoryStore):
    """Versions without a label vanish at once: the worst that a backend's pruning could do."""

    def put(self, name: str, version_id: str, value: Secret, stages: Sequence[str]) -> None:
        with self._lock:
            super().put(name, version_id, value, stages)
            self._forget(name)

    def move_stage(self, name: str, stage: str, *, to: str | None, expected: str | None) -> None:
        with self._lock:
            super().move_stage(name, stage, to=to, expected=expected)
            self._forget(name)

    def _forget(self, name: str) -> None:
        entry = self._entries[name]
        for version_id in set(entry.versions) - set(entry.stages.values()):
            del entry.versions[version_id]


@dataclass(slots=True)
class World:
    """One memory store with its clock."""

    forgetful: bool = False
    clock: MovableClock = field(default_factory=MovableClock)
    store: MemoryStore = field(init=False)

    def __post_init__(self) -> None:
        kind = ForgetfulStore if self.forgetful else MemoryStore
        self.store = kind(self.clock, operator="alice@desk")


def no_sleep(_seconds: float) -> None:
    """Wait for nothing: in these tests nothing changes while one waits."""


def values(serial: int, ref: CredentialRef = TWO) -> dict[str, Secret]:
    """Give a complete credential that carries a serial number in every part."""
    return {part: Secret(f"{part.removeprefix('api_')}-of-test-number-{serial}") for part in parts_of(ref.exchange)}


def serial_of(read: Mapping[str, Secret], ref: CredentialRef = TWO) -> int:
    """Give the serial that all parts share; fail for a torn or an incomplete one."""
    assert set(read) == set(parts_of(ref.exchange)), "not all parts"
    serials = {int(value.reveal().rpartition("-")[2]) for value in read.values()}
    assert len(serials) == 1, f"TORN: {sorted(serials)}"
    return serials.pop()


def change(clock: Callable[[], datetime], *, by: str = "alice@desk", strict: bool = True, keyed: bool = True) -> Change:
    """Give a change made now."""
    return Change(by=by, why="scheduled", now=clock(), fingerprint_key=KEY if keyed else None, strict=strict)


def read(store: SecretStore, ref: CredentialRef = TWO) -> PairRead:
    """Read without waiting."""
    return read_pair(store, ref, sleep=no_sleep)


def seen_by_reader(store: SecretStore, ref: CredentialRef = TWO) -> int | str:
    """Give the serial that a reader gets, or the word for why he gets none; a torn answer fails."""
    try:
        return serial_of(read(store, ref).values, ref)
    except NotFound:
        return "missing"
    except ScheduledForDeletion:
        return "deleted"
    except Incomplete:
        return "incomplete"
    except Torn:
        return "torn"


def state_of(store: SecretStore, ref: CredentialRef = TWO) -> PairState:
    """Give the pair state as a repair would see it."""
    return inspect(store, ref)[1].state


def pending_labels(store: SecretStore, ref: CredentialRef = TWO) -> dict[str, str]:
    """Give which parts hold AWSPENDING, on whichever version."""
    parts, _ = inspect(store, ref)
    return {
        part: metadata.stages[PENDING] for part, metadata in parts.items() if metadata and PENDING in metadata.stages
    }


def record_tags(store: SecretStore, ref: CredentialRef = TWO) -> set[str]:
    """Give the tag keys of the version records on the leader."""
    return {key for key in store.describe(secret_name(ref, LEADER)).tags if key.startswith(VERSION_PREFIX)}


def current_of(store: SecretStore, ref: CredentialRef = TWO) -> dict[str, str | None]:
    """Give the current version of every part."""
    return {part: metadata.current if metadata else None for part, metadata in inspect(store, ref)[0].items()}


def put_foreign(store: SecretStore, name: str, value: Secret) -> str:
    """Write as another tool does: its own id, current at once; give the id."""
    version_id = str(uuid.uuid4())
    store.put_secret_value(name, version_id, value)
    return version_id


def make_legacy(store: SecretStore, serial: int, ref: CredentialRef = TWO) -> None:
    """Write all parts as another tool does."""
    for part, value in values(serial, ref).items():
        put_foreign(store, secret_name(ref, part), value)


def make_empty(store: MemoryStore, ref: CredentialRef) -> None:
    """Make the names without a value, as Terraform does: the memory store has no public way to."""
    for part in parts_of(ref.exchange):
        name = secret_name(ref, part)
        store.create(name, str(uuid.uuid4()), Secret("x"))
        entry = store._entries[name]
        entry.versions.clear()
        entry.stages.clear()


def write_freeze(store: SecretStore, **content: object) -> None:
    """Write the freeze record of ``dev``; ``text=`` writes something else in its place."""
    text = content.pop("text", None) or json.dumps({"format": 1, "revision": 1, "holds": {}, **content})
    put_foreign(store, control_name("dev", FREEZE), Secret(str(text)))


HOLD = {"incident-7": {"scope": ["bybit"], "codename": "amber-fox"}}


class ForwardingStore(SecretStore):
    """Hand every call on, through ``step``: there a subclass stops, fails, or waits for its turn."""

    backend = "memory"

    def __init__(self, inner: SecretStore) -> None:
        self.inner = inner

    def step(self, operation: str, name: str, run: Callable[[], T]) -> T:
        """Carry out one call; ``run`` applies it."""
        return run()

    def identity(self) -> Identity:
        return self.inner.identity()

    def read_current(self, names: Sequence[str]) -> dict[str, SecretVersion | CoreError]:
        return self.step("read_current", names[0], lambda: self.inner.read_current(names))

    def read_version(self, name: str, version_id: str) -> SecretVersion:
        return self.step("read_version", name, lambda: self.inner.read_version(name, version_id))

    def describe(self, name: str) -> SecretMetadata:
        return self.step("describe", name, lambda: self.inner.describe(name))

    def list_metadata(self, prefix: str) -> list[SecretMetadata]:
        return self.step("list_metadata", prefix, lambda: self.inner.list_metadata(prefix))

    def list_versions(self, name: str) -> list[VersionMetadata]:
        return self.step("list_versions", name, lambda: self.inner.list_versions(name))

    def create(self, name: str, version_id: str, value: Secret, tags: Mapping[str, str] | None = None) -> None:
        self.step("create", name, lambda: self.inner.create(name, version_id, value, tags))

    def put(self, name: str, version_id: str, value: Secret, stages: Sequence[str]) -> None:
        self.step("put", name, lambda: self.inner.put(name, version_id, value, stages))

    def move_stage(self, name: str, stage: str, *, to: str | None, expected: str | None) -> None:
        operation = f"move_stage {stage}" if to else f"withdraw {stage}"
        self.step(operation, name, lambda: self.inner.move_stage(name, stage, to=to, expected=expected))

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        self.step("tag", name, lambda: self.inner.tag(name, tags))

    def untag(self, name: str, keys: Sequence[str]) -> None:
        self.step("untag", name, lambda: self.inner.untag(name, keys))

    def delete(self, name: str, recovery_days: int = RECOVERY_DAYS) -> None:
        self.step("delete", name, lambda: self.inner.delete(name, recovery_days))

    def restore(self, name: str) -> None:
        self.step("restore", name, lambda: self.inner.restore(name))


class Killed(BaseException):
    """The process is gone: not an ``Exception``, so nothing of the code under test may handle it."""


class KillingStore(ForwardingStore):
    """Die at the n-th call (from 1): before it is sent, or after it was applied but before its answer comes."""

    def __init__(self, inner: SecretStore, at: int | None = None, *, applied: bool = False) -> None:
        super().__init__(inner)
        self.calls = 0
        self._at = at
        self._applied = applied

    def step(self, operation: str, name: str, run: Callable[[], T]) -> T:
        self.calls += 1
        if self.calls != self._at:
            return run()
        if self._applied:
            with contextlib.suppress(CoreError):
                run()
        raise Killed


class HookedStore(ForwardingStore):
    """Let a test look at every call, act before or after it, or raise in its place."""

    def __init__(self, inner: SecretStore, hook: Callable[[str, str, Callable[[], object]], None]) -> None:
        """Take a hook that gets operation, name, and what applies the call; it raises, or the call is made after it."""
        super().__init__(inner)
        self._hook = hook

    def step(self, operation: str, name: str, run: Callable[[], T]) -> T:
        self._hook(operation, name, run)
        return run()


def denying(inner: SecretStore, denied: Callable[[str, str], bool], error: CoreError) -> HookedStore:
    """Give a store on which the chosen calls (operation, name) always raise ``error``."""

    def hook(operation: str, name: str, _run: Callable[[], object]) -> None:
        if denied(operation, name):
            raise error

    return HookedStore(inner, hook)


def once_before(inner: SecretStore, operation: str, name: str, act: Callable[[], object]) -> HookedStore:
    """Give a store on which ``act`` happens right before the first call of ``operation`` on ``name``."""
    done: list[bool] = []

    def hook(called: str, on: str, _run: Callable[[], object]) -> None:
        if (called, on) == (operation, name) and not done:
            done.append(True)
            act()

    return HookedStore(inner, hook)
