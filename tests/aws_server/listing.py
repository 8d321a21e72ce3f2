"""ListSecrets as AWS documents it: filters, order, pages, and a view that may lag behind the truth."""

from __future__ import annotations

import base64
import json
import time
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.aws_server.answers import AwsError

Item = TypeVar("Item")
Row = Mapping[str, Any]
"""One entry of SecretList; never changed once published."""

SORT_KEYS = {
    "created-date": "CreatedDate",
    "last-changed-date": "LastChangedDate",
    "last-accessed-date": "LastAccessedDate",
    "name": "Name",
}


@dataclass(slots=True)
class LaggingView:
    """What listings show. A change shows ``lag`` seconds after it was made; what showed once never shows older again.

    Changes made before the lag was switched on are shown: a replica that was up to date and then falls behind.
    """

    lag: float = 0.0
    _shown: dict[str, Row] = field(default_factory=dict)
    _coming: deque[tuple[float, str, Row | None]] = field(default_factory=deque)

    def publish(self, name: str, row: Row | None) -> None:
        """Take a secret's new row, or None for a secret that is gone."""
        self._coming.append((time.monotonic(), name, row))
        if not self.lag:
            self.catch_up()

    def rows(self) -> Sequence[Row]:
        """Give the rows that show by now, in no promised order."""
        self.catch_up()
        return list(self._shown.values())

    def catch_up(self) -> None:
        """Let everything show that is due."""
        due = time.monotonic() - self.lag
        while self._coming and self._coming[0][0] <= due:
            _, name, row = self._coming.popleft()
            if row is None:
                self._shown.pop(name, None)
            else:
                self._shown[name] = row


def page(
    items: Sequence[Item],
    key: Callable[[Item], tuple[Any, ...]],
    body: Mapping[str, Any],
    *,
    default_size: int,
    descending: bool = False,
) -> tuple[list[Item], str | None]:
    """Cut the page that ``MaxResults`` and ``NextToken`` ask for from ``items``, which are sorted ascending by ``key``.

    A token names the last item seen, so items that come or go between two pages shift nothing.
    """
    position = _read_token(str(body["NextToken"])) if body.get("NextToken") else ()
    if descending:
        rest = list(reversed(items[: bisect_left(items, position, key=key)] if position else items))
    else:
        rest = list(items[bisect_right(items, position, key=key) :])
    size = int(body.get("MaxResults") or default_size)
    cut = rest[:size]
    return cut, _write_token(key(cut[-1])) if len(rest) > size else None


def _write_token(position: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


FIRST_PAGE = _write_token(())
"""A token that stands before every item."""


def _read_token(token: str) -> tuple[Any, ...]:
    try:
        position = json.loads(base64.urlsafe_b64decode(token.encode()))
        if isinstance(position, list):
            return tuple(position)
    except ValueError:
        pass  # said below, for a token of the wrong form too
    raise AwsError("InvalidNextTokenException", "The NextToken value is invalid.")


def select(rows: Sequence[Row], body: Mapping[str, Any]) -> tuple[list[Row], str | None]:
    """Answer a ListSecrets request from the rows that show: its page and the token of the next one."""
    wanted = [
        row
        for row in rows
        if (body.get("IncludePlannedDeletion") or "DeletedDate" not in row)
        and all(matches(row, entry) for entry in body.get("Filters", []))
    ]
    column = SORT_KEYS[body.get("SortBy", "created-date")]

    def key(row: Row) -> tuple[Any, ...]:
        return (row.get(column, 0), row["Name"])

    wanted.sort(key=key)
    return page(wanted, key, body, default_size=100, descending=body.get("SortOrder") == "desc")


def matches(row: Row, entry: Mapping[str, Any]) -> bool:
    """Say whether a row passes one filter: any of its values; a leading ``!`` negates.

    Source: ListSecrets' filter documentation: names, tag keys and tag values match by prefix, with regard to case;
    descriptions by prefix, without; ``all`` by the words of any of them.
    """
    tags = row.get("Tags", ())
    texts = {
        "name": [str(row["Name"])],
        "tag-key": [tag["Key"] for tag in tags],
        "tag-value": [tag["Value"] for tag in tags],
        "description": [str(row.get("Description", "")).lower()],
        "primary-region": [],
        "owning-service": [],
    }
    key = str(entry.get("Key", "all"))

    def passes(value: str) -> bool:
        if value.startswith("!"):
            return not passes(value[1:])
        if key == "all":
            words = " ".join(text for found in texts.values() for text in found).lower()
            return all(word in words for word in value.lower().split())
        prefix = value.lower() if key == "description" else value
        return any(text.startswith(prefix) for text in texts[key])

    return any(passes(str(value)) for value in entry.get("Values", []))
