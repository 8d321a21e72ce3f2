"""The version stands in two places, because the package must know it without being installed."""

import tomllib

import secrets_core
from tests.project.checkout import ROOT


def test_the_package_and_the_project_have_the_same_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert secrets_core.__version__ == project["version"]
