"""What is loaded when the first picture stands: nothing that only a backend needs, whatever the settings say."""

from __future__ import annotations

import pytest

from tests.terminal.console import Start
from tests.terminal.sandbox import Sandbox

AFTER_THE_FIRST_PAINT = "tui.session:Session.start"
"""The console calls it when Textual says that it is ready, which is right after it has painted for the first time."""
HEAVY = {"boto3", "botocore", "pydantic", "cryptography", "requests", "urllib3"}
AWS = """
[environments.dev]
backend = "aws"
region = "us-east-1"
endpoint_url = "http://127.0.0.1:9"
"""


@pytest.mark.parametrize("settings", ["", AWS], ids=["demo", "aws"])
def test_the_first_paint_loads_nothing_heavy(start: Start, sandbox: Sandbox, settings: str) -> None:
    if settings:
        sandbox.settings(settings)
    witness = sandbox.root / "modules"
    env = {"PLANTED": AFTER_THE_FIRST_PAINT, "PLANTED_WITNESS": str(witness)}
    terminal = start(*([] if settings else ["--demo"]), env=env, planted=True)
    terminal.wait_for(lambda seen: witness.exists() and "tui.session" in witness.read_text("utf-8"))
    loaded = {name.partition(".")[0] for name in witness.read_text("utf-8").splitlines()}
    assert {"textual", "tui", "secrets_core"} <= loaded
    assert loaded & HEAVY == set()
    terminal.wait_for("filter")
