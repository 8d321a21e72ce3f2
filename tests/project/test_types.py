"""The types are part of the test run: there is no other gate."""

from __future__ import annotations

import pytest

from tests.project.checkout import ROOT, run_module


@pytest.mark.parametrize("package", ["secrets_core", "tui"])
def test_both_packages_tell_type_checkers_that_they_are_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_mypy_strict_finds_nothing() -> None:
    result = run_module("mypy", "--strict", "-p", "secrets_core", "-p", "tui", "-p", "tests")
    assert result.returncode == 0, result.stdout + result.stderr
