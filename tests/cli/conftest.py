"""The command line is tested in processes of its own, and over the corrected Secrets Manager server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.aws_server.account import ADMINISTRATOR, Credentials
from tests.aws_server.fixtures import aws_server, reset_aws_server
from tests.aws_server.process import AwsServer

__all__ = ["aws_server", "desk", "reset_aws_server"]

KEY, SECRET = "k" * 18, "s" * 36
"""Values of the form that Bybit's have, so that nothing is warned about."""


class Desk:
    """An operator's surroundings: a settings file that sends AWS to the server, and an identity."""

    def __init__(self, server: AwsServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self._home = home
        self._monkeypatch = monkeypatch
        self.sign_in(ADMINISTRATOR)

    def sign_in(self, credentials: Credentials) -> None:
        """Act as these from now on."""
        for name, value in self.server.environment(credentials).items():
            self._monkeypatch.setenv(name, value)

    def settle(self, *environments: str, extra: str = "") -> Path:
        """Write the settings file: these environments on the server."""
        tables = "".join(
            f'[environments.{name}]\nbackend = "aws"\nendpoint_url = "{self.server.endpoint}"\n'
            for name in environments
        )
        path = self._home / "settings.toml"
        path.write_text(tables + extra)
        self._monkeypatch.setenv("MM_SECRETS_CONFIG", str(path))
        return path


@pytest.fixture
def desk(aws_server: AwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Give a desk whose settings name dev, on the server."""
    desk = Desk(aws_server, tmp_path, monkeypatch)
    desk.settle("dev")
    return desk
