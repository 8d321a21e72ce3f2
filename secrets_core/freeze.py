"""The freeze record of an environment, as readers and writers see it.

One permanent secret per environment, ``mm-bot/{environment}/_freeze``, says which exchanges are held, which versions
are dead (proven revoked) and which are burned (leaked once, never to be promoted again). Whoever hands out or changes a
credential looks at it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from secrets_core.errors import AlreadyExists, CoreError, InvalidName, NotFound
from secrets_core.names import FREEZE, CredentialRef, check_exchange, control_name, parse_ref
from secrets_core.secret import Secret
from secrets_core.stores.base import SecretStore, SecretVersion

FORMAT = 1
EVERYTHING = "*"
T = TypeVar("T")


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
    """What an incident marked: a ``dead`` version, told by its id, or a ``burned`` one, told by id or fingerprint.

    A fingerprint alone makes nothing dead: who hands out a credential knows its version and no fingerprint.
    """

    ref: str
    version: str = ""
    fingerprint: str = ""
    incident: str = ""

    def names(self, ref: CredentialRef, version_id: str | None, fingerprint: str = "") -> bool:
        """Tell whether it means this version of this credential, by id (in any case) or by fingerprint."""
        same_version = bool(self.version) and self.version.lower() == (version_id or "").lower()
        same_value = bool(self.fingerprint) and self.fingerprint == fingerprint
        return self.ref.lower() == str(ref) and (same_version or same_value)


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
    understood: FreezeRecord = FreezeRecord()
    """Of an unconfirmed record, the entries that are well-formed; empty where nothing was understood."""

    @property
    def in_force(self) -> FreezeRecord:
        """The holds and marks to go by: those of the record, or what was understood of an unconfirmed one."""
        return self.understood if self.record is None else self.record


def interpret(outcome: SecretVersion | CoreError) -> FreezeReading:
    """Give the reading that a store's answer for ``_freeze`` means; an absent record is one never set up."""
    if isinstance(outcome, NotFound):
        return FreezeReading(FreezeRecord())
    if isinstance(outcome, CoreError):
        return FreezeReading(None, f"The freeze record cannot be read: {outcome.message}")
    understood, malformed = _understand(outcome.value)
    if understood is None:
        return FreezeReading(None, "The freeze record is not in a form that this version understands.", present=True)
    if malformed:
        reason = f"Not all of the freeze record is understood: {', '.join(malformed)}. The rest of it is in force."
        return FreezeReading(None, reason, present=True, understood=understood)
    return FreezeReading(understood, present=True)


def parse(text: Secret) -> FreezeRecord | None:
    """Read the record's JSON; ``None`` for anything but a well-formed record of format 1."""
    understood, malformed = _understand(text)
    return None if malformed else understood


def _understand(text: Secret) -> tuple[FreezeRecord | None, list[str]]:
    """Read the record entry by entry, as one that is malformed must not void a hold beside it.

    Gives what is understood (``None`` where it is no record of format 1) and which fields hold something malformed.
    """
    try:
        data = json.loads(text.reveal(), object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError):
        return None, []
    if not isinstance(data, dict) or type(data.get("format")) is not int or data["format"] != FORMAT:
        return None, []
    malformed: list[str] = []
    revision = data.get("revision", 0)
    if type(revision) is not int:
        malformed.append("revision")
        revision = 0
    holds = data.get("holds", {})
    pairs = list(holds.items()) if isinstance(holds, dict) else [("", holds)]
    record = FreezeRecord(
        revision=revision,
        holds=_well_formed("holds", lambda pair: _hold(*pair), pairs, malformed),
        dead=_well_formed("dead", _dead, data.get("dead", []), malformed),
        burned=_well_formed("burned", _burned, data.get("burned", []), malformed),
    )
    return record, malformed


def ensure_record(store: SecretStore, environment: str, version_id: str) -> bool:
    """Make the environment's empty freeze record where there is none, so that its absence later tells something.

    Tells whether it made one.
    """
    empty = json.dumps({"format": FORMAT, "revision": 0, "holds": {}, "dead": [], "burned": []})
    try:
        store.create(control_name(environment, FREEZE), version_id, Secret(empty))
    except AlreadyExists:
        return False
    return True


def _hold(incident: str, data: dict[str, Any]) -> Hold:
    scope = data["scope"]
    if not isinstance(scope, list) or not scope or not all(isinstance(target, str) for target in scope):
        raise ValueError("a hold without a scope")
    for target in scope:
        if target != EVERYTHING:
            # What can be no exchange would hold nothing: such a record is not understood, not "nothing is frozen".
            check_exchange(target)
    texts = {key: _printable(data.get(key) or "") for key in ("codename", "cause", "message", "by", "at", "phase")}
    return Hold(_printable(incident), tuple(scope), **texts)


def _dead(data: dict[str, Any]) -> RevokedVersion:
    entry = _burned(data)
    if not entry.version:
        raise ValueError("a dead entry without a version")
    return entry


def _burned(data: dict[str, Any]) -> RevokedVersion:
    version, fingerprint = data.get("version") or "", data.get("fingerprint") or ""
    if not (isinstance(version, str) and isinstance(fingerprint, str) and (version or fingerprint)):
        raise ValueError("an entry that names nothing")
    ref = str(parse_ref(data["ref"].lower()))
    return RevokedVersion(ref, version, fingerprint, _printable(data.get("incident") or ""))


def _well_formed(field: str, read: Callable[[Any], T], entries: object, malformed: list[str]) -> tuple[T, ...]:
    """Read what can be read of a field's entries; adds the field to ``malformed`` if that is not all of them."""
    found: list[T] = []
    sound = isinstance(entries, list)
    for entry in entries if isinstance(entries, list) else ():
        try:
            found.append(read(entry))
        except (ValueError, TypeError, AttributeError, KeyError, InvalidName):
            sound = False
    if not sound:
        malformed.append(field)
    return tuple(found)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object; a key that is given twice gets ``None``, which is malformed wherever it matters."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = None if key in found else value
    return found


def _printable(text: object) -> str:
    """Give a text that can neither forge a log line nor steer a terminal: bots log it, and screens show it."""
    return "".join(character if character.isprintable() else " " for character in str(text))
