"""The fixtures around the server; a directory's conftest imports the ones it wants."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws_server.process import AwsServer, running_server


@pytest.fixture(scope="session")
def aws_server() -> Iterator[AwsServer]:
    """Give the server; ``reset_aws_server`` empties it before every test that uses it."""
    with running_server() as server:
        yield server


@pytest.fixture(autouse=True)
def reset_aws_server(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty the server before and after a test that uses it."""
    if "aws_server" not in request.fixturenames:
        yield
        return
    server: AwsServer = request.getfixturevalue("aws_server")
    server.reset()
    yield
    server.reset()
