"""Answers that are well-formed and wrong: about another secret or version, stale, doubled, or of another shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from secrets_core.errors import CoreError, Denied, GarbledAnswer, NotFound, OutcomeUnknown, Throttled, Unreachable
from secrets_core.secret import Secret
from secrets_core.stores.aws import AwsOptions, AwsStore
from secrets_core.stores.base import PENDING, SecretVersion
from tests.aws.opening import Desk
from tests.aws.stand_in import answering, keys_of_nobody

KEY, SECRET = "mm-bot/dev/bybit/api_key", "mm-bot/dev/bybit/api_secret"
FIRST, SECOND = (f"01910000-0000-73b7-8000-{number:012}" for number in range(2))
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
BORN = 1_700_000_000.5


@pytest.fixture(autouse=True)
def elsewhere(desk: Desk) -> None:
    """Keep the developer's AWS files out."""


def value(name: str = KEY, **other: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "VersionId": FIRST,
        "VersionStages": ["AWSCURRENT"],
        "SecretString": "text",
        "CreatedDate": BORN,
        **other,
    }


def without(content: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: entry for name, entry in content.items() if name != key}


def asked(content: object, ask: Callable[[AwsStore], object], *, status: str = "200 OK") -> object:
    """Give what the store makes of an answer, whatever it asked."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {len(body)}\r\n\r\n"
    with answering(head.encode() + body) as endpoint:
        return ask(AwsStore(AwsOptions(endpoint_url=endpoint, region="us-east-1", profile=keys_of_nobody())))


def batch(store: AwsStore) -> object:
    return store.read_current([KEY, SECRET])


def version(store: AwsStore) -> object:
    return store.read_version(KEY, FIRST)


@pytest.mark.parametrize(
    ("what", "ask", "content"),
    [
        ("another secret", version, value("mm-bot/dev/okx/api_key")),
        ("another version", version, value(VersionId=SECOND)),
        ("no VersionId", version, without(value(), "VersionId")),
        ("no SecretString", version, without(value(), "SecretString")),
        ("no SecretString", version, value(SecretString="")),
        ("no CreatedDate", version, without(value(), "CreatedDate")),
        ("not its current version", lambda store: store.read_current([KEY]), value(VersionStages=["AWSPREVIOUS"])),
        ("not its current version", lambda store: store.read_current([KEY]), without(value(), "VersionStages")),
        ("not its current version", batch, {"SecretValues": [value(VersionStages=["AWSPREVIOUS"])], "Errors": []}),
        ("each secret once", batch, {"SecretValues": [value()], "Errors": []}),
        ("each secret once", batch, {"SecretValues": [value(), value(), value(SECRET)]}),
        ("each secret once", batch, {"SecretValues": [value(), value(SECRET), value("mm-bot/dev/okx/api_key")]}),
        (
            "each secret once",
            batch,
            {
                "SecretValues": [value(), value(SECRET)],
                "Errors": [{"SecretId": KEY, "ErrorCode": "AccessDeniedException"}],
            },
        ),
        (
            "nobody asked for",
            batch,
            {"SecretValues": [value()], "Errors": [{"SecretId": "x", "ErrorCode": "AccessDeniedException"}]},
        ),
        ("no ErrorCode", batch, {"SecretValues": [value()], "Errors": [{"SecretId": SECRET}]}),
        ("another secret", lambda store: store.describe(KEY), {"Name": SECRET}),
        (
            "on two versions",
            lambda store: store.describe(KEY),
            {"Name": KEY, "VersionIdsToStages": {FIRST: ["AWSCURRENT"], SECOND: ["AWSCURRENT"]}},
        ),
        ("no Name", lambda store: store.list_metadata(""), {"SecretList": [{}]}),
        ("no list SecretList", lambda store: store.list_metadata(""), {"NextToken": "x"}),
        ("no list Versions", lambda store: store.list_versions(KEY), {"Name": KEY}),
        ("no CreatedDate", lambda store: store.list_versions(KEY), {"Name": KEY, "Versions": [{"VersionId": FIRST}]}),
    ],
)
def test_a_read_that_is_answered_wrongly(what: str, ask: Callable[[AwsStore], object], content: object) -> None:
    with pytest.raises(GarbledAnswer, match=re.escape(what)):
        asked(content, ask)


@pytest.mark.parametrize(
    ("change", "content"),
    [
        (lambda store: store.put(KEY, FIRST, Secret("text"), [PENDING]), {"Name": KEY, "VersionId": SECOND}),
        (lambda store: store.put(KEY, FIRST, Secret("text"), [PENDING]), {"Name": SECRET, "VersionId": FIRST}),
        (lambda store: store.create(KEY, FIRST, Secret("text")), {"Name": KEY}),
        (lambda store: store.move_stage(KEY, PENDING, to=FIRST, expected=None), {"ARN": f"{ARN}{KEY}-abcdef"}),
        (lambda store: store.restore(KEY), {"Name": SECRET}),
        (lambda store: store.delete(KEY), {"Name": KEY}),
    ],
    ids=["put, other version", "put, other secret", "create", "move", "restore", "delete"],
)
def test_a_change_that_is_answered_wrongly_is_in_doubt(change: Callable[[AwsStore], object], content: object) -> None:
    with pytest.raises(OutcomeUnknown):
        asked(content, change)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ResourceNotFoundException", NotFound),
        ("AccessDeniedException", Denied),
        ("DecryptionFailure", Denied),
        ("ThrottlingException", Throttled),
        ("InternalServiceError", Unreachable),
    ],
)
@pytest.mark.parametrize("named_by", ["name", "arn"])
def test_what_a_batch_says_of_one_name_stays_with_that_name(code: str, kind: type, named_by: str) -> None:
    secret_id = SECRET if named_by == "name" else f"{ARN}{SECRET}-aB3dEf"
    content = {"SecretValues": [value()], "Errors": [{"SecretId": secret_id, "ErrorCode": code, "Message": "-"}]}
    outcomes = asked(content, batch)
    assert isinstance(outcomes, dict)
    assert {name: type(outcome) for name, outcome in outcomes.items()} == {KEY: SecretVersion, SECRET: kind}


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
def test_a_gateway_that_fails_is_unreachable(status: str) -> None:
    with pytest.raises(Unreachable, match=status[:3]):
        asked(b"<html>later</html>", lambda store: store.describe(KEY), status=status)


@pytest.mark.parametrize("body", [b'""', b"[]", b"null", b"7", b"{", b"\xff\xfe\x00", b"", b"<html></html>"])
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
def test_what_is_no_answer_at_all_becomes_an_error_of_ours(body: bytes, status: str) -> None:
    with pytest.raises(CoreError) as caught:
        asked(body, lambda store: store.describe(KEY), status=status)
    if status == "200 OK":
        assert type(caught.value) is GarbledAnswer
    with pytest.raises(CoreError) as caught:
        asked(body, lambda store: store.put(KEY, FIRST, Secret("text"), [PENDING]), status=status)
    if status == "200 OK":
        assert type(caught.value) is OutcomeUnknown


def test_an_unusable_key_is_a_denial() -> None:
    with pytest.raises(Denied, match="KMS key"):
        asked({"__type": "DecryptionFailure"}, version, status="400 Bad Request")
