"""Where the project's own files are, and how its tools are run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end (5 minutes at most) and give its code and output."""
    return subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )


def run_module(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of this very Python environment in the checkout, without the caller's settings for uv."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    return run(sys.executable, "-m", module, *arguments, env=env)


def project_files() -> list[Path]:
    """List the files that are, or would be, committed."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    assert listed.returncode == 0, listed.stderr
    return sorted(path for name in set(listed.stdout.split("\0")) - {""} if (path := ROOT / name).is_file())
