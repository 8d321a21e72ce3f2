"""Every failure a user can meet: one clear sentence, a stable code, what to do next, and never a value.

Raise these outside an ``except`` block when the caught exception could hold a value: ``raise ... from None``
only hides the old exception from print, its frames stay reachable through ``__context__``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar


class CoreError(Exception):
    """Base of all typed errors; ``str(error)`` is the sentence a user reads."""

    code: ClassVar[str] = "error"
    """Stable, kebab-case; part of the CLI's JSON contract."""
    title: ClassVar[str] = "Something failed"
    retryable: ClassVar[bool] = False
    """True when the same call may succeed later without a change by the user."""

    def __init__(self, message: str, *, hint: str = "", path: str = "") -> None:
        """Take the sentence, what to do next (``hint``), and what it is about (``path``: a name, a file, a key)."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path


class InvalidName(CoreError):
    """An environment, exchange, account or secret name that breaks the naming rules."""

    code = "invalid-name"
    title = "That name does not belong here"


class InvalidValue(CoreError):
    """A typed value that breaks a rule; names the field and the rule, never the value."""

    code = "invalid-value"
    title = "That value cannot be stored"


class NotFound(CoreError):
    """A secret, version or credential that does not exist."""

    code = "not-found"
    title = "Not found"


class AlreadyExists(CoreError):
    """Something of that name, or that very value, is stored already."""

    code = "already-exists"
    title = "Already stored"


class ScheduledForDeletion(CoreError):
    """The secret waits in its recovery window: restore it before anything else."""

    code = "scheduled-for-deletion"
    title = "Scheduled for deletion"


class Conflict(CoreError):
    """A staging label was not where the caller last saw it: another writer won."""

    code = "conflict"
    title = "Somebody else was faster"


class Torn(CoreError):
    """The parts of a credential do not belong together; they are refused, never guessed."""

    code = "torn"
    title = "The parts do not belong together"


class Incomplete(CoreError):
    """A part of the credential is missing."""

    code = "incomplete"
    title = "A part is missing"


class Denied(CoreError):
    """The identity has no right to do this."""

    code = "denied"
    title = "No right to do this"


class IdentityProblem(CoreError):
    """No identity, or one that has expired or wants a prompt that a program cannot answer."""

    code = "identity"
    title = "No valid AWS identity"


class WrongAccount(CoreError):
    """The identity belongs to another AWS account than the one that settings pin."""

    code = "wrong-account"
    title = "Wrong AWS account"


class Unreachable(CoreError):
    """The backend did not answer in time, or not at all."""

    code = "unreachable"
    title = "No answer from the backend"
    retryable = True


class Throttled(CoreError):
    """The backend asks to be called less often."""

    code = "throttled"
    title = "The backend asks to slow down"
    retryable = True


class GarbledAnswer(CoreError):
    """The backend answered, but without what the answer must hold."""

    code = "garbled-answer"
    title = "The backend's answer makes no sense"
    retryable = True


class OutcomeUnknown(CoreError):
    """A change was sent and its answer was lost: it may or may not have happened."""

    code = "outcome-unknown"
    title = "It is not known whether the change happened"


class Refused(CoreError):
    """A guard or policy says no; ``guard`` names which one."""

    code = "refused"
    title = "Refused"

    def __init__(self, message: str, *, guard: str, hint: str = "", path: str = "") -> None:
        """Take the sentence and the name of the guard that refused, e.g. ``read-only`` or ``ci``."""
        super().__init__(message, hint=hint, path=path)
        self.guard = guard

    def __reduce__(self) -> tuple[Any, ...]:
        # The usual way calls the class with the message alone, and fails for want of the guard.
        return partial(Refused, guard=self.guard), self.args, self.__dict__


class Unsupported(CoreError):
    """What was asked for does not exist in this version or on this backend."""

    code = "unsupported"
    title = "Not supported"


class SettingsError(CoreError):
    """The settings file or a variable cannot be understood; names file and key."""

    code = "settings"
    title = "The settings cannot be understood"


class CredentialsOnHold(CoreError):
    """No new hand-out of this credential: frozen, unconfirmed for too long, or reads denied."""

    code = "on-hold"
    title = "Credentials on hold"


class CredentialsDead(CoreError):
    """The incident says that this version was revoked: it is never handed out again."""

    code = "dead"
    title = "Credentials revoked"
