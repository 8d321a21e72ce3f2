"""Where a reader stands with a credential: OK, HOLD or DEAD, and why.

Freezing must never take away the act that reduces risk, so there are two kinds of no: HOLD hands out nothing new but
leaves what a bot has in memory, DEAD takes that too. This module judges; it neither reads nor waits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, final

from secrets_core.errors import CoreError, CredentialsDead, CredentialsOnHold
from secrets_core.freeze import FreezeReading, FreezeRecord, Hold, RevokedVersion
from secrets_core.names import CredentialRef
from secrets_core.policy import EnvironmentPolicy

Uniform = Callable[[float, float], float]
"""A function like ``random.uniform``."""
Cause = Literal["", "frozen", "unconfirmed", "denied", "revoked", "gone", "failing"]


class State(StrEnum):
    """What a reader may do with a credential."""

    OK = "OK"
    HOLD = "HOLD"
    """Nothing new is handed out; what is in memory may still cancel and reduce."""
    DEAD = "DEAD"
    """The incident says that this version was revoked: nothing is handed out again."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A state with its reason; what a watching bot is told."""

    ref: CredentialRef
    state: State
    cause: Cause = ""
    reason: str = ""
    """A sentence; with ``OK`` it is a warning."""
    version_id: str | None = None
    """The version that is held in memory (of a legacy pair: the leader's); ``None`` when nothing is."""


def refusal(standing: Standing) -> CoreError:
    """Give the error that a bot gets for a standing that hands out nothing."""
    ref = str(standing.ref)
    if standing.state is State.DEAD:
        return CredentialsDead(standing.reason, hint="A new version must be saved and thawed.", path=ref)
    hints = {
        "frozen": "It comes back only by a thaw that names it.",
        "unconfirmed": "It comes back by itself when the freeze record can be confirmed again.",
        "denied": "Ask who may change this identity's rights, and whether a freeze is being enforced.",
    }
    memory = "What is held in memory still cancels and reduces: for_risk_reduction()."
    return CredentialsOnHold(standing.reason, hint=f"{hints.get(standing.cause, '')} {memory}".strip(), path=ref)


@final
class KnownFreeze:
    """What a process knows of one environment's freeze record.

    All times are seconds of one monotonic clock. Not safe for threads: its owner locks.
    """

    def __init__(self, policy: EnvironmentPolicy, uniform: Uniform) -> None:
        """Take the environment's rules and the source of the random spread on the way back from an outage."""
        self.policy = policy
        self.polled = False
        """Whether a poller looks; without one the record is seen only when values are read."""
        self.problem = ""
        """Why the latest look did not confirm the record; empty when it did."""
        self._warn_after = policy.warn_after_seconds or 0
        self._uniform = uniform
        self._record = FreezeRecord()
        self._revision = 0
        self._unproven: tuple[Hold, ...] = ()
        """Holds of looks that confirmed nothing: any look may add a hold, only a confirmed one takes it away."""
        self._present = False
        self._dead: frozenset[RevokedVersion] = frozenset()
        self._confirmed_at: float | None = None
        self._first_look_at: float | None = None
        self._latest_at = -math.inf
        self._outage = False
        self._back_at: float | None = None
        self._told_problem = False

    def observe(self, reading: FreezeReading, *, at: float, now: float) -> None:
        """Take in a look at the record that began at ``at`` and ended at ``now``."""
        record, said = reading.record, reading.in_force
        older = said.revision < self._revision
        vanished = record is not None and self._present and not reading.present
        overtaken = at < self._latest_at
        self._present = self._present or reading.present
        self._revision = max(self._revision, said.revision)
        self._dead |= frozenset(said.dead)
        if not (overtaken and older):
            self._unproven += tuple(hold for hold in said.holds if hold not in self._unproven)
        if overtaken and (record is None or older or vanished):
            return  # overtaken by a look that began later
        self._latest_at = max(self._latest_at, at)
        self._first_look_at = at if self._first_look_at is None else self._first_look_at
        if record is None:
            self._doubt(reading.reason)
        elif vanished:
            self._doubt("The freeze record was there and cannot be found any more.")
        elif older:
            self._doubt("The freeze record is older than one that was read before.")
        else:
            self._record, self._unproven = record, ()
            self._confirm(at, now)

    def news(self) -> str:
        """Give a sentence for the log when the record is unconfirmed, or confirmed again, since the last call."""
        if bool(self.problem) == self._told_problem:
            return ""
        self._told_problem = bool(self.problem)
        return self.problem or "The freeze record is confirmed again."

    @property
    def good_until(self) -> float:
        """Until when the latest confirmation counts; infinite where the rules never hold for want of one."""
        since = self._confirmed_at if self._confirmed_at is not None else self._first_look_at
        if self.policy.hold_after_seconds is None or since is None:
            return math.inf
        # Without a poller the next look is due when the values are: only then can a confirmation be missing.
        expected = 0 if self.polled else self.policy.ttl_seconds
        return since + expected + self.policy.hold_after_seconds

    def is_dead(self, ref: CredentialRef, version_id: str | None) -> bool:
        """Tell whether an incident ever said that this version was revoked; that is never taken back."""
        return any(entry.names(ref, version_id) for entry in self._dead)

    def standing(self, ref: CredentialRef, version_id: str | None, now: float) -> Standing:
        """Judge a credential of which this version is in memory, by the freeze record alone."""
        if self.is_dead(ref, version_id):
            return Standing(ref, State.DEAD, "revoked", f"This version of {ref} was revoked.", version_id)
        if hold := self._hold_on(ref):
            return Standing(ref, State.HOLD, "frozen", _frozen(ref, hold), version_id)
        if reason := self._unconfirmed(now):
            return Standing(ref, State.HOLD, "unconfirmed", f"{ref} is on hold. {reason}", version_id)
        if self.problem and (self._confirmed_at is None or now >= self._confirmed_at + self._warn_after):
            return Standing(ref, State.OK, "unconfirmed", self.problem, version_id)
        return Standing(ref, State.OK, version_id=version_id)

    def _hold_on(self, ref: CredentialRef) -> Hold | None:
        return next((hold for hold in (*self._record.holds, *self._unproven) if hold.covers(ref)), None)

    def _unconfirmed(self, now: float) -> str:
        """Say why the want of a confirmation holds everything, or nothing."""
        if self._confirmed_at is None and self.policy.mode == "strict":
            return self.problem or "The freeze record has not been read yet."
        if self._is_overdue(now):
            return f"The freeze record has been unconfirmed for too long. {self.problem}"
        if self._outage:
            return self.problem or "The freeze record can be read again; a second confirmation is awaited."
        return ""

    def _is_overdue(self, now: float) -> bool:
        return bool(self.problem) and now >= self.good_until

    def _doubt(self, reason: str) -> None:
        self.problem = reason
        self._back_at = None

    def _confirm(self, at: float, now: float) -> None:
        if self._confirmed_at is not None and self._is_overdue(now):
            self._outage = True
        self.problem = ""
        self._confirmed_at = max(at, self._confirmed_at if self._confirmed_at is not None else at)
        if not self._outage:
            return
        if self._back_at is None:
            # Spread, so that not every bot comes back in the same second.
            self._back_at = now + self.policy.poll_seconds * self._uniform(0.5, 1.5)
        elif now >= self._back_at:
            self._outage, self._back_at = False, None


def _frozen(ref: CredentialRef, hold: Hold) -> str:
    said = hold.message or hold.cause
    return f"{ref} is frozen by {hold.codename or hold.incident}{': ' if said else '.'}{said}"
