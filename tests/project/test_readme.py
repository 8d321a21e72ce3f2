"""What the README tells a newcomer to type is what the checks run, and every page it leads to exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.checkout import ROOT

SETUP = "python3 -m venv .venv && .venv/bin/pip install -q --require-hashes -r "
OPEN_CONSOLE = SETUP + "requirements.txt && .venv/bin/python -m tui"
RUN_TESTS = SETUP + "requirements-dev.txt && .venv/bin/python -m pytest"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def test_the_readme_has_two_commands_and_their_uv_variants() -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", read("README.md"), re.MULTILINE | re.DOTALL)
    assert [line for block in blocks for line in block.splitlines()][:4] == [
        OPEN_CONSOLE,
        RUN_TESTS,
        "uv run mm-secrets",
        "uv run pytest",
    ]


def test_ci_runs_the_readmes_test_command_and_nothing_else() -> None:
    commands = [line for line in read(".ci/run").splitlines() if not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', RUN_TESTS]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_the_public_workflow_runs_the_same_line_with_pinned_actions_and_no_secret() -> None:
    workflow = read(".github/workflows/ci.yml")
    assert re.findall(r"^ *(?:- )?run: *(.*)$", workflow, re.MULTILINE) == [RUN_TESTS]
    assert re.findall(r"^permissions:\n((?:  .*\n)+)", workflow, re.MULTILINE) == ["  contents: read\n"]
    assert "persist-credentials: false" in workflow
    assert "secrets." not in workflow
    assert "pull_request_target" not in workflow
    actions = re.findall(r"uses: *(.*)$", workflow, re.MULTILINE)
    assert actions
    assert all(re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action) for action in actions)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_into_the_project_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    own = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in own if not (page.parent / target).exists()] == []


def test_the_index_lists_every_page() -> None:
    listed = set(re.findall(r"\]\(([^)#\s]+\.md)\)", read("docs/index.md")))
    written = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert listed == written - {"index.md"}
