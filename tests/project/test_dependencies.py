"""Every direct dependency is there for a written reason, and none brings a licence we do not want."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata

import pytest

from tests.project.checkout import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PAGE = (ROOT / "docs/dependencies.md").read_text("utf-8")
ROW = re.compile(r"^\| (?P<name>[a-z0-9-]+) \| (?P<licence>[A-Za-z0-9. -]+) \| (?P<reason>.{20,}) \|$", re.MULTILINE)


def names(requirements: list[str]) -> list[str]:
    return [re.split(r"[\[<>=~! ;]", requirement, maxsplit=1)[0] for requirement in requirements]


def licence(name: str) -> str:
    """Give all that a package's metadata says of its licence; empty when it is not installed on this platform."""
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return ""
    classifiers = [line for line in found.get_all("Classifier") or [] if line.startswith("License")]
    fields = [line for field in ("License-Expression", "License") for line in found.get_all(field) or []]
    return " ".join([*fields, *classifiers])


def test_every_direct_dependency_has_its_line() -> None:
    direct = names(PYPROJECT["project"]["dependencies"]) + names(PYPROJECT["dependency-groups"]["dev"])
    assert [row["name"] for row in ROW.finditer(PAGE)] == direct


def test_the_build_backend_is_among_the_pinned() -> None:
    assert set(PYPROJECT["build-system"]["requires"]) <= set(PYPROJECT["dependency-groups"]["dev"])


@pytest.mark.parametrize(
    ("file", "copyleft"),
    [("requirements.txt", set[str]()), ("requirements-dev.txt", {"certifi", "hypothesis", "pathspec", "pyte"})],
)
def test_nothing_copyleft_is_shipped_and_the_tools_are_as_the_page_says(file: str, copyleft: set[str]) -> None:
    pinned = re.findall(r"^([a-z0-9-]+)==", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    known = {name: licence(name) for name in pinned}
    assert sum(1 for text in known.values() if text) > 10
    assert {name for name, text in known.items() if re.search(r"GPL|GNU|MPL|Mozilla|EUPL|CDDL", text)} == copyleft
