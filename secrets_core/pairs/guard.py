"""What a writer asks right before its commit: is this credential frozen, and did these values leak once?"""

from __future__ import annotations

from collections.abc import Mapping

from secrets_core.errors import Refused
from secrets_core.freeze import FreezeRecord, interpret
from secrets_core.names import FREEZE, CredentialRef, control_name
from secrets_core.stores.base import SecretStore
from secrets_core.tags import records
from secrets_core.versions import tail


def require_open(store: SecretStore, ref: CredentialRef, *, strict: bool) -> FreezeRecord:
    """Read the freeze record and raise ``Refused`` if it holds this credential, or cannot be confirmed and must be."""
    name = control_name(ref.environment, FREEZE)
    reading = interpret(store.read_current([name])[name])
    record = reading.in_force
    if hold := record.hold_on(ref):
        raise Refused(
            f"{ref} is frozen by {hold.codename or hold.incident}. Nothing was changed.",
            guard="frozen",
            hint="It can be changed again after a thaw that names it.",
            path=str(ref),
        )
    if reading.reason and strict:
        raise Refused(
            f"{reading.reason} Nothing was changed.",
            guard="freeze-unconfirmed",
            hint=f"Make sure that this identity may read {name}.",
            path=str(ref),
        )
    return record


def require_sound(
    record: FreezeRecord, ref: CredentialRef, tags: Mapping[str, str], *, version_id: str | None, fingerprint: str
) -> None:
    """Raise ``Refused`` if an incident marked this version, or the same values, as burned or dead.

    The values are the same when their fingerprint is: that of an entry, whatever credential it names, or that which
    the leader's tags record for a version an entry names. So neither a new id nor another account launders them.
    """
    known = records(tags)
    for entry in (*record.dead, *record.burned):
        recorded = known.get(tail(entry.version.lower())) if entry.ref.lower() == str(ref) and entry.version else None
        codes = {entry.fingerprint, recorded.fingerprint if recorded is not None else ""}
        if entry.names(ref, version_id) or (fingerprint and fingerprint in codes):
            raise Refused(
                f"{ref}: these values leaked once or were revoked. Nothing was changed.",
                guard="burned",
                hint="Make a new key at the exchange.",
                path=str(ref),
            )
