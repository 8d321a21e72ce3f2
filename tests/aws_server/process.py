"""What tests use: the server as a child process, its clients, its control routes, its IAM users and roles."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, overload
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from tests.aws_server.account import ACCOUNT, ADMINISTRATOR, REGION, Credentials
from tests.aws_server.faults import Fault, LoggedCall
from tests.aws_server.state import Settings

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sts import STSClient

ROOT = Path(__file__).resolve().parents[2]
PLAIN = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1})
"""A client that sends every call once, so that the log counts calls and not retries."""
TRUST_ACCOUNT = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    },
}


class AwsServer:
    """A running server, seen from a test."""

    def __init__(self, process: subprocess.Popen[str], endpoint: str) -> None:
        self.endpoint = endpoint
        self._process = process
        self._settings = Settings()
        self._session = boto3.session.Session(region_name=REGION)
        self._lock = threading.Lock()
        self._clients: list[Any] = []

    @overload
    def client(
        self,
        service: Literal["secretsmanager"] = "secretsmanager",
        *,
        credentials: Credentials = ADMINISTRATOR,
        region: str = REGION,
        config: Config = PLAIN,
    ) -> SecretsManagerClient: ...
    @overload
    def client(
        self,
        service: Literal["sts"],
        *,
        credentials: Credentials = ADMINISTRATOR,
        region: str = REGION,
        config: Config = PLAIN,
    ) -> STSClient: ...
    @overload
    def client(
        self,
        service: Literal["iam"],
        *,
        credentials: Credentials = ADMINISTRATOR,
        region: str = REGION,
        config: Config = PLAIN,
    ) -> Any: ...
    def client(
        self,
        service: Literal["secretsmanager", "sts", "iam"] = "secretsmanager",
        *,
        credentials: Credentials = ADMINISTRATOR,
        region: str = REGION,
        config: Config = PLAIN,
    ) -> Any:
        """Make a plain boto3 client of this server; it is closed with the next reset."""
        with self._lock:  # sessions must not be used by two threads at once
            made: Any = self._session.client(
                service,
                endpoint_url=self.endpoint,
                region_name=region,
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key,
                aws_session_token=credentials.session_token,
                config=config,
            )
            self._clients.append(made)
        return made

    def environment(self, credentials: Credentials = ADMINISTRATOR) -> dict[str, str]:
        """Give the variables with which a child process signs as ``credentials`` and looks nowhere else for them."""
        variables = {
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
        return variables | ({"AWS_SESSION_TOKEN": credentials.session_token} if credentials.session_token else {})

    def faults(self, *rules: Fault) -> None:
        """Add rules behind those in force."""
        self._control("POST", "faults", [asdict(rule) for rule in rules])

    def clear_faults(self) -> None:
        """Drop all rules; held and hanging calls are cut off, unapplied."""
        self._control("DELETE", "faults")

    def calls(self) -> list[LoggedCall]:
        """Give the calls that reached the server since the last reset, in order of arrival."""
        return [LoggedCall(**{**entry, "names": tuple(entry["names"])}) for entry in self._control("GET", "calls")]

    def clear_calls(self) -> None:
        """Empty the log of calls."""
        self._control("DELETE", "calls")

    def wait_until_held(self, count: int = 1, *, seconds: float = 10.0) -> list[LoggedCall]:
        """Wait until ``count`` calls stand at a ``hold`` or ``hang`` rule; give the log.

        Raises:
            TimeoutError: they did not come in time.
        """
        end = time.monotonic() + seconds
        while True:
            calls = self.calls()
            if sum(call.state == "held" for call in calls) >= count:
                return calls
            if time.monotonic() > end:
                raise TimeoutError(f"no {count} held calls after {seconds} s, but {[c.operation for c in calls]}")
            time.sleep(0.01)

    def set_listing_lag(self, seconds: float) -> None:
        """Let listings show every later change only after so many seconds; 0 lets them catch up at once."""
        self._change(listing_lag_seconds=seconds)

    def set_clock(self, offset_seconds: float) -> None:
        """Shift the server's dates against this machine's clock, negative into the past."""
        self._change(clock_offset_seconds=offset_seconds)

    def set_prune_at_once(self, on: bool) -> None:
        """Let unlabelled versions vanish at once, the worst that pruning could do to a reader."""
        self._change(prune_at_once=on)

    def set_enforcement(self, on: bool) -> None:
        """Check signatures and evaluate IAM policies from now on, or no longer."""
        self._change(enforce=on)

    def user(self, name: str, identity_policy: Mapping[str, Any]) -> Credentials:
        """Make an IAM user with one inline policy; give his keys."""
        iam = self.client("iam")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        iam.put_user_policy(UserName=name, PolicyName="test", PolicyDocument=json.dumps(identity_policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"], None, arn)

    def role(self, name: str, identity_policy: Mapping[str, Any], trust: Mapping[str, Any] = TRUST_ACCOUNT) -> str:
        """Make an IAM role with one inline policy; give its ARN."""
        iam = self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=json.dumps(identity_policy))
        return str(arn)

    def assume(self, role_arn: str, credentials: Credentials = ADMINISTRATOR, session: str = "test") -> Credentials:
        """Assume a role; give the session's keys."""
        answer = self.client("sts", credentials=credentials).assume_role(RoleArn=role_arn, RoleSessionName=session)
        keys = answer["Credentials"]
        return Credentials(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], answer["AssumedRoleUser"]["Arn"]
        )

    def reset(self) -> None:
        """Forget everything: secrets, IAM, rules, log, settings.

        Raises:
            RuntimeError: the server had crashed on a request since the last reset.
        """
        self._close_clients()
        crashes = self._control("POST", "reset")["crashes"]
        self._settings = Settings()
        if crashes:
            raise RuntimeError(f"the server crashed: {crashes}")

    def stop(self) -> None:
        """End the server's process."""
        self._close_clients()
        self._process.kill()
        self._process.communicate()

    def _close_clients(self) -> None:
        with self._lock:
            for client in self._clients:
                client.close()
            self._clients.clear()

    def _change(self, **changes: Any) -> None:
        self._settings = replace(self._settings, **changes)
        self._control("POST", "settings", asdict(self._settings))

    def _control(self, method: str, route: str, content: object = None) -> Any:
        address = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, f"/moto-api/mm/{route}", body)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{method} {route}: {answer.status}")
        return json.loads(text)


@contextmanager
def running_server() -> Iterator[AwsServer]:
    """Start a server of its own on a free port; it ends with the block, or with this process."""
    command = [sys.executable, "-m", "tests.aws_server", "0", "--exit-with-stdin"]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        server = AwsServer(process, _wait_until_ready(process, log))
        try:
            yield server
        finally:
            server.stop()


def _wait_until_ready(process: subprocess.Popen[str], log: IO[str]) -> str:
    assert process.stdout is not None
    word, _, endpoint = process.stdout.readline().strip().partition(" ")
    if word != "READY":
        process.kill()
        process.communicate()
        log.seek(0)
        raise RuntimeError(f"the server did not start: {log.read()}")
    return endpoint


def wait_for(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Poll until a condition holds.

    Raises:
        TimeoutError: it did not in time.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"still not so after {seconds} s")
        time.sleep(0.01)
