"""Arrows point down only, and heavy packages load only where they are used.

The import contract sees what the source says; the fresh interpreters see what really gets loaded.
"""

from __future__ import annotations

import sys

import pytest

from tests.project.checkout import ROOT, run

CONSOLE = ("tui", "textual", "rich")
AWS = ("boto3", "botocore")

EVERY_CORE_MODULE = """
import importlib, pkgutil, secrets_core
found = [m.name for m in pkgutil.walk_packages(secrets_core.__path__, "secrets_core.")]
assert len(found) > 10, found
for name in found:
    importlib.import_module(name)
"""

CASES = [
    (EVERY_CORE_MODULE, (*CONSOLE, *AWS)),
    ("from secrets_core import get_api_credentials", (*CONSOLE, *AWS)),
    ("import secrets_core.cli", (*CONSOLE, *AWS)),
    ("import secrets_core.settings", (*CONSOLE, *AWS, "pydantic")),
    ("import secrets_core.names", (*CONSOLE, *AWS, "pydantic")),
    ("import secrets_core.ages", (*CONSOLE, *AWS, "pydantic")),
    ("import secrets_core.exchanges", (*CONSOLE, *AWS, "pydantic")),
    ("import secrets_core.service", (*CONSOLE, *AWS, "pydantic")),
    ("import tui.__main__", ("textual", "rich", *AWS, "pydantic")),
    ("import tui.app", (*AWS, "pydantic")),
]


@pytest.mark.parametrize(
    ("statement", "kept_out"), CASES, ids=["import every core module", *(statement for statement, _ in CASES[1:])]
)
def test_a_fresh_interpreter_loads_no_more_than_it_should(statement: str, kept_out: tuple[str, ...]) -> None:
    report = f"import sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}} & {set(kept_out)!r}))"
    result = run(sys.executable, "-c", f"{statement}\n{report}")
    assert (result.returncode, result.stdout, result.stderr) == (0, "\n", "")


def test_the_import_contract_is_kept() -> None:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = run(sys.executable, "-c", command, "--no-cache", cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " kept, 0 broken" in result.stdout
