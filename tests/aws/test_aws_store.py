"""How the AWS store uses Secrets Manager: how many calls it makes, which rights it needs, what its listings show."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from secrets_core.clock import utc_now
from secrets_core.errors import (
    CoreError,
    Denied,
    GarbledAnswer,
    InvalidName,
    InvalidValue,
    NotFound,
    Refused,
    ScheduledForDeletion,
)
from secrets_core.secret import Secret
from secrets_core.stores.aws import AwsStore
from secrets_core.stores.base import CURRENT, GOOD, PENDING, PREVIOUS, SecretVersion
from secrets_core.versions import new_version_id
from tests.aws.opening import Desk
from tests.aws_server.account import ACCOUNT, REGION
from tests.aws_server.faults import Fault

KEY = "mm-bot/dev/bybit/api_key"
SECRET = "mm-bot/dev/bybit/api_secret"
FREEZE = "mm-bot/dev/_freeze"


def stored(store: AwsStore, *names: str, text: str = "value") -> str:
    """Create secrets with one version id; give it."""
    version_id = new_version_id(utc_now())
    for name in names:
        store.create(name, version_id, Secret(text))
    return version_id


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **one} for one in statements]}


def actions(*names: str) -> dict[str, Any]:
    return {"Action": [f"secretsmanager:{name}" for name in names]}


def test_a_cold_read_of_three_names_is_one_call(desk: Desk) -> None:
    stored(desk.store(), KEY, SECRET)
    desk.server.clear_calls()
    outcomes = desk.store().read_current([KEY, SECRET, FREEZE])
    assert [type(outcomes[name]) for name in (KEY, SECRET, FREEZE)] == [SecretVersion, SecretVersion, NotFound]
    assert [(call.service, call.operation) for call in desk.server.calls()] == [
        ("secretsmanager", "BatchGetSecretValue")
    ]


def test_reads_of_more_than_a_batch_are_cut_into_batches(desk: Desk) -> None:
    store = desk.store()
    names = [f"mm-bot/dev/venue{number}/api_key" for number in range(41)]
    stored(store, *names[:30])
    desk.server.clear_calls()
    outcomes = store.read_current(names)
    assert [type(outcomes[name]) for name in names] == [SecretVersion] * 30 + [NotFound] * 11
    # The last one is alone, and a single name needs no batch.
    assert desk.operations() == ["BatchGetSecretValue", "BatchGetSecretValue", "GetSecretValue"]


def test_a_listing_takes_its_pages_and_nothing_else(desk: Desk) -> None:
    stored(desk.store(), *(f"mm-bot/dev/venue{number:03}/api_key" for number in range(250)))
    desk.server.clear_calls()
    assert len(desk.store().list_metadata("mm-bot/dev/")) == 250
    assert desk.operations() == ["ListSecrets"] * 3


def test_an_empty_page_is_not_the_end_of_a_listing(desk: Desk) -> None:
    stored(desk.store(), KEY, SECRET)
    desk.server.faults(Fault("empty_page", "ListSecrets", count=1))
    assert desk.store().list_secrets("mm-bot/") == [KEY, SECRET]


def test_pages_without_end_are_not_followed_for_ever(desk: Desk) -> None:
    desk.server.faults(Fault("empty_page", "ListSecrets"))
    with pytest.raises(GarbledAnswer, match="without end"):
        desk.store().list_metadata("mm-bot/")


def test_all_versions_are_listed_across_pages(desk: Desk) -> None:
    store = desk.store()
    ids = [stored(store, KEY)]
    for _ in range(120):
        ids.append(new_version_id(utc_now()))
        store.put(KEY, ids[-1], Secret("value"), [PENDING])
    assert {version.version_id for version in store.list_versions(KEY)} == set(ids)


def test_without_the_right_to_batches_it_reads_one_by_one_and_remembers(desk: Desk) -> None:
    stored(desk.store(), KEY, SECRET)
    reader = desk.server.user("reader", policy(actions("GetSecretValue")))
    desk.server.set_enforcement(on=True)
    desk.server.clear_calls()
    store = desk.store(reader)
    for _ in range(2):
        outcomes = store.read_current([KEY, SECRET, FREEZE])
        assert [type(outcomes[name]) for name in (KEY, SECRET, FREEZE)] == [SecretVersion, SecretVersion, NotFound]
    assert sorted(desk.operations()) == ["BatchGetSecretValue"] + ["GetSecretValue"] * 6


def test_single_reads_say_which_label_they_want(desk: Desk) -> None:
    # A role that is confined to AWSCURRENT can read only those who name it (the condition key is absent otherwise).
    stored(desk.store(), KEY)
    condition = {"StringEquals": {"secretsmanager:VersionStage": CURRENT}}
    reader = desk.server.user("reader", policy({**actions("GetSecretValue"), "Condition": condition}))
    desk.server.set_enforcement(on=True)
    assert desk.store(reader).get_secret_value(KEY).reveal() == "value"


def test_a_denied_name_does_not_hide_the_others(desk: Desk) -> None:
    stored(desk.store(), KEY, SECRET)
    readable = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{KEY}-??????"
    batch, single = (
        desk.server.user(name, policy({**actions("GetSecretValue"), "Resource": readable}, *more))
        for name, more in (("batch", [actions("BatchGetSecretValue")]), ("single", []))
    )
    desk.server.set_enforcement(on=True)
    for reader in (batch, single):
        outcomes = desk.store(reader).read_current([KEY, SECRET])
        assert isinstance(outcomes[KEY], SecretVersion)
        refused = outcomes[SECRET]
        assert isinstance(refused, Denied)
        assert "secretsmanager:GetSecretValue" in refused.hint
        with pytest.raises(Denied, match=SECRET):
            desk.store(reader).get_secret_value(SECRET)


def test_where_listing_is_denied_known_names_are_probed(desk: Desk) -> None:
    stored(desk.store(), KEY, SECRET)
    reader = desk.server.user("reader", policy(actions("DescribeSecret")))
    desk.server.set_enforcement(on=True)
    store = desk.store(reader)
    with pytest.raises(Denied, match="ListSecrets") as caught:
        store.list_metadata("mm-bot/dev/")
    assert "secretsmanager:ListSecrets" in caught.value.hint
    assert [secret.name for secret in store.describe_many([FREEZE, KEY, SECRET])] == [KEY, SECRET]


@pytest.mark.parametrize(
    ("lacking", "change"),
    [
        ("CreateSecret", lambda store, _: store.create(FREEZE, new_version_id(utc_now()), Secret("value"))),
        ("PutSecretValue", lambda store, _: store.put(KEY, new_version_id(utc_now()), Secret("other"), [PENDING])),
        ("UpdateSecretVersionStage", lambda store, first: store.move_stage(KEY, GOOD, to=first, expected=None)),
        ("TagResource", lambda store, _: store.tag(KEY, {"team": "mm"})),
        ("UntagResource", lambda store, _: store.untag(KEY, ["team"])),
        ("DeleteSecret", lambda store, _: store.delete(KEY)),
        ("RestoreSecret", lambda store, _: store.restore(KEY)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_missing_right_is_named(desk: Desk, lacking: str, change: Any) -> None:
    first = stored(desk.store(), KEY)
    operator = desk.server.user("operator", policy(actions("DescribeSecret")))
    desk.server.set_enforcement(on=True)
    with pytest.raises(Denied, match=lacking) as caught:
        change(desk.store(operator), first)
    assert f"secretsmanager:{lacking}" in caught.value.hint


def test_a_binary_secret_is_told_from_a_garbled_answer(desk: Desk) -> None:
    raw = desk.server.client()
    version_id = new_version_id(utc_now())
    raw.create_secret(Name=KEY, SecretBinary=b"\x00\x01", ClientRequestToken=version_id)
    store = desk.store()
    stored(store, SECRET)
    outcomes = store.read_current([KEY, SECRET])
    assert isinstance(outcomes[SECRET], SecretVersion)
    assert isinstance(outcomes[KEY], GarbledAnswer)
    assert "binary" in str(outcomes[KEY])
    with pytest.raises(GarbledAnswer, match="binary"):
        store.get_secret_value(KEY)
    with pytest.raises(GarbledAnswer, match="binary"):
        store.read_version(KEY, version_id)


def test_a_secret_without_a_value_is_described_and_not_found(desk: Desk) -> None:
    desk.server.client().create_secret(Name=KEY)
    store = desk.store()
    stored(store, SECRET)
    assert store.describe(KEY).current is None
    assert [secret.current is None for secret in store.list_metadata("mm-bot/")] == [True, False]
    assert isinstance(store.read_current([KEY, SECRET])[KEY], NotFound)
    assert isinstance(store.read_current([KEY])[KEY], NotFound)
    version_id = new_version_id(utc_now())
    store.put(KEY, version_id, Secret("value"), [PENDING])
    assert store.describe(KEY).stages == {CURRENT: version_id, PENDING: version_id}


def test_key_and_tags_of_the_settings_are_put_on_new_secrets(desk: Desk) -> None:
    store = desk.store(kms_key_id="alias/mm-dev", tags={"team": "mm", "cost": "desk"})
    store.create(KEY, new_version_id(utc_now()), Secret("value"), {"cost": "own"})
    described = desk.server.client().describe_secret(SecretId=KEY)
    assert described["KmsKeyId"] == "alias/mm-dev"
    assert store.describe(KEY).tags == {"team": "mm", "cost": "own"}


def test_own_writes_show_in_a_listing_that_lags(desk: Desk) -> None:
    now = [datetime(2026, 6, 1, tzinfo=UTC)]
    store, other = desk.store(clock=lambda: now[0]), desk.store()
    first = stored(store, KEY, SECRET, "mm-bot/dev/okx/api_key")
    desk.server.set_listing_lag(3600)
    second = new_version_id(utc_now())
    store.put(KEY, second, Secret("second"), [PENDING])
    store.move_stage(KEY, CURRENT, to=second, expected=first)
    store.tag(KEY, {"team": "mm"})
    store.delete(SECRET)
    stored(store, FREEZE)
    stored(store, "mm-bot/prod/_freeze")
    with pytest.raises(NotFound):
        store.tag("mm-bot/dev/gone/api_key", {"team": "mm"})

    listed = {secret.name: secret for secret in store.list_metadata("mm-bot/dev/")}
    assert sorted(listed) == [FREEZE, KEY, SECRET, "mm-bot/dev/okx/api_key"]
    assert listed[KEY].stages == {CURRENT: second, PENDING: second, PREVIOUS: first}
    assert listed[KEY].tags == {"team": "mm"}
    assert listed[SECRET].deleted_at is not None
    assert store.list_secrets("mm-bot/dev/") == [FREEZE, KEY, "mm-bot/dev/okx/api_key"]
    # Somebody else sees the lag: the test server does have one.
    assert [secret.current for secret in other.list_metadata("mm-bot/dev/")] == [first] * 3

    now[0] += timedelta(minutes=5, seconds=1)
    desk.server.clear_calls()
    assert {secret.name: secret.current for secret in store.list_metadata("mm-bot/dev/")}[KEY] == first
    assert desk.operations() == ["ListSecrets"]


def test_what_is_gone_for_good_is_not_shown_by_a_listing_that_lags(desk: Desk) -> None:
    store = desk.store()
    desk.server.set_listing_lag(3600)
    stored(store, KEY)
    desk.server.set_listing_lag(0)
    assert store.list_secrets("mm-bot/") == [KEY]
    desk.server.set_listing_lag(3600)
    desk.server.client().delete_secret(SecretId=KEY, ForceDeleteWithoutRecovery=True)
    assert desk.store().list_secrets("mm-bot/") == [KEY]
    assert store.list_secrets("mm-bot/") == []


def test_a_change_of_unknown_outcome_is_looked_up_too(desk: Desk) -> None:
    store = desk.store()
    stored(store, KEY)
    desk.server.set_listing_lag(3600)
    desk.server.faults(Fault("lost", "DeleteSecret"))
    with pytest.raises(CoreError):
        store.delete(KEY)
    assert store.list_secrets("mm-bot/") == []


def test_a_move_that_has_already_happened_is_done(desk: Desk) -> None:
    store = desk.store()
    first = stored(store, KEY)
    second = new_version_id(utc_now())
    store.put(KEY, second, Secret("second"), [PENDING])
    store.move_stage(KEY, CURRENT, to=second, expected=first)
    store.move_stage(KEY, CURRENT, to=second, expected=first)
    store.move_stage(KEY, PENDING, to=None, expected=second)
    store.move_stage(KEY, PENDING, to=None, expected=second)
    assert store.describe(KEY).stages == {CURRENT: second, PREVIOUS: first}


def test_a_second_deletion_does_not_move_the_end_of_the_window(desk: Desk) -> None:
    store = desk.store()
    stored(store, KEY)
    store.delete(KEY, 7)
    desk.server.clear_calls()
    store.delete(KEY, 30)
    assert desk.operations() == ["DescribeSecret"]


def test_a_deletion_that_another_operator_did_meanwhile_is_done(desk: Desk) -> None:
    store, other = desk.store(), desk.store()
    stored(store, KEY)
    desk.server.faults(Fault("hang", "DeleteSecret", count=1, seconds=1))
    slow = threading.Thread(target=store.delete, args=(KEY,))
    slow.start()
    desk.server.wait_until_held()
    other.delete(KEY)
    slow.join(10)
    assert not slow.is_alive()
    assert store.describe(KEY).deleted_at is not None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mm-bot/dev/by bit/api_key", InvalidValue),
        ("arn:aws:secretsmanager:us-east-1:999999999999:secret:mm-bot/dev/bybit/api_key-abcdef", InvalidName),
    ],
    ids=["space", "arn"],
)
def test_a_name_that_is_none_is_refused(desk: Desk, name: str, kind: type[CoreError]) -> None:
    with pytest.raises(kind):
        desk.store().create(name, new_version_id(utc_now()), Secret("value"))
    assert desk.store().list_metadata("") == []


def test_what_aws_cannot_take_is_an_invalid_value(desk: Desk) -> None:
    store = desk.store()
    stored(store, KEY)
    with pytest.raises(InvalidValue):
        store.tag(KEY, {f"tag{number}": "x" for number in range(51)})
    with pytest.raises(InvalidValue):
        store.tag(KEY, {"team": "a;b"})
    with pytest.raises(InvalidValue):
        store.put(KEY, "too-short", Secret("value"), [PENDING])
    with pytest.raises(InvalidValue):
        store.put(KEY, new_version_id(utc_now()), Secret("value"), [])
    with pytest.raises(InvalidValue):
        store.create(SECRET, new_version_id(utc_now()), Secret("value"), {"aws:mine": "x"})
    assert store.describe(KEY).tags == {}


def test_a_quota_is_named_as_the_guard(desk: Desk) -> None:
    store = desk.store()
    first = stored(store, KEY)
    for number in range(19):
        store.move_stage(KEY, f"LABEL{number}", to=first, expected=None)
    with pytest.raises(Refused) as caught:
        store.move_stage(KEY, GOOD, to=first, expected=None)
    assert caught.value.guard == "aws-quota"


def test_no_tags_to_change_is_no_call(desk: Desk) -> None:
    store = desk.store()
    store.tag(KEY, {})
    store.untag(KEY, [])
    assert desk.server.calls() == []


def test_a_store_that_is_opened_asks_nothing(desk: Desk) -> None:
    store = desk.store(account_id=ACCOUNT)
    assert (store.backend, store.notices) == ("aws", ())
    assert desk.server.calls() == []


def test_the_sdk_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, secrets_core.stores.aws; print([m for m in ('boto3', 'botocore') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_eight_threads_share_one_connection(desk: Desk) -> None:
    version_id = stored(desk.store(), KEY, SECRET)
    desk.server.clear_calls()
    store = desk.store(account_id=ACCOUNT)
    start = threading.Barrier(8)
    found: list[set[str | type]] = []

    def read() -> None:
        start.wait(10)
        outcomes = store.read_current([KEY, SECRET]).values()
        found.append({one.version_id if isinstance(one, SecretVersion) else type(one) for one in outcomes})

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [{version_id}] * 8
    assert desk.operations("sts") == ["GetCallerIdentity"]
    assert desk.operations() == ["BatchGetSecretValue"] * 8


def test_a_deleted_secret_is_not_replaced(desk: Desk) -> None:
    store = desk.store()
    stored(store, KEY)
    store.delete(KEY)
    with pytest.raises(ScheduledForDeletion) as caught:
        stored(store, KEY)
    assert "Restore" in caught.value.hint
