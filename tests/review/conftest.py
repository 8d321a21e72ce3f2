"""Reviews are tested in memory, and over the corrected Secrets Manager server."""

from __future__ import annotations

from tests.aws_server.fixtures import aws_server, reset_aws_server
from tests.cli.conftest import desk

__all__ = ["aws_server", "desk", "reset_aws_server"]
