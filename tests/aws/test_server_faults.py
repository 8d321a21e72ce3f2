"""The server misbehaves on demand, exactly as often as told, and its log tells what reached it."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.aws.refusals import refused
from tests.aws_server.faults import Fault, FaultKind
from tests.aws_server.process import AwsServer, wait_for

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

NAME = "mm-bot/dev/bybit/api_key"
ONE, TWO = "1" * 32, "2" * 32
TWICE = Config(retries={"mode": "standard", "total_max_attempts": 2})
IMPATIENT = Config(read_timeout=0.3, retries={"mode": "standard", "total_max_attempts": 1})


@pytest.fixture
def client(aws_server: AwsServer) -> SecretsManagerClient:
    made = aws_server.client()
    made.create_secret(Name=NAME, SecretString="one", ClientRequestToken=ONE)
    aws_server.clear_calls()
    return made


def put(client: SecretsManagerClient) -> None:
    client.put_secret_value(
        SecretId=NAME, SecretString="two", ClientRequestToken=TWO, VersionStages=["AWSPENDING"]
    )  # fmt: skip


def is_applied(client: SecretsManagerClient) -> bool:
    return TWO in client.describe_secret(SecretId=NAME)["VersionIdsToStages"]


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "ThrottlingException", 400),
        ("deny", "AccessDeniedException", 400),
        ("expired", "ExpiredTokenException", 400),
        ("error500", "InternalServiceError", 500),
    ],
)
def test_errors_come_in_the_place_of_the_act(
    aws_server: AwsServer, client: SecretsManagerClient, kind: FaultKind, code: str, status: int
) -> None:
    aws_server.faults(Fault(kind))
    with refused(code, status=status):
        put(client)
    aws_server.clear_faults()
    assert not is_applied(client)


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [("throttle", "Throttling", 400), ("deny", "AccessDenied", 403), ("expired", "ExpiredToken", 403)],
)
def test_errors_of_sts_have_its_own_shape(aws_server: AwsServer, kind: FaultKind, code: str, status: int) -> None:
    aws_server.faults(Fault(kind, "GetCallerIdentity"))
    with refused(code, status=status):
        aws_server.client("sts").get_caller_identity()


def test_a_rule_counts_skips_and_picks(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    aws_server.faults(Fault("throttle", "GetSecretValue", name="bybit", after=1, count=2))
    client.create_secret(Name="mm-bot/dev/okx/api_key", SecretString="x")
    outcomes = []
    for _ in range(5):
        client.describe_secret(SecretId=NAME)
        client.get_secret_value(SecretId="mm-bot/dev/okx/api_key")
        try:
            client.get_secret_value(SecretId=NAME)
            outcomes.append("ok")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])
    assert outcomes == ["ok", "ThrottlingException", "ThrottlingException", "ok", "ok"]


def test_rules_apply_one_after_the_other(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    aws_server.faults(Fault("throttle", count=1), Fault("error500", count=1))
    for code, status in (("ThrottlingException", 400), ("InternalServiceError", 500)):
        with refused(code, status=status):
            client.describe_secret(SecretId=NAME)
    client.describe_secret(SecretId=NAME)


def test_a_retrying_client_gets_over_a_throttled_call_and_the_log_shows_both(
    aws_server: AwsServer, client: SecretsManagerClient
) -> None:
    aws_server.faults(Fault("throttle", count=1))
    aws_server.client(config=TWICE).get_secret_value(SecretId=NAME)
    first, second = aws_server.calls()
    assert (first.operation, first.names, first.fault, first.status) == ("GetSecretValue", (NAME,), "throttle", 400)
    assert (second.operation, second.fault, second.state, second.status) == ("GetSecretValue", None, "answered", 200)


def test_the_log_names_what_a_call_is_about(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    client.batch_get_secret_value(SecretIdList=[NAME, "mm-bot/dev/_freeze"])
    client.list_secrets(Filters=[{"Key": "name", "Values": ["mm-bot/dev/"]}])
    client.create_secret(Name="other", SecretString="do not log me")
    aws_server.client("sts").get_caller_identity()
    calls = aws_server.calls()
    assert [(call.service, call.operation, call.names) for call in calls] == [
        ("secretsmanager", "BatchGetSecretValue", (NAME, "mm-bot/dev/_freeze")),
        ("secretsmanager", "ListSecrets", ("mm-bot/dev/",)),
        ("secretsmanager", "CreateSecret", ("other",)),
        ("sts", "GetCallerIdentity", ()),
    ]
    assert "do not log me" not in repr(calls)
    aws_server.clear_calls()
    assert aws_server.calls() == []


def test_a_lost_answer_was_applied_and_a_closed_connection_was_not(
    aws_server: AwsServer, client: SecretsManagerClient
) -> None:
    aws_server.faults(Fault("close", "PutSecretValue", count=1), Fault("lost", "PutSecretValue", count=1))
    for applied in (False, True):
        with pytest.raises(ConnectionClosedError):
            put(client)
        assert is_applied(client) == applied
    assert [call.state for call in aws_server.calls() if call.operation == "PutSecretValue"] == ["dropped"] * 2


def test_after_a_lost_answer_the_retry_of_a_moved_label_is_refused(
    aws_server: AwsServer, client: SecretsManagerClient
) -> None:
    put(client)
    aws_server.faults(Fault("lost", "UpdateSecretVersionStage", count=1))
    with refused("InvalidParameterException"):
        aws_server.client(config=TWICE).update_secret_version_stage(
            SecretId=NAME, VersionStage="AWSCURRENT", MoveToVersionId=TWO, RemoveFromVersionId=ONE
        )
    assert client.get_secret_value(SecretId=NAME)["VersionId"] == TWO


def test_a_duplicate_is_applied_twice(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    put(client)
    aws_server.faults(Fault("duplicate", "UpdateSecretVersionStage"), Fault("duplicate", "PutSecretValue"))
    put(client)
    with refused("InvalidParameterException"):
        client.update_secret_version_stage(
            SecretId=NAME, VersionStage="AWSCURRENT", MoveToVersionId=TWO, RemoveFromVersionId=ONE
        )
    assert client.get_secret_value(SecretId=NAME)["VersionId"] == TWO


@pytest.mark.parametrize(("kind", "applied"), [("empty", True), ("truncated", True), ("html", False)])
def test_garbled_answers_look_like_success_to_the_sdk(
    aws_server: AwsServer, client: SecretsManagerClient, kind: FaultKind, applied: bool
) -> None:
    aws_server.faults(Fault(kind, "PutSecretValue"))
    answer = client.put_secret_value(SecretId=NAME, SecretString="two", ClientRequestToken=TWO)
    assert set(answer) == {"ResponseMetadata"}
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert is_applied(client) == applied


def test_a_slow_answer_comes_and_a_hanging_one_that_was_given_up_is_not_applied(
    aws_server: AwsServer, client: SecretsManagerClient
) -> None:
    aws_server.faults(
        Fault("hang", "PutSecretValue", seconds=1.2, count=1), Fault("hang", "PutSecretValue", seconds=0.1)
    )
    with pytest.raises(ReadTimeoutError):
        put(aws_server.client(config=IMPATIENT))
    wait_for(lambda: aws_server.calls()[0].state == "dropped")
    assert not is_applied(client)
    start = time.monotonic()
    put(client)
    assert time.monotonic() - start >= 0.1
    assert is_applied(client)


WRITER = f"""
import boto3
from botocore.config import Config
client = boto3.client("secretsmanager", endpoint_url={{endpoint!r}}, config=Config(read_timeout=60))
for number in range(10):
    client.put_secret_value(SecretId={NAME!r}, SecretString=str(number), ClientRequestToken=f"a{{{{number:031}}}}")
"""


def test_a_writer_is_killed_right_after_so_many_calls(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    aws_server.faults(Fault("hold", "PutSecretValue", after=3))
    script = WRITER.format(endpoint=aws_server.endpoint)
    environment = {**os.environ, **aws_server.environment()}
    with subprocess.Popen([sys.executable, "-c", script], env=environment) as writer:
        calls = aws_server.wait_until_held(seconds=20)
        writer.kill()
    assert writer.returncode == -signal.SIGKILL
    assert [call.state for call in calls] == ["answered"] * 3 + ["held"]
    aws_server.clear_faults()
    wait_for(lambda: aws_server.calls()[-1].state == "dropped")
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "2"


def test_a_held_call_is_let_go_unapplied(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    aws_server.faults(Fault("hold"))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        future = pool.submit(put, client)
        aws_server.wait_until_held()
        assert not future.done()
        aws_server.clear_faults()
        with pytest.raises(ConnectionClosedError):
            future.result(timeout=10)
    assert not is_applied(client)


def test_a_reset_forgets_everything(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    aws_server.faults(Fault("deny"))
    aws_server.set_listing_lag(300)
    aws_server.set_clock(3600)
    aws_server.set_enforcement(True)
    aws_server.reset()
    assert aws_server.calls() == []
    fresh = aws_server.client()
    assert fresh.list_secrets()["SecretList"] == []
    fresh.create_secret(Name=NAME, SecretString="x")
    assert len(fresh.list_secrets()["SecretList"]) == 1


def test_many_clients_at_once(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    def work(number: int) -> None:
        own = aws_server.client()
        for turn in range(20):
            own.put_secret_value(SecretId=NAME, SecretString="x", ClientRequestToken=f"{number}-{turn}".rjust(32, "a"))
            own.get_secret_value(SecretId=NAME)

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        list(pool.map(work, range(5)))
    stages = client.describe_secret(SecretId=NAME)["VersionIdsToStages"].values()
    assert sorted(label for labels in stages for label in labels) == ["AWSCURRENT", "AWSPREVIOUS"]
    assert len(aws_server.calls()) == 5 * 40 + 1
