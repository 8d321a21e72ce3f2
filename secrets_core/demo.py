"""The demo: four environments in memory with everything in them that a desk meets, the same for a given clock.

Every key, name and number here is made up; nothing of it opens anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from secrets_core.clock import Clock, utc_now
from secrets_core.exchanges import parts_of
from secrets_core.fingerprints import FingerprintKey
from secrets_core.freeze import ensure_record
from secrets_core.names import (
    API_KEY,
    FINGERPRINT,
    LEADER,
    CredentialRef,
    control_name,
    secret_name,
)
from secrets_core.policy import default_policy
from secrets_core.secret import Secret, key_hint
from secrets_core.service import Service
from secrets_core.settings import BotSettings, EnvironmentSettings, ExchangeSettings, Settings
from secrets_core.stores.base import CURRENT, PENDING, Identity
from secrets_core.stores.memory import MemoryStore
from secrets_core.tags import (
    OLD_ALIVE,
    OWNER,
    OldKeyAlive,
    VersionRecord,
    format_old_alive,
    format_record,
    record_key,
)
from secrets_core.versions import new_version_id, tail

BACKEND = "demo"


@dataclass(frozen=True, slots=True)
class _Version:
    """One version of a demo credential: how many days ago it was stored, by whom and why."""

    days: float
    by: str = "alice"
    why: str = "scheduled"
    foreign: bool = False
    """Written part by part by another tool, under ids of its own."""
    ip_bound: bool | None = None


@dataclass(frozen=True, slots=True)
class _Credential:
    exchange: str
    versions: tuple[_Version, ...]
    """Oldest first; the last one is current."""
    damage: str = ""
    """The pair state that it is brought into: ``torn``, ``incomplete``, ``pending``, ``mid-promotion``,
    ``foreign-follower``, ``half-deleted`` or ``deleted``."""
    old_key_due_in: float | None = None
    """Days until the key before the current one should be deleted at the exchange."""
    owner: str = ""


def _credential(exchange: str, *days: float, by: str = "alice", damage: str = "", **more: object) -> _Credential:
    versions = tuple(
        _Version(age, by=by if age == days[-1] else "carol", why="first" if age == days[0] else "scheduled")
        for age in days
    )
    return replace(_Credential(exchange, versions, damage), **more)  # type: ignore[arg-type]


def _legacy(exchange: str, days: float) -> _Credential:
    return _Credential(exchange, (_Version(days, by="", why="", foreign=True),))


_DEV = (
    _credential("bybit", 41.2, 12.4, by="dave"),
    _credential("binance", 66.0, by="dave"),
    _credential("kucoin", 20.1, by="erin"),
    _credential("deribit", 3.2, by="erin"),
    _credential("okx", 55.5, by="dave", damage="deleted"),
    _legacy("kraken", 140.0),
)
_SHADOW = (
    _credential("bybit", 120.0, 30.3),
    _credential("bybit@arb", 18.0),
    _credential("binance", 95.6, by="bob"),
    _credential("kucoin", 22.0, by="bob"),
    _credential("okx", 74.3, 60.0),
    _credential("kraken", 50.5, by="carol"),
    _credential("gate", 82.2, by="carol"),
    _credential("coinbase", 33.0, by="carol", damage="foreign-follower"),
    _credential("deribit", 14.1),
    _credential("hyperliquid", 9.0, by="bob"),
    _credential("bitget", 45.0, by="bob", damage="incomplete"),
    _legacy("krakenfutures", 27.0),
)
_SOAK = (
    _credential("bybit", 62.0, 8.0, by="bob", old_key_due_in=1.5),
    _credential("bybit@mm2", 44.0, by="bob"),
    _credential("binance", 71.0, by="alice"),
    _credential("kucoin", 88.1, 79.0, by="alice"),
    _credential("okx", 15.5, by="carol"),
    _credential("kraken", 36.4, by="carol"),
    _credential("gate", 52.2, by="carol", damage="pending"),
    _credential("deribit", 5.5, by="bob"),
)
_PROD = (
    _credential("okx@mm2", 150.0, 58.0, by="bob", damage="torn", owner="desk-b"),
    _credential("bybit@mm1", 280.0, 187.0, 97.1, by="bob", owner="desk-a"),
    _credential("bybit@mm2", 110.0, 24.0, by="alice", owner="desk-a"),
    _Credential("bybit@scalp", (_Version(86.2, by="bob", why="first", ip_bound=False),), owner="desk-a"),
    _credential("bybit@hedge", 61.3, by="alice", owner="desk-b"),
    _credential("binance", 171.0, 84.4, by="alice", owner="desk-a"),
    _credential("binance@arb", 47.0, by="carol", owner="desk-b"),
    _credential("binance@options", 5.1, by="carol"),
    _credential("kucoin", 92.0, 2.3, by="alice", old_key_due_in=-0.4, owner="desk-a"),
    _credential("kucoin@arb", 65.0, by="bob"),
    _legacy("kraken", 93.3),
    _legacy("kraken@treasury", 31.0),
    _credential("gate@arb", 90.0, 31.0, by="bob", damage="pending"),
    _credential("gate", 77.6, by="carol"),
    _credential("okx", 40.2, by="alice", owner="desk-b"),
    _credential("okx@hedge", 12.6, by="bob", owner="desk-b"),
    _credential("coinbase", 29.9, by="carol"),
    _credential("coinbase@otc", 70.0, by="carol", damage="half-deleted"),
    _credential("bitget", 19.0, by="bob"),
    _credential("bitget@mm1", 56.7, by="alice"),
    _credential("deribit", 103.0, 43.2, by="bob", owner="desk-b"),
    _credential("deribit@options", 6.6, by="bob", damage="mid-promotion", owner="desk-b"),
    _credential("hyperliquid", 38.8, by="alice"),
    _credential("krakenfutures", 80.9, 68.0, by="carol"),
    _credential("bitget@old", 210.0, by="carol", damage="deleted"),
)
_DEMO = {"dev": _DEV, "shadow": _SHADOW, "soak": _SOAK, "prod": _PROD}
_ACCOUNTS = {"dev": "111122223333", "shadow": "444455556666", "soak": "444455556666", "prod": "123456789012"}


def demo_service(clock: Clock = utc_now) -> Service:
    """Make a service over the demo's four environments; the ages are counted back from ``clock()``."""
    stores = {name: demo_store(name, clock) for name in _DEMO}
    return Service(
        _settings(), variables={}, backend=BACKEND, clock=clock, open_environment=lambda known: stores[known.name]
    )


def demo_key_id(ref: CredentialRef, back: int = 0) -> str:
    """Give the key id of a demo credential, or of the version ``back`` before its current one, to try the search."""
    versions = next(entry.versions for entry in _DEMO[ref.environment] if entry.exchange == ref.exchange)
    return _value(ref, API_KEY, len(versions) - 1 - back).reveal()


class _DemoStore(MemoryStore):
    """A memory store whose identity looks like the one an operator has on AWS."""

    def __init__(self, environment: str, clock: Clock, signed_in: datetime) -> None:
        super().__init__(clock, operator="alice")
        self._identity = Identity(
            operator="alice",
            account=_ACCOUNTS[environment],
            region="eu-west-1",
            expires_at=signed_in + timedelta(hours=3, minutes=12),
        )

    def identity(self) -> Identity:
        return self._identity


def _settings() -> Settings:
    bots = (
        BotSettings("mm-1", ("bybit@mm1", "binance"), "watch"),
        BotSettings("arb-2", ("binance@arb", "gate@arb", "kucoin@arb"), "process"),
        BotSettings("hedger", ("okx@hedge", "bybit@hedge"), "ttl"),
    )
    two_factor = {
        "bybit": ExchangeSettings(two_factor="bob's phone"),
        "okx": ExchangeSettings(two_factor="carol's key"),
    }
    return Settings(
        environments={
            name: EnvironmentSettings(
                name,
                default_policy(name),
                exchanges=two_factor if name == "prod" else {},
                bots=bots if name == "prod" else (),
            )
            for name in _DEMO
        }
    )


def demo_store(environment: str, clock: Clock = utc_now) -> MemoryStore:
    """Make the store of one of the demo's environments; the ages are counted back from ``clock()``."""
    started = clock()
    seeding: list[datetime] = [started - timedelta(days=400)]
    store = _DemoStore(environment, lambda: seeding[-1] if seeding else clock(), started)
    key = base64.b64encode(_bytes(environment, "fingerprint key", 0)).decode()
    record = Secret(json.dumps({"format": 1, "key": key}))
    store.create(control_name(environment, FINGERPRINT), _minted(seeding[-1], environment, FINGERPRINT, 0), record)
    ensure_record(store, environment, _minted(seeding[-1], environment, "_freeze", 0))
    fingerprints = FingerprintKey(Secret(key))
    for credential in _DEMO[environment]:
        _seed_credential(
            store, CredentialRef(environment, credential.exchange), credential, fingerprints, started, seeding
        )
    if environment == "prod":
        seeding[-1] = started - timedelta(days=200)
        emergency = CredentialRef(environment, "bybit")
        for part in parts_of("bybit"):
            name = secret_name(emergency, part, emergency=True)
            store.create(name, _minted(seeding[-1], name, "emergency", 0), _value(emergency, part, 99))
        store.create(
            "mm-bot/prod/grafana/token", str(uuid.UUID(bytes=_bytes("grafana")[:16], version=4)), Secret("made up")
        )
    seeding.clear()
    return store


def _seed_credential(
    store: MemoryStore,
    ref: CredentialRef,
    credential: _Credential,
    fingerprints: FingerprintKey,
    started: datetime,
    seeding: list[datetime],
) -> None:
    tags: dict[str, str] = {OWNER: credential.owner} if credential.owner else {}
    parts = parts_of(ref.exchange)
    stored = parts[:-1] if credential.damage == "incomplete" else parts
    ids: list[str] = []
    for number, version in enumerate(credential.versions):
        seeding[-1] = started - timedelta(days=version.days)
        values = {part: _value(ref, part, number) for part in parts}
        ids.append(_minted(seeding[-1], str(ref), "version", number))
        for part in reversed(stored):
            version_id = _foreign(ref, part, number) if version.foreign else ids[-1]
            _store_version(store, secret_name(ref, part), version_id, values[part], CURRENT)
        if not version.foreign:
            tags[record_key(ids[-1])] = format_record(_record(version, values, seeding[-1], fingerprints))
    if credential.old_key_due_in is not None:
        due = started + timedelta(days=credential.old_key_due_in)
        tags[OLD_ALIVE] = format_old_alive(OldKeyAlive(tail(ids[-2]), seeding[-1], due))
    store.tag(secret_name(ref, LEADER), tags)
    _damage(store, ref, credential.damage, fingerprints, started, seeding)


def _damage(
    store: MemoryStore,
    ref: CredentialRef,
    damage: str,
    fingerprints: FingerprintKey,
    started: datetime,
    seeding: list[datetime],
) -> None:
    parts = parts_of(ref.exchange)
    number = 50
    seeding[-1] = started - timedelta(minutes=3)
    values = {part: _value(ref, part, number) for part in parts}
    version_id = _minted(seeding[-1], str(ref), "version", number)
    leader = secret_name(ref, LEADER)
    if damage == "torn":
        _store_version(store, leader, version_id, values[LEADER], CURRENT)
    elif damage == "foreign-follower":
        _store_version(store, secret_name(ref, parts[-1]), _foreign(ref, parts[-1], number), values[parts[-1]], CURRENT)
    elif damage in ("pending", "mid-promotion"):
        for part in reversed(parts):
            store.put(secret_name(ref, part), version_id, values[part], [PENDING])
        record = _record(_Version(0, by="bob"), values, seeding[-1], fingerprints)
        store.tag(leader, {record_key(version_id): format_record(record)})
        if damage == "mid-promotion":
            store.move_stage(leader, CURRENT, to=version_id, expected=store.describe(leader).current)
    elif damage == "half-deleted":
        store.delete(leader)
    elif damage == "deleted":
        seeding[-1] = started - timedelta(days=4)
        for part in parts:
            store.delete(secret_name(ref, part))


def _store_version(store: MemoryStore, name: str, version_id: str, value: Secret, stage: str) -> None:
    if name in store.list_secrets(name):
        store.put(name, version_id, value, [stage])
    else:
        store.create(name, version_id, value)


def _record(
    version: _Version, values: Mapping[str, Secret], stored_at: datetime, fingerprints: FingerprintKey
) -> VersionRecord:
    return VersionRecord(
        stored_at=stored_at,
        fingerprint=fingerprints.of(values),
        key_fingerprint=fingerprints.of_key(values[API_KEY]),
        by=version.by,
        why=version.why,
        hint=key_hint(values[API_KEY]),
        ip_bound=version.ip_bound,
    )


def _bytes(*seed: object) -> bytes:
    return hashlib.blake2b("/".join(map(str, seed)).encode(), digest_size=32).digest()


def _value(ref: CredentialRef, part: str, number: int) -> Secret:
    return Secret("demo" + base64.b32encode(_bytes(ref, part, number)).decode().rstrip("=")[:28])


def _minted(born: datetime, *seed: object) -> str:
    return new_version_id(born.astimezone(UTC), int.from_bytes(_bytes(*seed)[:8], "big"))


def _foreign(ref: CredentialRef, part: str, number: int) -> str:
    return str(uuid.UUID(bytes=_bytes(ref, part, number, "foreign")[:16], version=4))
