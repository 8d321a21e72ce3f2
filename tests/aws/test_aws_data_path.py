"""No file of the machine leads the AWS store to another address, and nothing goes out unencrypted."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.loaders import Loader

from secrets_core.clock import utc_now
from secrets_core.errors import CoreError, Refused
from secrets_core.secret import Secret
from secrets_core.stores import aws_session
from secrets_core.stores.aws import AwsOptions, AwsStore
from secrets_core.versions import new_version_id
from tests.aws.opening import Desk
from tests.aws_server.account import ACCOUNT, ADMINISTRATOR

KEY = "mm-bot/dev/bybit/api_key"
SERVICES = {"secretsmanager": "2017-10-17", "sts": "2011-06-15"}
REGION = "eu-west-1"


def lay_models(folder: Path, endpoint: str) -> None:
    """Write rule sets that lead every request to one endpoint."""
    for service, version in SERVICES.items():
        shipped = Path(Loader.BUILTIN_DATA_PATH) / service / version / "endpoint-rule-set-1.json.gz"
        rules = json.loads(gzip.decompress(shipped.read_bytes()))
        rules["rules"] = [{"conditions": [], "endpoint": {"url": endpoint}, "type": "endpoint"}]
        laid = folder / service / version / "endpoint-rule-set-1.json"
        laid.parent.mkdir(parents=True)
        laid.write_text(json.dumps(rules))


def by_variable(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    lay_models(folder / "data", desk.server.endpoint)
    monkeypatch.setenv("AWS_DATA_PATH", str(folder / "data"))
    return "AWS_DATA_PATH"


def by_profile(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    lay_models(folder / "data", desk.server.endpoint)
    desk.config(f"[profile user-{ADMINISTRATOR.access_key_id}]\ndata_path = {folder / 'data'}")
    return "data_path of the AWS profile"


def by_home(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    models = folder / ".aws" / "models"
    lay_models(models, desk.server.endpoint)
    monkeypatch.setenv("HOME", str(folder))
    # botocore works the path out once, at its import, which other tests may have caused.
    monkeypatch.setattr(Loader, "CUSTOMER_DATA_PATH", str(models))
    return "~/.aws/models"


WAYS = [by_variable, by_profile, by_home]
Way = Callable[[Desk, Path, pytest.MonkeyPatch], str]


def create(store: AwsStore) -> None:
    store.create(KEY, new_version_id(utc_now()), Secret("value"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pinned", [None, ACCOUNT])
def test_models_of_this_machine_lead_nowhere_and_are_named(
    desk: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loopback_only: list[str],
    way: Way,
    pinned: str | None,
) -> None:
    named = way(desk, tmp_path, monkeypatch)
    store = desk.store(endpoint_url=None, region=REGION, account_id=pinned)
    with pytest.raises(CoreError, match="did not answer"):
        create(store)
    assert desk.server.calls() == []
    # The refused look-up proves where it went: to AWS proper.
    service = "sts" if pinned else "secretsmanager"
    assert set(loopback_only) == {f"look-up of {service}.{REGION}.amazonaws.com"}
    loopback_only.clear()
    (notice,) = store.notices
    assert named in notice


@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_model_comes_with_botocore(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    way(desk, tmp_path, monkeypatch)
    # Whatever botocore reads of a folder of models, it cannot use these.
    for folder in (tmp_path / "data", tmp_path / ".aws" / "models"):
        for name in ("endpoints", "partitions", "_retry", "sdk-default-configuration"):
            if folder.is_dir():
                (folder / f"{name}.json").write_text("[]")
        for service, version in SERVICES.items():
            if folder.is_dir():
                (folder / service / version / "service-2.json").write_text("[]")
    store = desk.store(account_id=ACCOUNT)
    create(store)
    assert [call.operation for call in desk.server.calls()] == ["GetCallerIdentity", "CreateSecret"]


def test_nothing_is_said_where_there_are_none(desk: Desk) -> None:
    store = desk.store()
    store.identity()
    assert store.notices == ()


@pytest.mark.parametrize("pinned", [None, ACCOUNT])
def test_a_request_without_encryption_is_not_sent(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: str | None
) -> None:
    # The first net taken away, the second holds alone.
    monkeypatch.setattr(aws_session, "_shipped_models", lambda: Loader([str(tmp_path / "data")]))
    lay_models(tmp_path / "data", desk.server.endpoint)
    with pytest.raises(Refused) as caught:
        create(desk.store(endpoint_url=None, region=REGION, account_id=pinned))
    assert caught.value.guard == "unencrypted"
    assert caught.value.hint
    assert "127.0.0.1" in str(caught.value)
    assert desk.server.calls() == []


def test_another_port_of_this_machine_is_another_address(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AwsOptions, "local_endpoint", None)
    monkeypatch.setattr(aws_session, "_shipped_models", lambda: Loader([str(tmp_path / "data")]))
    lay_models(tmp_path / "data", desk.server.endpoint)
    # The account is asked for where the models say, not at the settings' endpoint.
    with pytest.raises(Refused) as caught:
        create(desk.store(endpoint_url="http://127.0.0.1:1", account_id=ACCOUNT))
    assert caught.value.guard == "unencrypted"
    assert desk.server.calls() == []
