"""Tests against the corrected Secrets Manager server."""

from tests.aws.desk import desk
from tests.aws_server.fixtures import aws_server, reset_aws_server

__all__ = ["aws_server", "desk", "reset_aws_server"]
