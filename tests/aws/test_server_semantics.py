"""The server keeps AWS's documented rules where stock moto breaks them: labels, puts, deletion, batches, limits."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.aws.refusals import refused
from tests.aws_server.process import AwsServer

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import FilterTypeDef

NAME = "mm-bot/dev/bybit/api_key"
ONE, TWO, THREE = ("0" * 31 + digit for digit in "123")


@pytest.fixture
def client(aws_server: AwsServer) -> SecretsManagerClient:
    return aws_server.client()


def labels(client: SecretsManagerClient, name: str = NAME) -> Mapping[str, list[str]]:
    return client.describe_secret(SecretId=name).get("VersionIdsToStages", {})


def create(client: SecretsManagerClient, name: str = NAME, value: str = "one", version: str = ONE) -> None:
    client.create_secret(Name=name, SecretString=value, ClientRequestToken=version)


def put(client: SecretsManagerClient, version: str, value: str, *stages: str) -> list[str]:
    answer = client.put_secret_value(
        SecretId=NAME, SecretString=value, ClientRequestToken=version, VersionStages=list(stages or ("AWSCURRENT",))
    )
    assert answer["VersionId"] == version
    return answer["VersionStages"]


def move(client: SecretsManagerClient, label: str, *, to: str | None = None, source: str | None = None) -> None:
    wanted = {"MoveToVersionId": to, "RemoveFromVersionId": source}
    client.update_secret_version_stage(
        SecretId=NAME, VersionStage=label, **{key: value for key, value in wanted.items() if value is not None}
    )


def test_a_promoted_version_is_what_every_read_gives(client: SecretsManagerClient) -> None:
    create(client)
    assert put(client, TWO, "two", "AWSPENDING") == ["AWSPENDING"]
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "one"
    move(client, "AWSCURRENT", to=TWO, source=ONE)
    assert labels(client) == {TWO: ["AWSCURRENT", "AWSPENDING"], ONE: ["AWSPREVIOUS"]}
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "two"
    assert client.batch_get_secret_value(SecretIdList=[NAME])["SecretValues"][0]["SecretString"] == "two"
    assert client.get_secret_value(SecretId=NAME, VersionStage="AWSPREVIOUS")["VersionId"] == ONE
    assert client.get_secret_value(SecretId=NAME, VersionId=ONE)["SecretString"] == "one"


def test_moving_back_swaps_current_and_previous(client: SecretsManagerClient) -> None:
    create(client)
    put(client, TWO, "two")
    move(client, "AWSCURRENT", to=ONE, source=TWO)
    assert labels(client) == {ONE: ["AWSCURRENT"], TWO: ["AWSPREVIOUS"]}


def test_a_plain_put_leaves_one_current_and_takes_pending_from_the_version_it_replaces(
    client: SecretsManagerClient,
) -> None:
    create(client)
    put(client, TWO, "two", "AWSPENDING")
    move(client, "AWSCURRENT", to=TWO, source=ONE)
    put(client, THREE, "three")
    assert labels(client) == {THREE: ["AWSCURRENT"], TWO: ["AWSPREVIOUS"]}
    assert client.get_secret_value(SecretId=NAME, VersionStage="AWSCURRENT")["SecretString"] == "three"


def test_a_plain_put_leaves_another_versions_pending_alone(client: SecretsManagerClient) -> None:
    create(client)
    put(client, TWO, "two", "AWSPENDING")
    put(client, THREE, "three")
    assert labels(client) == {THREE: ["AWSCURRENT"], TWO: ["AWSPENDING"], ONE: ["AWSPREVIOUS"]}


def test_moving_a_label_is_compare_and_swap_and_a_refusal_changes_nothing(client: SecretsManagerClient) -> None:
    create(client)
    put(client, TWO, "two", "AWSPENDING", "LOCK")
    put(client, THREE, "three", "OTHER")
    before = labels(client)
    with refused("InvalidParameterException"):  # attached elsewhere, no RemoveFrom
        move(client, "AWSCURRENT", to=TWO)
    with refused("InvalidParameterException"):  # RemoveFrom is not the holder
        move(client, "AWSCURRENT", to=TWO, source=THREE)
    with refused("InvalidParameterException"):  # custom labels are no different
        move(client, "LOCK", to=THREE)
    with refused("InvalidParameterException"):  # not attached at all
        move(client, "NEW", source=ONE)
    with refused("InvalidParameterException"):  # AWSCURRENT only moves
        move(client, "AWSCURRENT", source=ONE)
    with refused("InvalidParameterException"):
        move(client, "AWSCURRENT")
    with refused("ResourceNotFoundException"):  # checked before anything is removed
        move(client, "AWSCURRENT", to="f" * 32, source=ONE)
    assert labels(client) == before
    move(client, "AWSCURRENT", to=ONE)  # where it is already: nothing to do
    move(client, "LOCK", source=TWO)
    move(client, "LOCK", to=THREE)
    assert labels(client) == {ONE: ["AWSCURRENT"], TWO: ["AWSPENDING"], THREE: ["LOCK", "OTHER"]}


def test_of_two_simultaneous_promotions_one_wins(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    create(client)
    rivals = [uuid.uuid4().hex for _ in range(6)]
    for rival in rivals:
        put(client, rival, rival, f"L{rival}")
    start = threading.Barrier(len(rivals))
    won: list[str] = []

    def race(own: SecretsManagerClient, rival: str) -> None:
        start.wait()
        try:
            move(own, "AWSCURRENT", to=rival, source=ONE)
        except own.exceptions.InvalidParameterException:
            return
        won.append(rival)

    threads = [threading.Thread(target=race, args=(aws_server.client(), rival)) for rival in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert client.get_secret_value(SecretId=NAME)["VersionId"] == won[0]


def test_repeating_a_put_is_ignored_and_another_value_is_refused(client: SecretsManagerClient) -> None:
    create(client)
    put(client, TWO, "two", "AWSPENDING")
    move(client, "AWSCURRENT", to=TWO, source=ONE)
    assert put(client, TWO, "two", "AWSPENDING") == ["AWSCURRENT", "AWSPENDING"]
    with refused("ResourceExistsException"):
        put(client, TWO, "another", "AWSPENDING")
    move(client, "AWSPENDING", source=TWO)
    put(client, TWO, "two", "AWSPENDING")  # does not attach the label again
    assert labels(client) == {TWO: ["AWSCURRENT"], ONE: ["AWSPREVIOUS"]}
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "two"
    with refused("ResourceExistsException"):  # even with the same value
        client.update_secret(SecretId=NAME, SecretString="two", ClientRequestToken=TWO)


def test_repeating_a_create_is_ignored_and_another_one_is_refused(client: SecretsManagerClient) -> None:
    create(client)
    create(client)
    for value, version in (("another", ONE), ("one", TWO)):
        with refused("ResourceExistsException"):
            create(client, value=value, version=version)
    assert labels(client) == {ONE: ["AWSCURRENT"]}


def test_the_first_put_into_an_empty_secret_is_current(client: SecretsManagerClient) -> None:
    assert "VersionId" not in client.create_secret(Name=NAME)
    assert "VersionIdsToStages" not in client.describe_secret(SecretId=NAME)
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId=NAME)
    assert put(client, ONE, "one", "AWSPENDING") == ["AWSCURRENT", "AWSPENDING"]
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "one"


def test_what_is_missing_or_does_not_belong_together_is_told_by_code(client: SecretsManagerClient) -> None:
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId=NAME)
    create(client)
    put(client, TWO, "two")
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId=NAME, VersionId=THREE)
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId=NAME, VersionStage="AWSPENDING")
    with refused("InvalidRequestException"):
        client.get_secret_value(SecretId=NAME, VersionId=ONE, VersionStage="AWSCURRENT")


def test_a_secret_is_found_by_name_arn_and_partial_arn(client: SecretsManagerClient) -> None:
    create(client)
    arn = client.describe_secret(SecretId=NAME)["ARN"]
    for secret_id in (arn, arn[:-7]):
        assert client.get_secret_value(SecretId=secret_id)["Name"] == NAME
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    create(client)
    with refused("ResourceNotFoundException"):  # the ARN of the secret that had this name before
        client.get_secret_value(SecretId=arn)


def test_unlabelled_versions_are_hidden_but_readable_by_id(client: SecretsManagerClient) -> None:
    create(client)
    put(client, TWO, "two")
    put(client, THREE, "three")
    assert labels(client) == {THREE: ["AWSCURRENT"], TWO: ["AWSPREVIOUS"]}
    assert client.list_secrets()["SecretList"][0]["SecretVersionsToStages"] == labels(client)
    read = client.get_secret_value(SecretId=NAME, VersionId=ONE)
    assert read["SecretString"] == "one"
    assert "VersionStages" not in list(read)
    shown = client.list_secret_version_ids(SecretId=NAME)["Versions"]
    assert [version["VersionId"] for version in shown] == [TWO, THREE]
    page = client.list_secret_version_ids(SecretId=NAME, IncludeDeprecated=True, MaxResults=2)
    rest = client.list_secret_version_ids(SecretId=NAME, IncludeDeprecated=True, NextToken=page["NextToken"])
    assert [version["VersionId"] for version in page["Versions"] + rest["Versions"]] == [ONE, TWO, THREE]
    assert "VersionStages" not in page["Versions"][0]
    assert "NextToken" not in rest


def test_versions_tell_when_they_were_made(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    aws_server.set_clock(-3600)
    create(client)
    aws_server.set_clock(0)
    put(client, TWO, "two")
    older, newer = (version["CreatedDate"] for version in client.list_secret_version_ids(SecretId=NAME)["Versions"])
    assert timedelta(minutes=59) < newer - older < timedelta(minutes=61)
    assert client.get_secret_value(SecretId=NAME)["CreatedDate"] == newer
    assert abs(datetime.now(UTC) - newer) < timedelta(minutes=1)


def test_old_unlabelled_versions_are_pruned_beyond_a_hundred(
    aws_server: AwsServer, client: SecretsManagerClient
) -> None:
    def count() -> int:
        page = client.list_secret_version_ids(SecretId=NAME, IncludeDeprecated=True)
        number = len(page["Versions"])
        while token := page.get("NextToken"):
            page = client.list_secret_version_ids(SecretId=NAME, IncludeDeprecated=True, NextToken=token)
            number += len(page["Versions"])
        return number

    create(client)
    for number in range(104):
        put(client, f"a{number:031}", str(number))
    assert count() == 105
    aws_server.set_clock(25 * 3600)
    put(client, "e" * 32, "new")
    assert count() == 100
    assert labels(client) == {"e" * 32: ["AWSCURRENT"], f"a{103:031}": ["AWSPREVIOUS"]}
    aws_server.set_prune_at_once(True)
    put(client, "f" * 32, "newer")
    assert count() == 2


def test_every_change_moves_last_changed(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    create(client)
    changes: tuple[Callable[[], object], ...] = (
        lambda: put(client, TWO, "two", "AWSPENDING"),
        lambda: move(client, "AWSCURRENT", to=TWO, source=ONE),
        lambda: client.tag_resource(SecretId=NAME, Tags=[{"Key": "team", "Value": "mm"}]),
        lambda: client.untag_resource(SecretId=NAME, TagKeys=["team"]),
        lambda: client.update_secret(SecretId=NAME, Description="for the desk"),
        lambda: client.delete_secret(SecretId=NAME),
        lambda: client.restore_secret(SecretId=NAME),
    )
    for number, change in enumerate(changes, start=1):
        before = client.describe_secret(SecretId=NAME)["LastChangedDate"]
        aws_server.set_clock(number * 10)
        change()
        assert client.describe_secret(SecretId=NAME)["LastChangedDate"] - before > timedelta(seconds=9), number
    before = client.describe_secret(SecretId=NAME)["LastChangedDate"]
    aws_server.set_clock(1000)
    client.get_secret_value(SecretId=NAME)
    put(client, TWO, "two")
    assert client.describe_secret(SecretId=NAME)["LastChangedDate"] == before


def test_dates_have_milliseconds(client: SecretsManagerClient) -> None:
    for number in range(3):
        create(client, f"mm-bot/dev/x{number}/api_key")
    rows = client.list_secrets()["SecretList"]
    assert any(row["CreatedDate"].microsecond % 1_000_000 for row in rows)


def test_a_secret_has_twenty_labels_at_most(client: SecretsManagerClient) -> None:
    create(client)
    put(client, TWO, "two", *(f"L{number}" for number in range(19)))
    with refused("LimitExceededException"):
        put(client, THREE, "three", "ONE-MORE")
    with refused("LimitExceededException"):  # AWSPREVIOUS, which would follow, is the twenty-first
        move(client, "AWSCURRENT", to=TWO, source=ONE)
    assert client.get_secret_value(SecretId=NAME)["VersionId"] == ONE
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId=NAME, VersionId=THREE)


def test_a_deleted_secret_refuses_everything_but_a_look_and_its_restoration(client: SecretsManagerClient) -> None:
    create(client)
    put(client, TWO, "two", "AWSPENDING")
    deletion = client.delete_secret(SecretId=NAME, RecoveryWindowInDays=7)["DeletionDate"]
    assert timedelta(days=6) < deletion - datetime.now(UTC) < timedelta(days=8)
    described = client.describe_secret(SecretId=NAME)
    assert abs(described["DeletedDate"] - datetime.now(UTC)) < timedelta(minutes=1)
    assert client.list_secret_version_ids(SecretId=NAME)["Versions"]
    for act in (
        lambda: client.get_secret_value(SecretId=NAME),
        lambda: put(client, THREE, "three"),
        lambda: move(client, "AWSCURRENT", to=TWO, source=ONE),
        lambda: client.update_secret(SecretId=NAME, Description="x"),
        lambda: client.tag_resource(SecretId=NAME, Tags=[{"Key": "a", "Value": "b"}]),
        lambda: client.delete_secret(SecretId=NAME),
        lambda: create(client),
    ):
        with refused("InvalidRequestException"):
            act()
    assert client.list_secrets()["SecretList"] == []
    assert client.list_secrets(IncludePlannedDeletion=True)["SecretList"][0]["DeletedDate"] == described["DeletedDate"]
    client.restore_secret(SecretId=NAME)
    client.restore_secret(SecretId=NAME)
    assert "DeletedDate" not in client.describe_secret(SecretId=NAME)
    assert labels(client) == {ONE: ["AWSCURRENT"], TWO: ["AWSPENDING"]}


def test_deletion_windows_and_force(client: SecretsManagerClient) -> None:
    create(client)
    for days in (6, 31):
        with refused("InvalidParameterException"):
            client.delete_secret(SecretId=NAME, RecoveryWindowInDays=days)
    with refused("InvalidParameterException"):
        client.delete_secret(SecretId=NAME, RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)
    assert client.delete_secret(SecretId=NAME)["DeletionDate"] - datetime.now(UTC) > timedelta(days=29)
    client.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)
    client.delete_secret(SecretId=NAME, ForceDeleteWithoutRecovery=True)  # gone already, and no error
    for gone in (client.restore_secret, client.delete_secret, client.describe_secret):
        with refused("ResourceNotFoundException"):
            gone(SecretId=NAME)
    create(client)


def test_a_batch_tells_values_and_errors_apart(client: SecretsManagerClient) -> None:
    names = [f"mm-bot/dev/x{number}/api_key" for number in range(3)]
    for name in names:
        create(client, name)
    client.delete_secret(SecretId=names[1])
    client.create_secret(Name="mm-bot/dev/empty/api_key")
    answer = client.batch_get_secret_value(SecretIdList=[*names, "mm-bot/dev/none", "mm-bot/dev/empty/api_key"])
    assert [value["Name"] for value in answer["SecretValues"]] == [names[0], names[2]]
    assert {error["SecretId"]: error["ErrorCode"] for error in answer["Errors"]} == {
        names[1]: "InvalidRequestException",
        "mm-bot/dev/none": "ResourceNotFoundException",
        "mm-bot/dev/empty/api_key": "ResourceNotFoundException",
    }
    with refused("ValidationException"):
        client.batch_get_secret_value(SecretIdList=[f"n{number}" for number in range(21)])
    with refused("InvalidParameterException"):
        client.batch_get_secret_value(SecretIdList=names, Filters=[{"Key": "name", "Values": ["mm-bot/"]}])


def test_a_filtered_batch_comes_in_pages_of_twenty_without_the_deleted(client: SecretsManagerClient) -> None:
    for number in range(25):
        create(client, f"mm-bot/dev/x{number:02}/api_key")
    client.delete_secret(SecretId="mm-bot/dev/x00/api_key")
    filters: list[FilterTypeDef] = [{"Key": "name", "Values": ["mm-bot/dev/"]}]
    first = client.batch_get_secret_value(Filters=filters)
    second = client.batch_get_secret_value(Filters=filters, NextToken=first["NextToken"])
    assert [len(page["SecretValues"]) for page in (first, second)] == [20, 4]
    assert "NextToken" not in second
    assert first["Errors"] == second["Errors"] == []
    with refused("ValidationException"):
        client.batch_get_secret_value(Filters=filters, MaxResults=21)


def test_values_end_at_64_kibibytes_and_binary_ones_come_back(client: SecretsManagerClient) -> None:
    create(client, value="x" * 65_536)
    for value in ("x" * 65_537, "é" * 40_000):
        with refused("ValidationException"):
            put(client, TWO, value)
    client.put_secret_value(SecretId=NAME, SecretBinary=b"\0\xff", ClientRequestToken=TWO)
    assert client.get_secret_value(SecretId=NAME)["SecretBinary"] == b"\0\xff"
    with refused("ValidationException"):
        client.put_secret_value(SecretId=NAME, SecretBinary=b"x" * 65_537)


def test_values_that_look_like_a_form_are_only_values(client: SecretsManagerClient) -> None:
    # Stock moto parses the JSON body as a form first, and takes Action and Name from the value.
    create(client, value="a&Action=DeleteSecret&SecretId=other&Name=other")
    assert client.get_secret_value(SecretId=NAME)["SecretString"].startswith("a&Action")


@pytest.mark.parametrize("name", ["with space", "with*star", "ümlaut", "x" * 513])
def test_names_that_aws_does_not_take(client: SecretsManagerClient, name: str) -> None:
    with refused("ValidationException"):
        client.create_secret(Name=name, SecretString="x")
