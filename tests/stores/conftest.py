"""Every backend that keeps the store contract, behind one fixture."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secrets_core.stores.base import SecretStore
from secrets_core.stores.memory import MemoryStore
from tests.aws.desk import desk
from tests.aws.opening import Desk
from tests.aws_server.fixtures import aws_server, reset_aws_server

__all__ = ["aws_server", "desk", "reset_aws_server"]


def open_memory(_request: pytest.FixtureRequest) -> SecretStore:
    return MemoryStore()


def open_aws(request: pytest.FixtureRequest) -> SecretStore:
    place: Desk = request.getfixturevalue("desk")
    return place.store()


BACKENDS: dict[str, Callable[[pytest.FixtureRequest], SecretStore]] = {"memory": open_memory, "aws": open_aws}


@pytest.fixture(params=list(BACKENDS))
def store(request: pytest.FixtureRequest) -> SecretStore:
    """Give an empty store of each backend in turn."""
    return BACKENDS[request.param](request)
