"""Lint is part of the test run: there is no other gate."""

from __future__ import annotations

from tests.project.checkout import run_module


def test_ruff_finds_nothing() -> None:
    result = run_module("ruff", "check", ".")
    assert result.returncode == 0, result.stdout + result.stderr
