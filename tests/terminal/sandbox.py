"""A place of its own for a program under test, so that every file it leaves behind can be found and read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("home", "config", "data", "state", "cache", "run", "tmp", "work")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Home, XDG folders, temporary folder and working folder below one root, and nothing else writable named."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> Sandbox:
        """Create the folders, open to their owner only."""
        for name in FOLDERS:
            (root / name).mkdir(mode=0o700, parents=True)
        return cls(root)

    @property
    def work(self) -> Path:
        """The working folder."""
        return self.root / "work"

    def environment(self, *first_on_path: Path, **extra: str) -> dict[str, str]:
        """Give the variables for a child: nothing of the caller's but ``PATH``.

        ``first_on_path``: folders that Python searches before the checkout. ``extra``: set last, so it wins.
        """
        variables = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "PYTHONPATH": os.pathsep.join(map(str, (*first_on_path, ROOT))),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        for folder, name in (
            ("config", "CONFIG_HOME"),
            ("data", "DATA_HOME"),
            ("state", "STATE_HOME"),
            ("cache", "CACHE_HOME"),
            ("run", "RUNTIME_DIR"),
        ):
            variables[f"XDG_{name}"] = str(self.root / folder)
        return variables | extra

    def settings(self, text: str) -> Path:
        """Write the settings file where the program looks for it; give its path."""
        file = self.root / "config" / "mm-secrets" / "config.toml"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def files(self) -> list[Path]:
        """List every file below the root."""
        return sorted(path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())
