"""The one way to AWS: every call has a deadline, raises only our errors, and leaves no value in a traceback.

The request is built and the answer read inside the call's own thread, so that no frame of the caller, which a
traceback could show, ever holds a value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, TypeVar

from secrets_core.errors import CoreError, GarbledAnswer, IdentityProblem
from secrets_core.stores.aws_answers import Answer, garbled
from secrets_core.stores.aws_calls import Flight, finish_within
from secrets_core.stores.aws_errors import Attempted, Verdict, outcome_unknown, overdue, translate
from secrets_core.stores.aws_options import AwsOptions
from secrets_core.stores.aws_session import AwsConnection
from secrets_core.stores.base import Identity

T = TypeVar("T")
Request = dict[str, Any]


class Operation(Enum):
    """What can be asked: the name in the API, the name in botocore, and whether it changes something."""

    BATCH = ("BatchGetSecretValue", "batch_get_secret_value", False)
    GET = ("GetSecretValue", "get_secret_value", False)
    DESCRIBE = ("DescribeSecret", "describe_secret", False)
    LIST = ("ListSecrets", "list_secrets", False)
    LIST_VERSIONS = ("ListSecretVersionIds", "list_secret_version_ids", False)
    CREATE = ("CreateSecret", "create_secret", True)
    PUT = ("PutSecretValue", "put_secret_value", True)
    MOVE = ("UpdateSecretVersionStage", "update_secret_version_stage", True)
    TAG = ("TagResource", "tag_resource", True)
    UNTAG = ("UntagResource", "untag_resource", True)
    DELETE = ("DeleteSecret", "delete_secret", True)
    RESTORE = ("RestoreSecret", "restore_secret", True)

    def __init__(self, wire_name: str, method: str, changing: bool) -> None:
        self.wire_name = wire_name
        self.method = method
        self.changing = changing


@dataclass(frozen=True, slots=True)
class _Failure:
    error: CoreError


class Gateway:
    """Asks AWS; safe for threads."""

    def __init__(self, options: AwsOptions) -> None:
        """Take the options; connects at the first call."""
        self._connection = AwsConnection(options)
        self._deadline = options.timing.deadline_seconds

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of how it connected; empty before the first call."""
        return self._connection.notices

    def identity(self) -> Identity:
        """Tell who acts; raises as ``ask``."""
        attempted = Attempted("GetCallerIdentity", "", changing=False, profile=self._connection.profile)
        outcome = self._within_deadline(attempted, self._connection.identity)
        if isinstance(outcome, Verdict):
            raise GarbledAnswer(f"AWS answered who this identity is with {outcome.value}.")
        return outcome

    def attempted(self, operation: Operation, about: str) -> Attempted:
        """Describe a call for the errors it may raise."""
        return Attempted(operation.wire_name, about, operation.changing, self._connection.profile)

    def ask(
        self, operation: Operation, about: str, request: Callable[[], Request], parse: Callable[[Answer], T]
    ) -> T | Verdict:
        """Give what ``parse`` reads from the answer, or AWS's verdict on the state it found.

        Raises ``Denied``, ``IdentityProblem``, ``WrongAccount``, ``Throttled``, ``Unreachable``, ``GarbledAnswer``
        (reads) and ``OutcomeUnknown`` (changes: the answer was lost, late or makes no sense), ``InvalidValue``,
        ``SettingsError``, ``Refused`` (quotas).
        """
        attempted = self.attempted(operation, about)

        def work(flight: Flight) -> T:
            client = self._connection.client()
            with flight.in_this_thread():
                answer = getattr(client, operation.method)(**request())
            try:
                return parse(answer)
            except GarbledAnswer:
                if not operation.changing:
                    raise
            raise outcome_unknown(attempted)

        flight = Flight()
        return self._within_deadline(attempted, partial(work, flight), flight)

    def all_pages(
        self, operation: Operation, about: str, request: Request, parse: Callable[[Answer], tuple[list[T], str | None]]
    ) -> list[T] | Verdict:
        """Give the rows of all pages; ``parse`` gives those of one and the token of the next. Raises as ``ask``."""
        found: list[T] = []
        seen: set[str] = set()
        asked = request
        while True:
            outcome = self.ask(operation, about, partial(dict, asked), parse)
            if isinstance(outcome, Verdict):
                return outcome
            page, token = outcome
            found.extend(page)
            if token is None:
                return found
            if token in seen:
                raise garbled("has pages without end", about)
            seen.add(token)
            asked = {**request, "NextToken": token}

    def _within_deadline(
        self, attempted: Attempted, work: Callable[[], T], flight: Flight | None = None
    ) -> T | Verdict:
        sent = flight or Flight()

        def safely() -> T | Verdict | _Failure:
            try:
                return work()
            except CoreError as caught:
                outcome: CoreError | Verdict = caught
            except Exception as caught:  # noqa: BLE001 - whatever the SDK raises becomes an error of ours
                outcome = translate(caught, attempted, may_have_happened=sent.may_have_happened)
            if isinstance(outcome, IdentityProblem):
                self._connection.forget()
            return outcome if isinstance(outcome, Verdict) else _Failure(_bare(outcome))

        try:
            outcome = finish_within(self._deadline, safely)
        except TimeoutError:
            sent.abandon()
            lost = attempted.changing and sent.may_have_happened
            outcome = _Failure(outcome_unknown(attempted) if lost else overdue(attempted, self._deadline))
        if isinstance(outcome, _Failure):
            raise outcome.error
        return outcome


def _bare(error: CoreError) -> CoreError:
    """Cut off where an error came from: frames of the SDK hold requests and answers."""
    error.__cause__ = None
    error.__context__ = None
    return error.with_traceback(None)
