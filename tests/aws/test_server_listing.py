"""Listings as AWS documents them: pages, filters, order, lag; and the limits of tags, which listings carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from tests.aws.refusals import refused
from tests.aws_server.faults import Fault
from tests.aws_server.process import AwsServer, wait_for

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

NAME = "mm-bot/dev/bybit/api_key"


@pytest.fixture
def client(aws_server: AwsServer) -> SecretsManagerClient:
    return aws_server.client()


def listed(client: SecretsManagerClient, **wanted: Any) -> list[str]:
    pages = client.get_paginator("list_secrets").paginate(**wanted)
    return [row["Name"] for page in pages for row in page["SecretList"]]


def tags(client: SecretsManagerClient) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in client.describe_secret(SecretId=NAME).get("Tags", [])}


def many(count: int, first: int = 0) -> list[Any]:
    return [{"Key": f"k{number}", "Value": str(number)} for number in range(first, first + count)]


def test_all_of_250_come_over_pages_of_100(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    names = [f"mm-bot/dev/x{number:03}/api_key" for number in range(250)]
    for name in names:
        client.create_secret(Name=name, SecretString="x")
    aws_server.clear_calls()
    assert sorted(listed(client)) == names
    assert [call.operation for call in aws_server.calls()] == ["ListSecrets"] * 3
    with refused("ValidationException"):
        client.list_secrets(MaxResults=101)
    with refused("InvalidNextTokenException"):
        client.list_secrets(NextToken="nonsense")


def test_what_comes_or_goes_between_two_pages_shifts_nothing(client: SecretsManagerClient) -> None:
    for name in "abcdef":
        client.create_secret(Name=name)
    page = client.list_secrets(MaxResults=2, SortBy="name")
    client.delete_secret(SecretId="a")
    client.create_secret(Name="aa")
    rest = listed(client, NextToken=page["NextToken"], SortBy="name", PaginationConfig={"PageSize": 2})
    assert rest == ["c", "d", "e", "f"]


def test_order_by_creation_or_by_name(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    for offset, name in enumerate("bca"):
        aws_server.set_clock(offset)
        client.create_secret(Name=name)
    sizes = {"PaginationConfig": {"PageSize": 1}}
    assert listed(client, **sizes) == ["b", "c", "a"]
    assert listed(client, SortOrder="desc", **sizes) == ["a", "c", "b"]
    assert listed(client, SortBy="name", **sizes) == ["a", "b", "c"]
    assert listed(client, SortBy="name", SortOrder="desc", **sizes) == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("name", ["mm-bot/"])], ["mm-bot/dev/a", "mm-bot/prod/b"]),
        ([("name", ["MM"])], ["MM-BOT/dev/a"]),
        ([("name", ["!mm-bot/"])], ["MM-BOT/dev/a", "other"]),
        ([("name", ["mm-bot/prod", "other"])], ["mm-bot/prod/b", "other"]),
        ([("name", ["mm-bot/"]), ("name", ["!mm-bot/prod"])], ["mm-bot/dev/a"]),
        ([("name", ["bot"])], []),
        ([("tag-key", ["te"])], ["other"]),
        ([("tag-value", ["M"])], []),
        ([("description", ["FOR"])], ["other"]),
        ([("all", ["desk other"])], ["other"]),
    ],
)
def test_filters(
    client: SecretsManagerClient, filters: Sequence[tuple[Any, list[str]]], expected: Sequence[str]
) -> None:
    for name in ("mm-bot/dev/a", "mm-bot/prod/b", "MM-BOT/dev/a"):
        client.create_secret(Name=name)
    client.create_secret(Name="other", Description="For the desk", Tags=[{"Key": "team", "Value": "mm"}])
    wanted: list[Any] = [{"Key": key, "Values": values} for key, values in filters]
    assert sorted(listed(client, Filters=wanted)) == sorted(expected)


def test_filters_are_validated(client: SecretsManagerClient) -> None:
    wrong: list[Mapping[str, Any]] = [
        {"Key": "colour", "Values": ["red"]},
        {"Key": "name", "Values": ["a*"]},
        {"Key": "name", "Values": [str(number) for number in range(11)]},
    ]
    for entry in wrong:
        unchecked: Any = [entry]
        with refused("ValidationException"):
            client.list_secrets(Filters=unchecked)


def test_an_empty_page_is_not_the_last_one(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    for name in "abc":
        client.create_secret(Name=name)
    aws_server.faults(Fault("empty_page", "ListSecrets", after=1, count=1), Fault("empty_page", "ListSecrets", count=1))
    assert client.list_secrets()["SecretList"] == []
    assert listed(client, PaginationConfig={"PageSize": 2}) == ["a", "b", "c"]


def test_a_lagging_listing_shows_the_past_while_reads_are_current(
    aws_server: AwsServer, client: SecretsManagerClient
) -> None:
    client.create_secret(Name=NAME, SecretString="one")
    client.create_secret(Name="gone")
    aws_server.set_listing_lag(300)
    client.create_secret(Name="new")
    client.put_secret_value(SecretId=NAME, SecretString="two")
    client.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)
    assert listed(client) == [NAME, "gone"]
    assert len(client.list_secrets()["SecretList"][0]["SecretVersionsToStages"]) == 1
    assert len(client.describe_secret(SecretId=NAME)["VersionIdsToStages"]) == 2
    assert client.get_secret_value(SecretId=NAME)["SecretString"] == "two"
    with refused("ResourceNotFoundException"):
        client.describe_secret(SecretId="gone")
    aws_server.set_listing_lag(0)
    assert listed(client) == [NAME, "new"]
    assert len(client.list_secrets()["SecretList"][0]["SecretVersionsToStages"]) == 2


def test_a_lagging_listing_catches_up(aws_server: AwsServer, client: SecretsManagerClient) -> None:
    aws_server.set_listing_lag(0.6)
    client.create_secret(Name=NAME)
    assert listed(client) == []
    wait_for(lambda: listed(client) == [NAME])
    aws_server.set_listing_lag(300)
    assert listed(client) == [NAME]


def test_tags_are_added_replaced_and_taken_away(client: SecretsManagerClient) -> None:
    client.create_secret(Name=NAME, Tags=[{"Key": "team", "Value": "mm"}, {"Key": "empty", "Value": ""}])
    client.tag_resource(SecretId=NAME, Tags=[{"Key": "team", "Value": "desk"}, {"Key": "Team", "Value": "other"}])
    assert tags(client) == {"team": "desk", "empty": "", "Team": "other"}
    client.untag_resource(SecretId=NAME, TagKeys=["team", "none"])
    assert tags(client) == {"empty": "", "Team": "other"}
    assert client.list_secrets()["SecretList"][0]["Tags"] == client.describe_secret(SecretId=NAME)["Tags"]


def test_a_secret_has_fifty_tags_at_most(client: SecretsManagerClient) -> None:
    with refused("InvalidParameterException"):
        client.create_secret(Name=NAME, Tags=many(51))
    client.create_secret(Name=NAME, Tags=many(49))
    with refused("InvalidParameterException"):
        client.tag_resource(SecretId=NAME, Tags=many(2, first=49))
    assert len(tags(client)) == 49
    client.tag_resource(SecretId=NAME, Tags=many(2, first=48))
    assert len(tags(client)) == 50
    client.tag_resource(SecretId=NAME, Tags=many(1))


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("k" * 129, "v", "ValidationException"),
        ("k", "v" * 257, "ValidationException"),
        ("aws:mine", "v", "InvalidParameterException"),
        ("AWS:mine", "v", "InvalidParameterException"),
        ("k;", "v", "InvalidParameterException"),
        ("k", "a;b", "InvalidParameterException"),
        ("k", "a,b", "InvalidParameterException"),
        ("k", "a\nb", "InvalidParameterException"),
        ("k", "{}", "InvalidParameterException"),
    ],
)
def test_tags_that_aws_does_not_take(client: SecretsManagerClient, key: str, value: str, code: str) -> None:
    wrong: Any = [{"Key": "fine", "Value": "fine"}, {"Key": key, "Value": value}]
    with refused(code):
        client.create_secret(Name=NAME, Tags=wrong)
    client.create_secret(Name=NAME)
    with refused(code):
        client.tag_resource(SecretId=NAME, Tags=wrong)
    assert tags(client) == {}


def test_tags_to_the_limits(client: SecretsManagerClient) -> None:
    key, value = "k" * 128, "aZ9 _.:/=+-@é".ljust(256, "x")
    client.create_secret(Name=NAME, Tags=[{"Key": key, "Value": value}])
    assert tags(client) == {key: value}
