"""Values, keys and session tokens stay out of logs, errors, tracebacks and whatever prints the store."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import threading
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType

import boto3
import pytest

from secrets_core.errors import CoreError, GarbledAnswer
from secrets_core.secret import Secret
from secrets_core.stores.aws import AwsOptions, AwsStore
from secrets_core.stores.aws_gateway import Gateway, Operation
from secrets_core.stores.aws_logging import TALKING_LOGGERS, DropDebug
from secrets_core.stores.base import CURRENT, GOOD, PENDING
from tests.aws.opening import HASTY, Desk
from tests.aws.stand_in import answering
from tests.aws_server.account import ADMINISTRATOR
from tests.aws_server.faults import Fault, FaultKind
from tests.canary import Canary

KEY, SECRET = "mm-bot/dev/bybit/api_key", "mm-bot/dev/bybit/api_secret"
FIRST, SECOND = (f"01910000-0000-73b7-8000-{number:012}" for number in range(2))
ALLOW_ALL = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Put handlers, levels and filters back."""
    names = ["", "boto3", "botocore", *TALKING_LOGGERS]
    loggers = [logging.getLogger(name) for name in names]
    before = [(one.level, list(one.handlers), list(one.filters), one.disabled, one.propagate) for one in loggers]
    yield
    for one, (level, handlers, filters, disabled, propagate) in zip(loggers, before, strict=True):
        one.setLevel(level)
        one.handlers[:], one.filters[:] = handlers, filters
        one.disabled, one.propagate = disabled, propagate


def root_at_debug(output: io.StringIO) -> None:
    logging.basicConfig(level=logging.DEBUG, stream=output, force=True)


def stream_logger_of_boto3(output: io.StringIO) -> None:
    boto3.set_stream_logger("")
    for handler in logging.getLogger("").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(output)


def dictionary(output: io.StringIO) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"all": {"class": "logging.StreamHandler", "stream": output}},
            "loggers": {name: {"level": "DEBUG", "handlers": ["all"]} for name in TALKING_LOGGERS},
            "root": {"level": "DEBUG", "handlers": ["all"]},
        }
    )


CONFIGURE: dict[str, Callable[[io.StringIO], None]] = {
    "root at DEBUG": root_at_debug,
    "boto3.set_stream_logger": stream_logger_of_boto3,
    "dictConfig": dictionary,
}


def everything(store: AwsStore, canary: Canary) -> None:
    """Do every operation, with good and with bad outcomes, so that every value goes and comes over the wire."""
    key, secret, passphrase = Secret(canary.api_key), Secret(canary.api_secret), Secret(canary.api_passphrase)
    store.create(KEY, FIRST, key, {"team": "mm"})
    store.create(SECRET, FIRST, secret)
    store.put(KEY, SECOND, passphrase, [PENDING])
    refusals: list[Callable[[], None]] = [
        lambda: store.create(KEY, SECOND, secret),
        lambda: store.put(KEY, SECOND, secret, [PENDING]),
        lambda: store.put("mm-bot/dev/none/api_key", SECOND, secret, [PENDING]),
    ]
    for refused in refusals:
        with pytest.raises(CoreError):
            refused()
    store.move_stage(KEY, CURRENT, to=SECOND, expected=FIRST)
    assert store.read_current([KEY, SECRET])
    assert store.get_secret_value(SECRET) == secret
    assert store.read_version(KEY, SECOND).value == passphrase
    store.describe(KEY)
    store.list_metadata("mm-bot/")
    store.list_versions(KEY)
    store.tag(KEY, {"team": "new"})
    store.untag(KEY, ["team"])
    store.delete(SECRET)
    store.restore(SECRET)
    store.identity()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("configure", CONFIGURE)
def test_debug_logs_hold_no_value_and_no_session(desk: Desk, canary: Canary, configure: str, when: str) -> None:
    session = desk.server.assume(desk.server.role("session", ALLOW_ALL))
    role = desk.server.role("operator", ALLOW_ALL)
    output = io.StringIO()
    store = desk.store(session, role_arn=role, account_id="123456789012")
    if when == "after":
        store.identity()
    CONFIGURE[configure](output)
    everything(store, canary)
    log = output.getvalue()
    # The log is a real one: it tells of the calls.
    assert log.count('"POST / HTTP/1.1" 200') > 10
    assert canary.leaks_in(log) == []
    assert session.session_token is not None
    for held in (session.secret_access_key, session.session_token, *role_keys(store)):
        assert held[:16] not in log


def test_without_the_filter_the_log_would_hold_them(desk: Desk, canary: Canary) -> None:
    output = io.StringIO()
    session = desk.server.assume(desk.server.role("session", ALLOW_ALL))
    store = desk.store(session)
    store.identity()
    for name in TALKING_LOGGERS:
        logger = logging.getLogger(name)
        logger.filters[:] = [one for one in logger.filters if not isinstance(one, DropDebug)]
    root_at_debug(output)
    everything(store, canary)
    assert canary.leaks_in(output.getvalue()) == ["api_key", "api_secret", "api_passphrase"]
    assert session.session_token is not None
    assert session.session_token in output.getvalue()


def test_the_filter_is_put_on_once_and_lets_warnings_through(desk: Desk) -> None:
    for _ in range(3):
        desk.store().identity()
    for name in TALKING_LOGGERS:
        logger = logging.getLogger(name)
        assert len([one for one in logger.filters if isinstance(one, DropDebug)]) == 1
    output = io.StringIO()
    root_at_debug(output)
    logging.getLogger("botocore.endpoint").debug("quiet")
    logging.getLogger("botocore.endpoint").warning("loud")
    assert "loud" in output.getvalue()
    assert "quiet" not in output.getvalue()


def test_a_role_that_fails_at_first_leaves_no_token_in_the_log(desk: Desk) -> None:
    output = io.StringIO()
    role = desk.server.role("operator", ALLOW_ALL)
    store = desk.store(role_arn=role)
    desk.server.faults(Fault("expired", "AssumeRole", count=1))
    root_at_debug(output)
    with pytest.raises(CoreError):
        store.describe(KEY)
    with pytest.raises(CoreError):
        store.describe(KEY)
    for held in role_keys(store):
        assert held[:16] not in output.getvalue()


FAULTS: list[FaultKind] = [
    "throttle", "deny", "expired", "error500", "html", "close", "hold", "lost", "empty", "truncated",
]  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_errors_and_their_tracebacks_hold_no_value(desk: Desk, canary: Canary, kind: FaultKind) -> None:
    store = desk.store(patience=HASTY)
    store.create(KEY, FIRST, Secret(canary.api_key))
    store.create(SECRET, FIRST, Secret(canary.api_key))
    desk.server.faults(*(Fault(kind, name) for name in ("CreateSecret", "PutSecretValue", "BatchGetSecretValue")))
    desk.server.faults(Fault(kind, "GetSecretValue"))
    value = Secret(canary.api_secret)
    for act in (
        lambda: store.create("mm-bot/dev/okx/api_key", FIRST, value),
        lambda: store.put(KEY, SECOND, value, [PENDING, GOOD]),
        lambda: store.read_version(KEY, FIRST),
        lambda: store.read_current([KEY, SECRET]),
        lambda: store.get_secret_value(KEY),
    ):
        error = raised(act)
        if error is not None:
            assert canary.leaks_in(all_of(error)) == []
            assert error.__context__ is None
            assert error.__cause__ is None
    desk.server.clear_faults()


def test_an_answer_that_is_refused_is_not_in_the_traceback(desk: Desk, canary: Canary) -> None:
    stale = {"Name": KEY, "VersionId": FIRST, "VersionStages": ["AWSPREVIOUS"], "SecretString": canary.api_secret}
    body = json.dumps({**stale, "CreatedDate": 1_700_000_000}).encode()
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as endpoint:
        error = raised(lambda: desk.store(endpoint_url=endpoint).get_secret_value(KEY))
    assert isinstance(error, GarbledAnswer)
    assert canary.leaks_in(all_of(error)) == []


def test_an_error_that_was_raised_over_another_one_is_cut_off_from_it(desk: Desk, canary: Canary) -> None:
    def careless(_answer: object) -> None:
        try:
            raise ValueError(canary.api_secret)
        except ValueError as error:
            raise GarbledAnswer("no good") from error

    gateway = Gateway(AwsOptions(endpoint_url=desk.server.endpoint, profile=desk.profile("user", ADMINISTRATOR)))
    error = raised(lambda: gateway.ask(Operation.LIST, "", dict, careless))
    assert isinstance(error, GarbledAnswer)
    assert canary.leaks_in(all_of(error)) == []
    assert error.__context__ is None


def test_the_search_would_find_a_value_in_a_frame(canary: Canary) -> None:
    def careless(value: str) -> None:
        raise CoreError(f"{len(value)} characters")

    error = raised(lambda: careless(canary.api_secret))
    assert error is not None
    assert canary.leaks_in(all_of(error)) == ["api_secret"]


def test_nothing_that_prints_the_store_prints_a_value(desk: Desk, canary: Canary) -> None:
    store = desk.store()
    everything(store, canary)
    found = store.read_current([KEY, SECRET])
    printed = [repr(store), str(vars(store)), repr(found), str(found), repr(store.options), repr(store.notices)]
    assert canary.leaks_in("\n".join(printed)) == []


def test_no_thread_is_left_behind(desk: Desk, canary: Canary) -> None:
    everything(desk.store(), canary)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("aws")]


def role_keys(store: AwsStore) -> list[str]:
    """Give the secret access key and token of the role that the store took on."""
    connected = store._gateway._connection._connected
    assert connected is not None
    keys = connected.acting.get_frozen_credentials()
    return [keys.secret_key or "", keys.token or ""]


def raised(act: Callable[[], object]) -> CoreError | None:
    """Give the error of an act, or that of one of the names that were read."""
    try:
        result = act()
    except CoreError as error:
        return error
    assert isinstance(result, dict)
    return next((outcome for outcome in result.values() if isinstance(outcome, CoreError)), None)


def all_of(error: BaseException) -> str:
    """Give everything that a program could show of an error: texts, attributes, and the locals of the frames."""
    found = [repr(error), str(error), repr(vars(error))]
    found += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename != __file__ or trace.tb_frame.f_code.co_name == "careless":
            found.append(repr(trace.tb_frame.f_locals))
        trace = trace.tb_next
    return "\n".join(found)
