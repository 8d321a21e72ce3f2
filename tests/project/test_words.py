"""The project speaks of itself only: not of the machine it was made on, nor of where its packages come from."""

from __future__ import annotations

import re

from tests.project.checkout import ROOT, project_files

# Put together from pieces, so that this file does not hold what it looks for.
HOSTS = [r"pypi\." + "org", r"pythonhosted\." + "org", r"npmjs\." + "(org|com)", r"deb\.debian\." + "org"]
PLACES = ["/wor" + "k/", "/far" + "m/", "tmp/bri" + "ef", "tmp/stu" + "dio", "/opt/py" + "pi", "/ro" + "ot/"]
MAKERS = [r"\b" + word + r"s?\b" for word in ("sub" + "agent", "chat" + "gpt", "clau" + "de", "anthro" + "pic")]
FORBIDDEN = re.compile("|".join([*HOSTS, *PLACES, *MAKERS]), re.IGNORECASE)
FORBIDDEN_IN_LOCK = re.compile("|".join([*PLACES, *MAKERS]), re.IGNORECASE)


def test_no_file_names_this_machine_its_registries_or_its_makers() -> None:
    files = project_files()
    assert ROOT / "pyproject.toml" in files
    found = []
    for path in files:
        # The lock's format needs the index and the file addresses; test_lock_fresh says which ones they may be.
        forbidden = FORBIDDEN_IN_LOCK if path.name == "uv.lock" else FORBIDDEN
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in forbidden.finditer(text)]
    assert found == []
