"""AWS Secrets Manager as a store.

What an AWS error means is decided from codes and from the state that DescribeSecret shows, never from messages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from secrets_core.clock import Clock, utc_now
from secrets_core.errors import (
    AlreadyExists,
    Conflict,
    CoreError,
    Denied,
    InvalidName,
    InvalidValue,
    NotFound,
    Refused,
    ScheduledForDeletion,
    SettingsError,
)
from secrets_core.parallel import in_parallel
from secrets_core.secret import Secret
from secrets_core.stores import aws_answers as answers
from secrets_core.stores.aws_answers import Answer
from secrets_core.stores.aws_errors import Verdict, from_code
from secrets_core.stores.aws_gateway import Gateway, Operation, Request
from secrets_core.stores.aws_options import AwsOptions
from secrets_core.stores.base import (
    CURRENT,
    RECOVERY_DAYS,
    Identity,
    SecretMetadata,
    SecretStore,
    SecretVersion,
    VersionMetadata,
)
from secrets_core.stores.memory import check_recovery_days, check_size

__all__ = ["AwsOptions", "AwsStore"]

T = TypeVar("T")
Outcome = SecretVersion | CoreError

BATCH_SIZE = 20
"""Ids in one BatchGetSecretValue (API reference)."""
PAGE_SIZE = 100
"""Rows of one page of ListSecrets or ListSecretVersionIds, the most there are (API reference)."""
LISTING_LAG = timedelta(minutes=5)
"""ListSecrets might not show the changes of the last five minutes (API reference)."""


class AwsStore(SecretStore):
    """Secrets in AWS Secrets Manager. Connects at the first call; safe for threads."""

    backend = "aws"

    def __init__(self, options: AwsOptions | None = None, clock: Clock = utc_now) -> None:
        """Take the options; the clock tells for how long listings may lag behind our own writes."""
        self.options = options or AwsOptions()
        self._clock = clock
        self._gateway = Gateway(self.options)
        self._batch_denied = False
        self._written: dict[str, datetime] = {}
        self._written_lock = threading.Lock()

    @property
    def notices(self) -> tuple[str, ...]:
        """As the contract says; empty before the first call."""
        return self._gateway.notices

    def identity(self) -> Identity:
        return self._gateway.identity()

    def read_current(self, names: Sequence[str]) -> dict[str, SecretVersion | CoreError]:
        wanted = list(dict.fromkeys(names))
        found: dict[str, Outcome] = {}
        for start in range(0, len(wanted), BATCH_SIZE):
            found.update(self._read_chunk(wanted[start : start + BATCH_SIZE]))
        return found

    def read_version(self, name: str, version_id: str) -> SecretVersion:
        def parse(answer: Answer) -> Outcome:
            answers.confirm_version(answer, name, version_id)
            return answers.version(answer, name)

        request = {"SecretId": _checked(name), "VersionId": version_id}
        outcome = self._gateway.ask(Operation.GET, name, lambda: request, parse)
        if isinstance(outcome, Verdict):
            raise _unreadable(outcome, name, f"{name} does not exist, or has no such version.")
        if isinstance(outcome, CoreError):
            raise outcome
        return outcome

    def describe(self, name: str) -> SecretMetadata:
        def parse(answer: Answer) -> SecretMetadata:
            answers.confirm_name(answer, name)
            return answers.metadata(answer, "VersionIdsToStages")

        request = {"SecretId": _checked(name)}
        outcome = self._gateway.ask(Operation.DESCRIBE, name, lambda: request, parse)
        if isinstance(outcome, Verdict):
            raise _unreadable(outcome, name, f"There is no secret {name}.")
        return outcome

    def describe_many(self, names: Sequence[str]) -> list[SecretMetadata]:
        found = in_parallel(self._describe_if_there, dict.fromkeys(names))
        return [secret for secret in found if secret is not None]

    def list_metadata(self, prefix: str) -> list[SecretMetadata]:
        def parse(answer: Answer) -> tuple[list[SecretMetadata], str | None]:
            page = answers.rows(answer, "SecretList", "the listing")
            found = [answers.metadata(row, "SecretVersionsToStages") for row in page]
            return found, answers.next_token(answer, "the listing")

        request: Request = {"MaxResults": PAGE_SIZE, "IncludePlannedDeletion": True}
        if prefix:
            request["Filters"] = [{"Key": "name", "Values": [prefix]}]
        rows = self._gateway.all_pages(Operation.LIST, prefix, request, parse)
        if isinstance(rows, Verdict):
            raise _not_valid(prefix)
        listed = {row.name: row for row in rows}
        lagging = [name for name in self._recently_written() if name.startswith(prefix)]
        for name in lagging:
            listed.pop(name, None)
        listed.update((row.name, row) for row in self.describe_many(lagging))
        return [row for name, row in sorted(listed.items()) if name.startswith(prefix)]

    def list_versions(self, name: str) -> list[VersionMetadata]:
        def parse(answer: Answer) -> tuple[list[VersionMetadata], str | None]:
            answers.confirm_name(answer, name)
            page = answers.rows(answer, "Versions", name)
            return [answers.version_metadata(row, name) for row in page], answers.next_token(answer, name)

        request: Request = {"SecretId": _checked(name), "IncludeDeprecated": True, "MaxResults": PAGE_SIZE}
        versions = self._gateway.all_pages(Operation.LIST_VERSIONS, name, request, parse)
        if isinstance(versions, Verdict):
            raise _unreadable(versions, name, f"There is no secret {name}.")
        return sorted(versions, key=lambda version: version.created_at)[::-1]

    def create(self, name: str, version_id: str, value: Secret, tags: Mapping[str, str] | None = None) -> None:
        check_size(name, value)
        request: Request = {"Name": _checked(name), "ClientRequestToken": version_id}
        if all_tags := {**self.options.tags, **(tags or {})}:
            request["Tags"] = _tag_list(all_tags)
        if self.options.kms_key_id is not None:
            request["KmsKeyId"] = self.options.kms_key_id
        outcome = self._store_value(Operation.CREATE, name, version_id, value, request)
        if outcome is Verdict.EXISTS:
            raise AlreadyExists(f"{name} exists already.", path=name)
        if outcome is Verdict.NOT_FOUND:
            raise SettingsError(
                f"AWS finds no KMS key {self.options.kms_key_id or '(default)'} for {name}.",
                hint="Correct kms_key_id in the settings.",
                path="kms_key_id",
            )
        if outcome is Verdict.INVALID_REQUEST:
            secret = self._describe_if_there(name)
            raise _refused(name) if secret is None or secret.deleted_at is None else _scheduled(name)
        if outcome is Verdict.INVALID_PARAMETER:
            raise _not_valid(name)

    def put(self, name: str, version_id: str, value: Secret, stages: Sequence[str]) -> None:
        check_size(name, value)
        if not stages:
            raise InvalidValue("A version is stored with at least one staging label.", path=name)
        request = {"SecretId": _checked(name), "ClientRequestToken": version_id, "VersionStages": list(stages)}
        outcome = self._store_value(Operation.PUT, name, version_id, value, request)
        if outcome is Verdict.EXISTS:
            raise AlreadyExists(f"{name} has another value under that version id.", path=name)
        if outcome is not None:
            raise self._unchangeable(outcome, name)

    def move_stage(self, name: str, stage: str, *, to: str | None, expected: str | None) -> None:
        request = {"SecretId": _checked(name), "VersionStage": stage}
        if to is not None:
            request["MoveToVersionId"] = to
        if expected is not None:
            request["RemoveFromVersionId"] = expected
        # AWS has no request for "nobody holds it, and nobody shall", nor for a secret without AWSCURRENT.
        if to is None and (expected is None or stage == CURRENT):
            self._settle_move(name, stage, to, expected)
            return
        outcome = self._change(Operation.MOVE, name, lambda: request, lambda answer: answers.confirm_name(answer, name))
        if isinstance(outcome, Verdict):
            self._settle_move(name, stage, to, expected)

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        if tags:
            self._change_tags(Operation.TAG, name, {"SecretId": _checked(name), "Tags": _tag_list(tags)})

    def untag(self, name: str, keys: Sequence[str]) -> None:
        if keys:
            self._change_tags(Operation.UNTAG, name, {"SecretId": _checked(name), "TagKeys": list(keys)})

    def delete(self, name: str, recovery_days: int = RECOVERY_DAYS) -> None:
        check_recovery_days(recovery_days)
        # Looked at first, for a second deletion could move the end of the recovery window.
        if self.describe(name).deleted_at is not None:
            return

        def confirm(answer: Answer) -> None:
            answers.confirm_name(answer, name)
            answers.time(answer, "DeletionDate", name)

        request = {"SecretId": name, "RecoveryWindowInDays": recovery_days}
        outcome = self._change(Operation.DELETE, name, lambda: request, confirm)
        if isinstance(outcome, Verdict) and self.describe(name).deleted_at is None:
            raise _refused(name)

    def restore(self, name: str) -> None:
        request = {"SecretId": _checked(name)}
        outcome = self._change(
            Operation.RESTORE, name, lambda: request, lambda answer: answers.confirm_name(answer, name)
        )
        if isinstance(outcome, Verdict) and self.describe(name).deleted_at is not None:
            raise _refused(name)

    def _read_chunk(self, names: list[str]) -> dict[str, Outcome]:
        # A single name needs no batch, nor the right to one.
        if len(names) > 1 and not self._batch_denied:
            try:
                return self._read_batch(names)
            except Denied:
                self._batch_denied = True
        return dict(zip(names, in_parallel(self._read_one, names), strict=True))

    def _read_batch(self, names: list[str]) -> dict[str, Outcome]:
        about = f"{names[0]} and {len(names) - 1} more"

        def parse(answer: Answer) -> tuple[list[tuple[str, Outcome]], str | None]:
            found: list[tuple[str, Outcome]] = []
            for row in answers.rows(answer, "SecretValues", about):
                name = answers.text(row, "Name", about)
                found.append((name, answers.current_version(row, name)))
            for row in answers.optional_rows(answer, "Errors", about):
                found.append(self._batch_error(row, names, about))
            return found, answers.next_token(answer, about)

        request: Request = {"SecretIdList": [_checked(name) for name in names]}
        outcomes = self._gateway.all_pages(Operation.BATCH, about, request, parse)
        if isinstance(outcomes, Verdict):
            raise _not_valid(about)
        found = dict(outcomes)
        if len(outcomes) != len(found) or found.keys() != set(names):
            raise answers.garbled("does not hold each secret once", about)
        return found

    def _batch_error(self, row: Answer, names: Sequence[str], about: str) -> tuple[str, CoreError]:
        secret_id, code = answers.text(row, "SecretId", about), answers.text(row, "ErrorCode", about)
        name = next((name for name in names if answers.secret_id_names(secret_id, name)), None)
        if name is None:
            raise answers.garbled("is about a secret nobody asked for", about)
        outcome = from_code(code, self._gateway.attempted(Operation.GET, name))
        return name, _unread(outcome, name) if isinstance(outcome, Verdict) else outcome

    def _read_one(self, name: str) -> Outcome:
        request = {"SecretId": _checked(name), "VersionStage": CURRENT}
        try:
            outcome = self._gateway.ask(
                Operation.GET, name, lambda: request, lambda answer: answers.current_version(answer, name)
            )
        except Denied as error:
            return error.with_traceback(None)
        return _unread(outcome, name) if isinstance(outcome, Verdict) else outcome

    def _describe_if_there(self, name: str) -> SecretMetadata | None:
        try:
            return self.describe(name)
        except NotFound:
            return None

    def _settle_move(self, name: str, stage: str, to: str | None, expected: str | None) -> None:
        """Find out what the refusal of a move means; do nothing where the label is already where it should be.

        The latter is how a move looks whose first answer was lost: its repeat finds another state than it expects.
        """
        secret = self.describe(name)
        if secret.deleted_at is not None:
            raise _scheduled(name)
        asked = {version_id for version_id in (to, expected) if version_id is not None}
        if not asked <= set(secret.stages.values()):
            asked -= {version.version_id for version in self.list_versions(name)}
            if asked:
                raise NotFound(f"{name} has no such version.", path=name)
        if secret.stages.get(stage) == to and not (to is None and stage == CURRENT):
            return
        raise Conflict(
            f"{stage} of {name} is not where it was expected.", hint="Look again: another writer moved it.", path=name
        )

    def _unchangeable(self, verdict: Verdict, name: str) -> CoreError:
        """Tell why a secret could not be changed: it is missing, scheduled for deletion, or the request is wrong."""
        if verdict is Verdict.NOT_FOUND:
            return NotFound(f"There is no secret {name}.", path=name)
        if verdict is Verdict.INVALID_PARAMETER:
            return _not_valid(name)
        secret = self._describe_if_there(name)
        if secret is None:
            return NotFound(f"There is no secret {name}.", path=name)
        return _refused(name) if secret.deleted_at is None else _scheduled(name)

    def _store_value(
        self, operation: Operation, name: str, version_id: str, value: Secret, request: Request
    ) -> Verdict | None:
        return self._change(
            operation,
            name,
            lambda: {**request, "SecretString": value.reveal()},
            lambda answer: answers.confirm_version(answer, name, version_id),
        )

    def _change_tags(self, operation: Operation, name: str, request: Request) -> None:
        outcome = self._change(operation, name, lambda: request, lambda answer: answers.confirm_empty(answer, name))
        if isinstance(outcome, Verdict):
            raise self._unchangeable(outcome, name)

    def _change(
        self, operation: Operation, name: str, request: Callable[[], Request], parse: Callable[[Answer], T]
    ) -> T | Verdict:
        try:
            return self._gateway.ask(operation, name, request, parse)
        finally:
            # Also after a failure, for the change may have happened.
            with self._written_lock:
                self._written[name] = self._clock()

    def _recently_written(self) -> list[str]:
        with self._written_lock:
            since = self._clock() - LISTING_LAG
            self._written = {name: time for name, time in self._written.items() if time >= since}
            return sorted(self._written)


def _checked(name: str) -> str:
    """Give the name back; an ARN, by which AWS would reach into another account, is no name."""
    if name.startswith("arn:"):
        raise InvalidName("A secret is called by its name here, not by an ARN.", path=name)
    return name


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _unreadable(verdict: Verdict, name: str, missing: str) -> CoreError:
    """Give the error for a read: AWS calls a request for a secret in its recovery window an invalid one."""
    if verdict is Verdict.NOT_FOUND:
        return NotFound(missing, path=name)
    return _scheduled(name) if verdict is Verdict.INVALID_REQUEST else _not_valid(name)


def _unread(verdict: Verdict, name: str) -> CoreError:
    return _unreadable(verdict, name, f"There is no secret {name}, or it has no value.")


def _scheduled(name: str) -> ScheduledForDeletion:
    return ScheduledForDeletion(f"{name} is scheduled for deletion.", hint="Restore it first.", path=name)


def _not_valid(name: str) -> InvalidValue:
    return InvalidValue(f"AWS cannot take what {name} was given: a name, id, label or tag is not valid.", path=name)


def _refused(name: str) -> Refused:
    return Refused(
        f"AWS refuses to change {name}.",
        guard="aws",
        hint="It may be replicated to another region, or managed by another AWS service.",
        path=name,
    )
