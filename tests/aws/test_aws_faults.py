"""What the AWS store says when the way to AWS fails: never a wrong answer, never a wait past the deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from secrets_core.errors import CoreError, GarbledAnswer, OutcomeUnknown, Throttled, Unreachable
from secrets_core.secret import Secret
from secrets_core.stores.aws import AwsOptions, AwsStore
from secrets_core.stores.aws_options import PATIENCE, Patience
from secrets_core.stores.base import CURRENT, GOOD, PENDING, SecretVersion
from tests.aws.opening import HASTY, Desk
from tests.aws.stand_in import answering, keys_of_nobody, unused_port
from tests.aws_server.account import ACCOUNT
from tests.aws_server.faults import Fault, FaultKind
from tests.aws_server.process import wait_for

KEY = "mm-bot/dev/bybit/api_key"
NEW = "mm-bot/dev/okx/api_key"
FIRST, SECOND, THIRD = (f"01910000-0000-73b7-8000-{number:012}" for number in range(3))

Act = Callable[[AwsStore], object]
READS: dict[str, Act] = {
    "BatchGetSecretValue": lambda store: store.read_current([KEY, NEW]),
    "GetSecretValue": lambda store: store.read_version(KEY, FIRST),
    "DescribeSecret": lambda store: store.describe(KEY),
    "ListSecrets": lambda store: store.list_metadata("mm-bot/"),
    "ListSecretVersionIds": lambda store: store.list_versions(KEY),
}
CHANGES: dict[str, Act] = {
    "CreateSecret": lambda store: store.create(NEW, THIRD, Secret("third")),
    "PutSecretValue": lambda store: store.put(KEY, THIRD, Secret("third"), [GOOD]),
    "UpdateSecretVersionStage": lambda store: store.move_stage(KEY, CURRENT, to=SECOND, expected=FIRST),
    "TagResource": lambda store: store.tag(KEY, {"team": "new"}),
    "UntagResource": lambda store: store.untag(KEY, ["old"]),
    "DeleteSecret": lambda store: store.delete(KEY),
    "RestoreSecret": lambda store: store.restore(KEY),
}
DONE: dict[str, Callable[[AwsStore], bool]] = {
    "CreateSecret": lambda store: store.get_secret_value(NEW) == Secret("third"),
    "PutSecretValue": lambda store: store.describe(KEY).stages.get(GOOD) == THIRD,
    "UpdateSecretVersionStage": lambda store: store.describe(KEY).stages.get(CURRENT) == SECOND,
    "TagResource": lambda store: store.describe(KEY).tags == {"old": "tag", "team": "new"},
    "UntagResource": lambda store: store.describe(KEY).tags == {},
    "DeleteSecret": lambda store: store.describe(KEY).deleted_at is not None,
    "RestoreSecret": lambda store: store.describe(KEY).deleted_at is None,
}
RETRYING = Patience(connect_seconds=1, read_seconds=5, attempts=2, deadline_seconds=5)


@pytest.fixture(autouse=True)
def begun(desk: Desk, request: pytest.FixtureRequest) -> None:
    """Begin with one secret: a current, a pending version and a tag."""
    raw = desk.server.client()
    raw.create_secret(Name=KEY, ClientRequestToken=FIRST, SecretString="first", Tags=[{"Key": "old", "Value": "tag"}])
    raw.put_secret_value(SecretId=KEY, ClientRequestToken=SECOND, SecretString="second", VersionStages=[PENDING])
    if "RestoreSecret" in request.node.name:
        raw.delete_secret(SecretId=KEY)
    desk.server.clear_calls()


@pytest.mark.parametrize("kind", ["empty", "html", "truncated"])
@pytest.mark.parametrize("operation", READS)
def test_a_garbled_answer_to_a_read_is_not_believed(desk: Desk, operation: str, kind: FaultKind) -> None:
    desk.server.faults(Fault(kind, operation, count=1))
    store = desk.store()
    with pytest.raises(GarbledAnswer):
        READS[operation](store)
    READS[operation](store)


@pytest.mark.parametrize("kind", ["empty", "html", "truncated"])
@pytest.mark.parametrize("operation", sorted(CHANGES.keys() - {"TagResource", "UntagResource"}))
def test_a_garbled_answer_to_a_change_leaves_it_in_doubt(desk: Desk, operation: str, kind: FaultKind) -> None:
    desk.server.faults(Fault(kind, operation, count=1))
    store = desk.store()
    with pytest.raises(OutcomeUnknown, match=operation) as caught:
        CHANGES[operation](store)
    assert "repeat" in caught.value.hint
    CHANGES[operation](store)
    assert DONE[operation](store)


@pytest.mark.parametrize("operation", ["TagResource", "UntagResource"])
def test_a_login_page_is_not_taken_for_an_answer_without_content(desk: Desk, operation: str) -> None:
    desk.server.faults(Fault("html", operation, count=1))
    store = desk.store()
    with pytest.raises(OutcomeUnknown):
        CHANGES[operation](store)
    assert not DONE[operation](store)
    CHANGES[operation](store)
    assert DONE[operation](store)


def test_an_answer_that_is_no_text_is_garbled() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00\x01") as endpoint:
        store = AwsStore(AwsOptions(endpoint_url=endpoint, region="us-east-1", profile=keys_of_nobody()))
        with pytest.raises(GarbledAnswer):
            store.describe(KEY)
        with pytest.raises(OutcomeUnknown):
            store.put(KEY, THIRD, Secret("third"), [PENDING])


@pytest.mark.parametrize("operation", CHANGES)
def test_a_change_whose_answer_is_lost_is_in_doubt_and_its_repeat_does_no_harm(desk: Desk, operation: str) -> None:
    desk.server.faults(Fault("lost", operation, count=1))
    store = desk.store()
    with pytest.raises(OutcomeUnknown, match=KEY if operation != "CreateSecret" else NEW):
        CHANGES[operation](store)
    assert DONE[operation](store)
    versions = len(store.list_versions(KEY))
    CHANGES[operation](store)
    assert DONE[operation](store)
    assert len(store.list_versions(KEY)) == versions


@pytest.mark.parametrize("operation", CHANGES)
@pytest.mark.parametrize("kind", ["lost", "duplicate"])
def test_the_sdks_own_retry_and_a_double_delivery_are_no_failure(desk: Desk, operation: str, kind: FaultKind) -> None:
    desk.server.faults(Fault(kind, operation, count=1))
    store = desk.store(patience=RETRYING)
    CHANGES[operation](store)
    assert DONE[operation](store)


@pytest.mark.parametrize("operation", READS)
def test_a_read_is_tried_again_after_a_cut_connection(desk: Desk, operation: str) -> None:
    desk.server.faults(Fault("close", operation, count=1))
    READS[operation](desk.store(patience=RETRYING))
    assert desk.operations().count(operation) == 2


@pytest.mark.parametrize("operation", [*READS, *CHANGES])
def test_throttling_is_named_and_changes_nothing(desk: Desk, operation: str) -> None:
    desk.server.faults(Fault("throttle", operation))
    store = desk.store()
    with pytest.raises(Throttled) as caught:
        (READS | CHANGES)[operation](store)
    assert caught.value.retryable
    desk.server.clear_faults()
    if operation in CHANGES and operation != "CreateSecret":
        assert not DONE[operation](store)


@pytest.mark.parametrize("kind", ["error500", "close"])
@pytest.mark.parametrize("operation", [*READS, *CHANGES])
def test_a_server_that_fails_or_hangs_up(desk: Desk, operation: str, kind: FaultKind) -> None:
    desk.server.faults(Fault(kind, operation))
    # Nobody here knows how far a change had got.
    with pytest.raises(Unreachable if operation in READS else OutcomeUnknown):
        (READS | CHANGES)[operation](desk.store())


@pytest.mark.parametrize("operation", [*READS, *CHANGES])
def test_a_hanging_server_is_waited_for_until_the_deadline(desk: Desk, operation: str) -> None:
    store = desk.store(patience=HASTY)
    store.identity()
    desk.server.faults(Fault("hold", operation))
    begin = time.monotonic()
    with pytest.raises(Unreachable if operation in READS else OutcomeUnknown):
        (READS | CHANGES)[operation](store)
    assert time.monotonic() - begin < 2 * HASTY.deadline_seconds


def test_a_dripping_server_is_waited_for_until_the_deadline() -> None:
    drip = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"." * 100
    with answering(drip, pause=0.05) as endpoint:
        options = AwsOptions(endpoint_url=endpoint, region="us-east-1", profile=keys_of_nobody(), patience=HASTY)
        begin = time.monotonic()
        with pytest.raises(Unreachable, match=r"within 0\.5 seconds"):
            AwsStore(options).describe(KEY)
        with pytest.raises(OutcomeUnknown):
            AwsStore(options).put(KEY, THIRD, Secret("third"), [PENDING])
        assert time.monotonic() - begin < 4


def test_a_change_that_was_not_sent_in_time_is_never_sent(desk: Desk) -> None:
    store = desk.store(patience=HASTY, account_id=ACCOUNT)
    desk.server.faults(Fault("hang", "GetCallerIdentity", count=1, seconds=1))
    with pytest.raises(Unreachable):
        store.put(KEY, THIRD, Secret("third"), [PENDING])
    # The abandoned call gets its identity after all, and must stop there.
    wait_for(lambda: [call.state for call in desk.server.calls()] == ["answered"])
    wait_for(lambda: not any(thread.name == "aws-call" for thread in threading.enumerate()))
    assert desk.operations() == []


def test_a_retry_after_the_deadline_is_never_sent(desk: Desk) -> None:
    short = Patience(connect_seconds=2, read_seconds=2, attempts=3, deadline_seconds=1)
    store = desk.store(patience=short)
    store.identity()
    desk.server.faults(Fault("hold", "PutSecretValue"))
    with pytest.raises(OutcomeUnknown):
        store.put(KEY, THIRD, Secret("third"), [PENDING])
    wait_for(lambda: not any(thread.name == "aws-call" for thread in threading.enumerate()))
    assert desk.operations() == ["PutSecretValue"]


@pytest.mark.parametrize("operation", [*READS, *CHANGES])
def test_where_nothing_listens_nothing_was_changed(operation: str) -> None:
    endpoint = f"http://127.0.0.1:{unused_port()}"
    store = AwsStore(AwsOptions(endpoint_url=endpoint, region="us-east-1", profile=keys_of_nobody()))
    with pytest.raises(Unreachable, match="no connection") as caught:
        (READS | CHANGES)[operation](store)
    assert caught.value.retryable
    assert caught.value.hint


def test_after_a_fault_the_same_store_works_on(desk: Desk) -> None:
    store = desk.store(patience=HASTY)
    kinds: list[FaultKind] = ["html", "empty", "error500", "close", "expired", "throttle", "hold"]
    for kind in kinds:
        desk.server.faults(Fault(kind, "BatchGetSecretValue", count=1))
        with pytest.raises(CoreError):
            store.read_current([KEY, NEW])
        assert isinstance(store.read_current([KEY, NEW])[KEY], SecretVersion)


def test_a_lost_answer_counts_even_when_the_retry_is_refused(desk: Desk) -> None:
    # First attempt applied and lost, second throttled: "throttled" alone would claim that nothing happened.
    desk.server.faults(Fault("lost", "PutSecretValue", count=1), Fault("throttle", "PutSecretValue"))
    store = desk.store(patience=RETRYING)
    with pytest.raises(OutcomeUnknown):
        store.put(KEY, THIRD, Secret("third"), [PENDING])


def test_the_two_patiences_leave_the_retries_room() -> None:
    for patience in PATIENCE.values():
        hang = patience.attempts * patience.read_seconds
        assert hang <= patience.deadline_seconds <= 2 * hang
    assert PATIENCE["console"].deadline_seconds <= 8


def test_what_was_tried_is_named_by_its_host_alone(desk: Desk) -> None:
    store = desk.store(endpoint_url="http://127.0.0.1:9")
    with pytest.raises(Unreachable, match=r"no connection \(127\.0\.0\.1\)\."):
        store.list_metadata("mm-bot/dev/")
