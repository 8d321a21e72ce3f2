"""The made-up account that the server plays, known on both sides of the wire."""

from __future__ import annotations

from dataclasses import dataclass, field

ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client signs with, and the ARN that GetCallerIdentity tells of it."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    arn: str = ""


# The key pair of AWS's own documentation, which scanners know to be no secret.
ADMINISTRATOR = Credentials(
    access_key_id="AKIAIOSFODNN7EXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    arn=f"arn:aws:iam::{ACCOUNT}:user/administrator",
)
"""An IAM user who may do everything; resource policies bind him like anybody."""
