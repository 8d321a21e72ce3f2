"""The fixture of the desk; a directory's conftest imports it beside the server's fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws.opening import Desk
from tests.aws_server.process import AwsServer


@pytest.fixture
def desk(aws_server: AwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Give a place with empty AWS files, in front of the emptied server."""
    # The server's own reset does not see a test that asks for it through another fixture.
    aws_server.reset()
    yield Desk(aws_server, tmp_path, monkeypatch)
    aws_server.reset()
