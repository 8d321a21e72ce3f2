"""A bot's reads and its watch over HTTP: how many calls they are, and what AWS's refusals mean to it."""

from __future__ import annotations

import json
import threading

import pytest

from secrets_core import CredentialsOnHold, Secret, SecretProvider, State
from secrets_core.policy import default_policy
from secrets_core.watching import Watcher
from tests.aws.opening import Desk
from tests.aws_server.faults import Fault
from tests.canary import Canary
from tests.core.standin import FakeTime, cause, middle

ENVIRONMENT = "soak"
DENY = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
BOT = {"Effect": "Allow", "Action": ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"]}


class Bot:
    """A provider over the test server with a clock of its own, and a watch that is polled by hand."""

    def __init__(self, desk: Desk, canary: Canary) -> None:
        SecretProvider(desk.store()).save_credentials(ENVIRONMENT, "bybit", canary.api_key, canary.api_secret)
        self.desk = desk
        self.time = FakeTime()
        self.provider = SecretProvider(desk.store(), variables={}, monotonic=self.time, uniform=middle)
        self.watcher = Watcher(self.provider.reader(ENVIRONMENT), deadline_seconds=0.5)
        desk.server.clear_calls()

    def get(self) -> object:
        return self.provider.get_api_credentials(ENVIRONMENT, "bybit")

    def pass_time(self, seconds: float) -> None:
        pause = default_policy(ENVIRONMENT).poll_seconds
        for _ in range(int(seconds // pause)):
            self.time.now += pause
            self.watcher.poll_once()


@pytest.fixture
def bot(desk: Desk, canary: Canary) -> Bot:
    return Bot(desk, canary)


def test_a_cold_read_is_one_call_and_so_is_that_of_eight_threads(bot: Bot) -> None:
    bot.get()
    assert bot.desk.operations() == ["BatchGetSecretValue"]
    bot.provider.clear_cache()
    everyone = threading.Barrier(8)

    def read() -> None:
        everyone.wait()
        bot.get()

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bot.desk.operations() == ["BatchGetSecretValue"] * 2


def test_a_poll_is_one_call_for_the_freeze_record_alone(bot: Bot) -> None:
    bot.watcher.add("bybit")
    bot.watcher.poll_once()
    bot.desk.server.clear_calls()
    bot.pass_time(50)
    assert [call.names for call in bot.desk.server.calls()] == [(f"mm-bot/{ENVIRONMENT}/_freeze",)] * 5


def test_a_server_that_hangs_or_forgets_who_asks_holds_at_the_limit_and_not_before(bot: Bot) -> None:
    watching = bot.watcher.add("bybit")
    bot.watcher.poll_once()
    for fault in (Fault("hang", seconds=3), Fault("expired")):
        bot.desk.server.faults(fault)
        bot.pass_time(30)
        assert (watching.standing.state, watching.standing.cause) == (State.OK, "unconfirmed")
        bot.time.now += 85
        bot.watcher.poll_once()
        assert watching.standing.state is State.OK
        bot.time.now += 5
        assert (watching.standing.state, watching.standing.cause) == (State.HOLD, "unconfirmed")
        assert watching.for_risk_reduction().exchange == "bybit"
        bot.desk.server.clear_faults()
        bot.pass_time(40)
        assert (watching.standing.state, watching.standing.cause) == (State.OK, "")


def test_a_freeze_that_is_enforced_by_a_resource_policy_is_a_hold_until_it_is_taken_off(
    bot: Bot, canary: Canary
) -> None:
    server = bot.desk.server
    admin = server.client()
    server.set_enforcement(True)
    reader = server.user("bot", {"Version": "2012-10-17", "Statement": [{**BOT, "Resource": "*"}]})
    bot.provider = SecretProvider(bot.desk.store(reader), variables={}, monotonic=bot.time, uniform=middle)
    bot.watcher = Watcher(bot.provider.reader(ENVIRONMENT))
    watching = bot.watcher.add("bybit")
    bot.watcher.poll_once()
    first = watching.credentials()
    names = [f"mm-bot/{ENVIRONMENT}/bybit/{part}" for part in ("api_key", "api_secret")]
    for name in names:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [DENY]})
        admin.put_resource_policy(SecretId=name, ResourcePolicy=policy)
    bot.pass_time(310)
    assert (watching.standing.state, cause(watching)) == (State.HOLD, "denied")
    with pytest.raises(CredentialsOnHold):
        bot.get()
    assert watching.for_risk_reduction() is first
    for name in names:
        admin.delete_resource_policy(SecretId=name)
    bot.pass_time(60)
    assert cause(watching) == ""
    assert watching.credentials().api_key == Secret(canary.api_key)
