"""How the server misbehaves, and the log of the calls that reached it; used on both sides of the wire."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal[
    "throttle",  # ThrottlingException, not applied
    "deny",  # AccessDeniedException, not applied
    "expired",  # ExpiredTokenException, not applied
    "error500",  # InternalServiceError with HTTP 500, not applied
    "html",  # 200 with a web page, as a captive portal sends it, not applied
    "close",  # the connection is cut before anything is applied
    "hold",  # no answer and nothing applied until the rules are cleared; then cut, still not applied
    "hang",  # waits ``seconds`` first; applied then if the client is still there
    "lost",  # applied, then the connection is cut without an answer
    "empty",  # applied, answered with an empty object
    "truncated",  # applied, answered with the first half of the JSON
    "duplicate",  # delivered twice; the client gets the second answer
    "empty_page",  # a listing answers with no items and a NextToken, as AWS says it may
]
CallState = Literal["arrived", "held", "answered", "dropped"]
LISTS = {"ListSecrets": "SecretList", "ListSecretVersionIds": "Versions", "BatchGetSecretValue": "SecretValues"}
"""The operations that answer in pages, and the member that holds their items."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule.

    It fires on calls of ``operation`` (any if None, an AWS operation name such as ``PutSecretValue``) of which a
    secret name or filter value contains ``name``; it lets the first ``after`` of them pass and fires ``count`` times
    (None: for ever). ``seconds`` belongs to ``hang``. The first rule that fires takes the call; later ones do not
    see it.
    """

    kind: FaultKind
    operation: str | None = None
    name: str | None = None
    after: int = 0
    count: int | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an empty page of something that has no pages.

        Raises:
            ValueError: ``empty_page`` without one of the listing operations.
        """
        if self.kind == "empty_page" and self.operation not in LISTS:
            raise ValueError(f"empty_page needs one of {sorted(LISTS)}")


@dataclass(slots=True)
class LoggedCall:
    """One call as it reached the server, in order of arrival. Holds names, never values."""

    service: str
    operation: str
    names: tuple[str, ...]
    fault: FaultKind | None = None
    state: CallState = "arrived"
    status: int | None = None


@dataclass(slots=True)
class _Rule:
    fault: Fault
    seen: int = 0
    fired: int = 0

    def takes(self, call: LoggedCall) -> bool:
        fault = self.fault
        if fault.operation not in (None, call.operation):
            return False
        if fault.name is not None and not any(fault.name in name for name in call.names):
            return False
        self.seen += 1
        if self.seen <= fault.after or (fault.count is not None and self.fired >= fault.count):
            return False
        self.fired += 1
        return True


@dataclass(slots=True)
class FaultBook:
    """The server's rules and call log; every method may be called from any thread."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _rules: list[_Rule] = field(default_factory=list)
    _calls: list[LoggedCall] = field(default_factory=list)
    _released: threading.Event = field(default_factory=threading.Event)

    def add(self, faults: Iterable[Fault]) -> None:
        """Append rules behind those already there."""
        with self._lock:
            self._rules.extend(_Rule(fault) for fault in faults)

    def clear(self) -> None:
        """Drop all rules and let every held or hanging call go, unapplied."""
        with self._lock:
            self._rules.clear()
            self._released.set()
            self._released = threading.Event()

    def enter(self, call: LoggedCall) -> tuple[Fault | None, threading.Event]:
        """Log a call that arrived; give the rule that takes it, and what will be set when the rules are cleared."""
        with self._lock:
            self._calls.append(call)
            fault = next((rule.fault for rule in self._rules if rule.takes(call)), None)
            call.fault = fault.kind if fault else None
            return fault, self._released

    def calls(self) -> Sequence[LoggedCall]:
        """Give the log, oldest first."""
        with self._lock:
            return list(self._calls)

    def clear_calls(self) -> None:
        """Empty the log."""
        with self._lock:
            self._calls.clear()
