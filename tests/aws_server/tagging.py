"""AWS's rules for tags: how many, how long, which characters, which prefix is reserved.

Source: "Service quotas for tagging" in the AWS general reference. The error code is documented only as
InvalidParameterException, "the parameter name or value is invalid"; lengths are constraints of the service model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.aws_server.answers import AwsError

MAX_TAGS = 50
PUNCTUATION = frozenset(" _.:/=+-@")


def merged_tags(present: Mapping[str, str], added: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Give the tags after adding some, all or none of them.

    Raises:
        AwsError: ``InvalidParameterException``, naming the rule and never the tag's value.
    """
    merged = dict(present)
    seen: set[str] = set()
    for tag in added:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not key:
            raise _invalid("Tag keys must have at least one character.")
        if key in seen:
            raise _invalid(f"The tag key {key} is given twice.")
        if key.lower().startswith("aws:"):
            raise _invalid("Tag keys must not start with aws:, which is reserved.")
        if not all(char.isalnum() or char in PUNCTUATION for char in key + value):
            raise _invalid("Tags consist of letters, digits, spaces and _ . : / = + - @ only.")
        seen.add(key)
        merged[key] = value
    if len(merged) > MAX_TAGS:
        raise _invalid(f"A secret can have {MAX_TAGS} tags.")
    return merged


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
