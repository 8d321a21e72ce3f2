"""A newcomer's path: a fresh clone, the README's two commands, a terminal, and nothing but git and Python.

Minutes long, so the plain run leaves it out; its own command is ``python -m pytest -m newcomer``. What is cloned is
the last commit: changes that are not committed are not seen.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.checkout import ROOT, run
from tests.terminal.terminal import Terminal

pytestmark = pytest.mark.newcomer
RUNNING = "NEWCOMER_CHECK_RUNNING"
"""Set while the README's test command runs, so that a run that fails to leave this check out cannot start it again."""
INSTALL_SECONDS = 600
TESTS_SECONDS = 1800


@pytest.fixture(scope="module")
def readme() -> tuple[str, str]:
    """Give the README's first two commands: open the console, run the tests."""
    text = (ROOT / "README.md").read_text("utf-8")
    first, second, *_ = re.findall(r"^```bash\n(.*?)\n```", text, re.MULTILINE | re.DOTALL)
    return first, second


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give the variables of a machine that has only git and Python: one folder on the path with just these two."""
    assert RUNNING not in os.environ, "the plain test run must leave the newcomer's check out"
    root = tmp_path_factory.mktemp("machine")
    (root / "bin").mkdir()
    python = Path(sys.base_prefix) / "bin" / "python3"
    for name, program in (("git", shutil.which("git")), ("python3", str(python)), ("sh", "/bin/sh")):
        assert program, f"{name} is not installed"
        wrapper = root / "bin" / name
        wrapper.write_text(f'#!/bin/sh\nexec "{program}" "$@"\n', "utf-8")
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    (root / "home").mkdir()
    (root / "tmp").mkdir()
    yield {
        "PATH": str(root / "bin"),
        "HOME": str(root / "home"),
        "TMPDIR": str(root / "tmp"),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        **way_to_the_index(),
    }
    shutil.rmtree(root, ignore_errors=True)


def way_to_the_index() -> dict[str, str]:
    """Give what tells pip how this network reaches its index: proxies, certificates, pip's own settings."""
    kept = re.compile(r"PIP_.*|(?:https?|no)_proxy|(?:SSL_CERT|CURL_CA|REQUESTS_CA)_.*", re.IGNORECASE)
    found = {name: value for name, value in os.environ.items() if kept.fullmatch(name)}
    settings = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".config" / "pip" / "pip.conf"
    return ({"PIP_CONFIG_FILE": str(settings)} if settings.is_file() else {}) | found


@pytest.fixture(scope="module")
def clone(machine: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone the checkout's last commit."""
    folder = tmp_path_factory.mktemp("clone") / "mm-secrets"
    git = shutil.which("git") or "git"
    result = run(git, "clone", "--quiet", "--no-local", str(ROOT), str(folder), cwd=folder.parent, env=machine)
    assert result.returncode == 0, result.stderr
    return folder


def test_the_first_command_opens_the_console_on_the_demo(
    readme: tuple[str, str], clone: Path, machine: dict[str, str]
) -> None:
    with Terminal(["/bin/sh", "-c", readme[0]], env=machine, cwd=clone, size=(120, 36)) as terminal:
        terminal.wait_for("bybit@mm1", timeout=INSTALL_SECONDS)
        assert "prod" in terminal.text
        terminal.settle()
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert not terminal.alternate
    status = run(shutil.which("git") or "git", "status", "--porcelain", cwd=clone)
    assert status.stdout == ""


def test_the_second_command_passes(readme: tuple[str, str], clone: Path, machine: dict[str, str]) -> None:
    command = ["/bin/sh", "-c", readme[1]]
    with Terminal(command, env=machine | {RUNNING: "yes"}, cwd=clone, size=(120, 36)) as terminal:
        code = terminal.wait_exit(timeout=INSTALL_SECONDS + TESTS_SECONDS)
    said = terminal.last_words[-8_000:]
    assert code == 0, said
    assert re.search(r"\b\d+ passed\b", said), said
