"""Opening the AWS store against the test server, as one identity or another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from secrets_core.clock import Clock, utc_now
from secrets_core.stores.aws import AwsStore
from secrets_core.stores.aws_options import AwsOptions, Patience
from tests.aws_server.account import ADMINISTRATOR, REGION, Credentials
from tests.aws_server.process import AwsServer

QUICK = Patience(connect_seconds=1, read_seconds=5, attempts=1, deadline_seconds=5)
"""Every call is sent once, so that a test sees what becomes of that one."""
HASTY = Patience(connect_seconds=1, read_seconds=5, attempts=1, deadline_seconds=0.5)
"""Stops waiting long before a socket would."""


class Desk:
    """A place with its own AWS files, from which stores are opened; each identity is a profile there."""

    def __init__(self, server: AwsServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self._credentials = folder / "aws-credentials"
        self._config = folder / "aws-config"
        self._profiles: set[str] = set()
        self._credentials.touch()
        self._config.touch()
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(self._credentials))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(self._config))

    def profile(self, name: str, credentials: Credentials) -> str:
        """Write keys into the credentials file, once; give the profile's name."""
        if name in self._profiles:
            return name
        self._profiles.add(name)
        lines = [f"[{name}]", f"aws_access_key_id={credentials.access_key_id}"]
        lines.append(f"aws_secret_access_key={credentials.secret_access_key}")
        if credentials.session_token:
            lines.append(f"aws_session_token={credentials.session_token}")
        with self._credentials.open("a") as file:
            file.write("\n".join(lines) + "\n")
        return name

    def config(self, text: str) -> None:
        """Add to the config file."""
        with self._config.open("a") as file:
            file.write(text + "\n")

    def store(
        self, credentials: Credentials | None = ADMINISTRATOR, *, clock: Clock = utc_now, **options: Any
    ) -> AwsStore:
        """Open a store against the server; ``None`` for an identity that ``options`` or the environment gives."""
        if credentials is not None:
            options["profile"] = self.profile(f"user-{credentials.access_key_id}", credentials)
        defaults: dict[str, Any] = {"endpoint_url": self.server.endpoint, "region": REGION, "patience": QUICK}
        return AwsStore(AwsOptions(**{**defaults, **options}), clock)

    def operations(self, service: str = "secretsmanager") -> list[str]:
        """Give the operations that reached the server, in order."""
        return [call.operation for call in self.server.calls() if call.service == service]
