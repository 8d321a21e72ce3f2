"""What a writer asks right before its commit: is this credential frozen?"""

from __future__ import annotations

from secrets_core.errors import Refused
from secrets_core.freeze import FreezeRecord, interpret
from secrets_core.names import FREEZE, CredentialRef, control_name
from secrets_core.stores.base import SecretStore


def require_open(store: SecretStore, ref: CredentialRef, *, strict: bool) -> FreezeRecord:
    """Read the freeze record and raise ``Refused`` if it holds this credential, or cannot be confirmed and must be."""
    name = control_name(ref.environment, FREEZE)
    reading = interpret(store.read_current([name])[name])
    if reading.record is None:
        if strict:
            raise Refused(
                f"{reading.reason} Nothing was changed.",
                guard="freeze-unconfirmed",
                hint=f"Make sure that this identity may read {name}.",
                path=str(ref),
            )
        return FreezeRecord()
    if hold := reading.record.hold_on(ref):
        raise Refused(
            f"{ref} is frozen by {hold.codename or hold.incident}. Nothing was changed.",
            guard="frozen",
            hint="It can be changed again after a thaw that names it.",
            path=str(ref),
        )
    return reading.record
