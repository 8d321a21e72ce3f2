"""What the pages show in code is code that runs, and settings that are understood."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import secrets_core
from secrets_core.settings import load_settings
from tests.project.checkout import ROOT


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    secrets_core.clear_cache()


def test_the_settings_page_is_understood_wholly(tmp_path: Path) -> None:
    (text,) = blocks("settings.md", "toml")
    file = tmp_path / "config.toml"
    file.write_text(text)
    settings = load_settings(str(file), {})
    prod = settings.environment("prod")
    assert (prod.backend, prod.account_id, prod.rotation_days("bybit@mm1")) == ("aws", "123456789012", 30)
    assert prod.bots[0].holds == "watch"


def test_the_examples_for_bots_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seed = '{"mm-bot/dev/bybit": {"api_key": "made-up-key-0002", "api_secret": "made-up-secret-0002"}}'
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", seed)
    reading, watching, any_store = blocks("bots.md", "python")
    names: dict[str, object] = {}
    exec(reading, names)  # noqa: S102 - the page's own text
    assert names["exchange_options"] == {"apiKey": "made-up-key-0002", "secret": "made-up-secret-0002"}
    exec(watching, names)  # noqa: S102 - the page's own text
    mine = names["mine"]
    assert isinstance(mine, secrets_core.Watch)
    mine.stop()
    exec(any_store, names)  # noqa: S102 - the page's own text
    assert (
        capsys.readouterr().out
        == str({"api_key": "mad...***", "api_secret": "***", "env": "dev", "exchange": "bybit"}) + "\n"
    )
