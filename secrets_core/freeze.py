"""The freeze record of an environment, as readers and writers see it.

One permanent secret per environment, ``mm-bot/{environment}/_freeze``, says which exchanges are held, which versions
are dead (proven revoked) and which are burned (leaked once, never to be promoted again). Whoever hands out or changes a
credential looks at it.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any

from secrets_core.errors import AlreadyExists, CoreError, InvalidName, NotFound
from secrets_core.names import FREEZE, CredentialRef, check_exchange, control_name, parse_ref
from secrets_core.secret import Secret
from secrets_core.stores.base import SecretStore, SecretVersion

FORMAT = 1
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Hold:
    """One incident's hold on some exchanges of the environment."""

    incident: str
    scope: tuple[str, ...]
    """Exchanges (all their accounts), single accounts (``bybit@mm1``), or ``*``."""
    codename: str = ""
    cause: str = ""
    message: str = ""
    by: str = ""
    at: str = ""
    phase: str = ""

    def covers(self, ref: CredentialRef) -> bool:
        """Tell whether this hold is on the credential."""
        return any(target in (EVERYTHING, ref.venue, ref.exchange) for target in self.scope)


@dataclass(frozen=True, slots=True)
class RevokedVersion:
    """A version that an incident marked: ``dead`` or ``burned``."""

    ref: str
    version: str = ""
    fingerprint: str = ""
    incident: str = ""

    def names(self, ref: CredentialRef, version_id: str | None, fingerprint: str = "") -> bool:
        """Tell whether it means this version of this credential, by id or by fingerprint."""
        same_version = bool(self.version) and self.version == version_id
        same_value = bool(self.fingerprint) and self.fingerprint == fingerprint
        return self.ref == str(ref) and (same_version or same_value)


@dataclass(frozen=True, slots=True)
class FreezeRecord:
    """What the record says; empty where none was ever written."""

    revision: int = 0
    holds: tuple[Hold, ...] = ()
    dead: tuple[RevokedVersion, ...] = ()
    burned: tuple[RevokedVersion, ...] = ()

    def hold_on(self, ref: CredentialRef) -> Hold | None:
        """Give the hold on this credential, or ``None``."""
        return next((hold for hold in self.holds if hold.covers(ref)), None)

    def is_dead(self, ref: CredentialRef, version_id: str | None) -> bool:
        """Tell whether this version was proven revoked."""
        return any(entry.names(ref, version_id) for entry in self.dead)

    def is_burned(self, ref: CredentialRef, version_id: str | None, fingerprint: str = "") -> bool:
        """Tell whether this version, or this very value, leaked once."""
        return any(entry.names(ref, version_id, fingerprint) for entry in self.burned)


@dataclass(frozen=True, slots=True)
class FreezeReading:
    """One look at the record: what it said, or why it could not be confirmed."""

    record: FreezeRecord | None
    """``None`` while unconfirmed."""
    reason: str = ""
    """Why it is unconfirmed, as a sentence."""
    present: bool = False
    """The record exists: whoever has seen that once takes its absence as unconfirmed."""


def interpret(outcome: SecretVersion | CoreError) -> FreezeReading:
    """Give the reading that a store's answer for ``_freeze`` means; an absent record is one never set up."""
    if isinstance(outcome, NotFound):
        return FreezeReading(FreezeRecord())
    if isinstance(outcome, CoreError):
        return FreezeReading(None, f"The freeze record cannot be read: {outcome.message}")
    record = parse(outcome.value)
    if record is None:
        return FreezeReading(None, "The freeze record is not in a form that this version understands.", present=True)
    return FreezeReading(record, present=True)


def parse(text: Secret) -> FreezeRecord | None:
    """Read the record's JSON; ``None`` for anything but a well-formed record of format 1."""
    try:
        data = json.loads(text.reveal())
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            return None
        revision = data.get("revision", 0)
        if not isinstance(revision, int):
            return None
        return FreezeRecord(
            revision=revision,
            holds=tuple(_hold(incident, hold) for incident, hold in data.get("holds", {}).items()),
            dead=tuple(_revoked(entry) for entry in data.get("dead", [])),
            burned=tuple(_revoked(entry) for entry in data.get("burned", [])),
        )
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError, InvalidName):
        return None


def ensure_record(store: SecretStore, environment: str, version_id: str) -> None:
    """Make the environment's empty freeze record where there is none, so that its absence later tells something."""
    empty = json.dumps({"format": FORMAT, "revision": 0, "holds": {}, "dead": [], "burned": []})
    with contextlib.suppress(AlreadyExists):
        store.create(control_name(environment, FREEZE), version_id, Secret(empty))


def _hold(incident: str, data: dict[str, Any]) -> Hold:
    scope = data["scope"]
    if not isinstance(scope, list) or not scope or not all(isinstance(target, str) for target in scope):
        raise ValueError("a hold without a scope")
    for target in scope:
        if target != EVERYTHING:
            # What can be no exchange would hold nothing: such a record is not understood, not "nothing is frozen".
            check_exchange(target)
    texts = {key: _printable(data.get(key, "")) for key in ("codename", "cause", "message", "by", "at", "phase")}
    return Hold(_printable(incident), tuple(scope), **texts)


def _revoked(data: dict[str, Any]) -> RevokedVersion:
    texts = {key: str(data.get(key, "")) for key in ("version", "fingerprint", "incident")}
    return RevokedVersion(str(parse_ref(data["ref"])), **texts)


def _printable(text: object) -> str:
    """Give a text that can neither forge a log line nor steer a terminal: bots log it, and screens show it."""
    return "".join(character if character.isprintable() else " " for character in str(text))
