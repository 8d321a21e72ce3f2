"""The wheel, as built from this checkout, runs from a place that knows nothing of the checkout."""

from __future__ import annotations

import json
import os
import sysconfig
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.project.checkout import ROOT, run, run_module

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel without the network, with the pinned build backend of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    result = run_module("hatchling", "build", "-t", "wheel", "-d", str(folder))
    assert result.returncode == 0, result.stdout + result.stderr
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a new environment that borrows its dependencies from this one; give its folder."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True, with_pip=False)
    cache = tmp_path_factory.mktemp("cache")
    apart = ["--offline", "--no-index", "--no-deps", "--cache-dir", str(cache), "--python", str(home / "bin/python")]
    result = run_module("uv", "pip", "install", *apart, str(wheel))
    assert result.returncode == 0, result.stderr
    [site_packages] = home.glob("lib/python*/site-packages")
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages / "borrowed.pth").write_text("\n".join(sorted(borrowed)), "utf-8")
    return home


def run_installed(home: Path, program: str, *arguments: str, cwd: Path) -> tuple[int, str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    result = run(str(home / "bin" / program), *arguments, cwd=cwd, env=env)
    return result.returncode, result.stdout, result.stderr


def test_the_wheel_holds_code_types_data_and_licence_and_nothing_else(wheel: Path) -> None:
    info = f"mm_secrets-{VERSION}.dist-info"
    with ZipFile(wheel) as archive:
        held = set(archive.namelist())
        description = archive.read(f"{info}/METADATA").decode()
    assert {
        "secrets_core/__init__.py",
        "secrets_core/py.typed",
        "secrets_core/exchanges.toml",
        "tui/__init__.py",
        "tui/py.typed",
        "tui/app.tcss",
        f"{info}/licenses/LICENSE",
    } <= held
    assert {name.partition("/")[0] for name in held} == {"secrets_core", "tui", info}
    assert not [name for name in held if name.endswith(".pyc")]
    assert "License-Expression: Apache-2.0\n" in description


def test_both_packages_come_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    code, stdout, stderr = run_installed(
        installed, "python", "-c", "import secrets_core, tui; print(secrets_core.__file__, tui.__file__)", cwd=tmp_path
    )
    assert (code, stderr) == (0, "")
    assert all(Path(file).is_relative_to(installed) for file in stdout.split())


def test_the_installed_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    code, stdout, stderr = run_installed(installed, "mm-secrets", "--version", cwd=tmp_path)
    assert (code, stderr) == (0, "")
    assert VERSION in stdout


def test_the_installed_command_lists_the_demo(installed: Path, tmp_path: Path) -> None:
    code, stdout, _ = run_installed(installed, "mm-secrets", "list", "--demo", cwd=tmp_path)
    assert code == 0
    [line] = stdout.splitlines()
    answer = json.loads(line)
    assert (answer["action"], answer["status"]) == ("list", "OK")
    assert answer["count"] == len(answer["credentials"]) > 0
