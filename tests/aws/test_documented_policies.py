"""The policies of ``docs/security.md`` give exactly what the page says, on a server that evaluates them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from secrets_core import pairs
from secrets_core.errors import CoreError, Denied
from secrets_core.fingerprints import ensure_key
from secrets_core.freeze import ensure_record
from secrets_core.names import API_KEY, API_SECRET, FINGERPRINT, CredentialRef, control_name, secret_name
from secrets_core.secret import Secret
from secrets_core.stores.aws import AwsStore
from secrets_core.versions import new_version_id
from tests.aws.opening import Desk
from tests.aws_server.account import ACCOUNT, REGION
from tests.canary import Canary

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
OWN = CredentialRef("prod", "bybit@mm1")
OTHER = CredentialRef("prod", "bybit@mm2")
ELSEWHERE = CredentialRef("prod2", "bybit@mm1")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def documented(name: str) -> dict[str, Any]:
    """Give the policy that the page documents under this name, with the test account's ARNs."""
    found = re.search(rf"<!-- policy: {name} -->\n```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found, f"docs/security.md documents no policy {name}"
    text = found[1].replace("eu-west-1:123456789012", f"{REGION}:{ACCOUNT}")
    policy: dict[str, Any] = json.loads(text)
    return policy


def values(canary: Canary) -> dict[str, Secret]:
    return {API_KEY: Secret(canary.api_key), API_SECRET: Secret(canary.api_secret)}


def change(store: AwsStore, environment: str) -> pairs.Change:
    key = ensure_key(store, environment, new_version_id(NOW))
    return pairs.Change(by="test", why="first", now=NOW, fingerprint_key=key)


@pytest.fixture
def as_role(desk: Desk, canary: Canary) -> Callable[[str], AwsStore]:
    """Fill three credentials, an emergency one and the control records; give a store as the documented role."""
    administrator = desk.store()
    for ref in (OWN, OTHER, ELSEWHERE):
        pairs.create(administrator, ref, values(canary), change(administrator, ref.environment))
        ensure_record(administrator, ref.environment, new_version_id(NOW))
    emergency = secret_name(OWN, API_KEY, emergency=True)
    administrator.create(emergency, new_version_id(NOW), Secret(canary.api_key))

    def open_as(role: str) -> AwsStore:
        user = desk.server.user(role, documented(role))
        desk.server.set_enforcement(True)
        return desk.store(user)

    return open_as


def refused(act: Callable[[], object]) -> bool:
    """Tell whether the store refuses with ``Denied``; any other failure is a failure of the test."""
    try:
        act()
    except Denied:
        return True
    except CoreError as error:
        raise AssertionError(f"failed with {error.code}, not for want of rights: {error}") from error
    return False


def test_a_bot_reads_its_credential_in_one_call_and_nothing_else(
    as_role: Callable[[str], AwsStore], desk: Desk, canary: Canary
) -> None:
    store = as_role("bot")
    desk.server.clear_calls()
    read = pairs.read_pair(store, OWN)
    assert desk.operations() == ["BatchGetSecretValue"]
    assert read.values == values(canary)
    assert read.freeze.record is not None
    for name in (
        secret_name(OTHER, API_KEY),
        secret_name(ELSEWHERE, API_KEY),
        secret_name(OWN, API_KEY, emergency=True),
        control_name("prod", FINGERPRINT),
    ):
        assert refused(partial(store.get_secret_value, name)), name
    assert refused(lambda: store.list_metadata("mm-bot/prod/"))
    assert refused(lambda: store.delete(secret_name(OWN, API_KEY)))


def test_an_operator_changes_everything_without_reading_a_credential(
    as_role: Callable[[str], AwsStore], canary: Canary
) -> None:
    store = as_role("operator")
    new = CredentialRef("prod", "kraken")
    pairs.create(store, new, values(canary), change(store, "prod"))
    assert len(store.list_metadata("mm-bot/prod/")) == 9
    rotated = pairs.rotate(store, OWN, values(Canary.make()), change(store, "prod"))
    assert rotated.notices == ()
    rolled_back = pairs.roll_back(store, OWN, change(store, "prod"))
    assert rolled_back.notices == ()
    assert pairs.repair(store, OWN, NOW).after is pairs.PairState.PAIRED
    pairs.delete(store, new)
    pairs.restore(store, new)
    assert refused(lambda: store.get_secret_value(secret_name(OWN, API_KEY)))
    assert refused(lambda: pairs.read_pair(store, OWN))
    assert refused(lambda: pairs.rotate(store, ELSEWHERE, values(canary), change(store, "prod")))


def test_an_auditor_looks_and_reads_nothing(as_role: Callable[[str], AwsStore]) -> None:
    store = as_role("auditor")
    assert len(store.list_metadata("mm-bot/prod/")) == 7
    assert store.list_versions(secret_name(OWN, API_KEY))
    assert refused(lambda: store.get_secret_value(secret_name(OWN, API_KEY)))
    assert refused(lambda: store.delete(secret_name(OWN, API_KEY)))
