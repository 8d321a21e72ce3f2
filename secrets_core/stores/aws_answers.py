"""Reads AWS's answers and believes nothing of their shape: botocore gives ``{}`` for a garbled 200.

Each reader raises ``GarbledAnswer``, naming the field, never what is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from secrets_core.errors import CoreError, GarbledAnswer
from secrets_core.secret import Secret
from secrets_core.stores.base import CURRENT, SecretMetadata, SecretVersion, VersionMetadata

Answer = Mapping[str, Any]


def garbled(what: str, about: str) -> GarbledAnswer:
    """Give the error for an answer that does not hold what it must."""
    return GarbledAnswer(
        f"AWS's answer for {about} {what}.",
        hint="Try again; if it stays, look for a proxy or a login page between here and AWS.",
        path=about,
    )


def text(answer: Answer, key: str, about: str) -> str:
    """Give a non-empty text."""
    value = answer.get(key)
    if not isinstance(value, str) or not value:
        raise garbled(f"has no {key}", about)
    return value


def time(answer: Answer, key: str, about: str) -> datetime:
    """Give a time in UTC."""
    value = _optional_time(answer, key, about)
    if value is None:
        raise garbled(f"has no {key}", about)
    return value


def rows(answer: Answer, key: str, about: str) -> list[Answer]:
    """Give a list of objects that has to be there, though it may be empty."""
    value = answer.get(key)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise garbled(f"has no list {key}", about)
    return value


def optional_rows(answer: Answer, key: str, about: str) -> list[Answer]:
    """Give a list of objects that may be absent."""
    return [] if answer.get(key) is None else rows(answer, key, about)


def next_token(answer: Answer, about: str) -> str | None:
    """Give the token of the next page, or ``None`` after the last."""
    return text(answer, "NextToken", about) if answer.get("NextToken") is not None else None


def confirm_name(answer: Answer, name: str) -> None:
    """Check that the answer is about this secret."""
    if text(answer, "Name", name) != name:
        raise garbled("is about another secret", name)


def confirm_version(answer: Answer, name: str, version_id: str) -> None:
    """Check that the answer is about this version of this secret."""
    confirm_name(answer, name)
    if text(answer, "VersionId", name) != version_id:
        raise garbled("is about another version", name)


def confirm_empty(answer: Answer, name: str) -> None:
    """Check that an answer without content came from AWS, by what is around it: its JSON type, or its request id."""
    around = answer.get("ResponseMetadata", {})
    content_type = around.get("HTTPHeaders", {}).get("content-type", "")
    if not (content_type.startswith("application/x-amz-json") or (not content_type and around.get("RequestId"))):
        raise garbled("is not one of AWS", name)


def version(answer: Answer, name: str) -> SecretVersion | CoreError:
    """Give the version that GetSecretValue or an entry of BatchGetSecretValue holds; an error for a binary value."""
    confirm_name(answer, name)
    version_id, stages, born = (
        text(answer, "VersionId", name),
        _stages(answer, name),
        time(answer, "CreatedDate", name),
    )
    if "SecretString" not in answer and answer.get("SecretBinary"):
        return GarbledAnswer(
            f"{name} holds a binary value; only text is understood.",
            hint="Another tool stored it. Store it again as text.",
            path=name,
        )
    return SecretVersion(name, version_id, stages, born, Secret(text(answer, "SecretString", name)))


def current_version(answer: Answer, name: str) -> SecretVersion | CoreError:
    """Give the version as ``version`` does, checked to be the current one."""
    if CURRENT not in _stages(answer, name):
        raise garbled("is not its current version", name)
    return version(answer, name)


def metadata(answer: Answer, versions_key: str) -> SecretMetadata:
    """Give what DescribeSecret or a row of ListSecrets says; ``versions_key`` is where it has the labels."""
    name = text(answer, "Name", "a secret")
    return SecretMetadata(
        name,
        _holders(answer, versions_key, name),
        _tags(answer, name),
        _optional_time(answer, "CreatedDate", name),
        _optional_time(answer, "LastChangedDate", name),
        _optional_time(answer, "DeletedDate", name),
    )


def version_metadata(row: Answer, name: str) -> VersionMetadata:
    """Give one row of ListSecretVersionIds."""
    return VersionMetadata(text(row, "VersionId", name), _stages(row, name), time(row, "CreatedDate", name))


def secret_id_names(secret_id: str, name: str) -> bool:
    """Tell whether an identifier in an answer means ``name``: it, or an ARN, which adds a dash and six characters."""
    return secret_id == name or (secret_id.startswith("arn:") and secret_id[:-7].endswith(f":secret:{name}"))


def _optional_time(answer: Answer, key: str, about: str) -> datetime | None:
    value = answer.get(key)
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise garbled(f"has no time in {key}", about)
    return value.astimezone(UTC)


def _stages(answer: Answer, about: str) -> frozenset[str]:
    """Give the labels; a version without any comes without the field."""
    value = answer.get("VersionStages", [])
    if not isinstance(value, list) or not all(isinstance(stage, str) for stage in value):
        raise garbled("has no list VersionStages", about)
    return frozenset(value)


def _holders(answer: Answer, key: str, about: str) -> dict[str, str]:
    value = answer.get(key) or {}
    if not isinstance(value, dict):
        raise garbled(f"has no map {key}", about)
    holders: dict[str, str] = {}
    for version_id, stages in value.items():
        for stage in _stages({"VersionStages": stages}, about):
            if stage in holders:
                raise garbled(f"has {stage} on two versions", about)
            holders[stage] = version_id
    return holders


def _tags(answer: Answer, about: str) -> dict[str, str]:
    return {text(tag, "Key", about): _tag_value(tag, about) for tag in optional_rows(answer, "Tags", about)}


def _tag_value(tag: Answer, about: str) -> str:
    value = tag.get("Value", "")
    if not isinstance(value, str):
        raise garbled("has a tag without a text", about)
    return value
