"""``doctor``: what is in force and from where, and what is wrong."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secrets_core.clock import utc_now
from secrets_core.stores.base import Identity
from secrets_core.stores.memory import MemoryStore
from tests.cli.conftest import KEY, SECRET, Desk
from tests.cli.terminal import call, run_process


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the settings file that the variable names; a test writes it."""
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("MM_SECRETS_CONFIG", str(path))
    return path


def in_force(report: dict[str, Any], key: str) -> tuple[object, str]:
    """Give value and source of a setting."""
    entry = next(entry for entry in report["settings"] if entry["key"] == key)
    return entry["value"], entry["source"]


def test_nothing_is_wrong_where_nothing_is_set_up() -> None:
    ran = run_process("doctor")
    assert ran.code == 0
    assert "this is the empty memory backend" in ran.err
    report = ran.json
    assert (report["status"], report["problems"]) == ("OK", [])
    assert [entry["env"] for entry in report["environments"]] == ["dev", "shadow", "soak", "prod"]
    assert {entry["freeze"] for entry in report["environments"]} == {"never set up"}
    assert in_force(report, "environments.prod.read_only") == (True, "default")
    assert in_force(report, "environments.dev.backend") == ("memory", "default")
    assert report["paths"]["settings"].endswith("mm-secrets/config.toml (not there)")
    assert report["terminal"]["stdin"] is False
    assert report["versions"]["botocore"][0].isdigit()


def test_every_setting_says_where_it_comes_from(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write_text(
        'theme = "light"\n[environments.dev]\nrotation_days = 30\nbackend = "memory"\n'
        '[environments.dev.tags]\nteam = "mm"\n'
    )
    report = call("doctor").json
    assert in_force(report, "theme") == ("light", "file")
    assert in_force(report, "refresh_seconds") == (60, "default")
    assert in_force(report, "environments.dev.rotation_days") == (30, "file")
    assert in_force(report, "environments.dev.warn_days") == (14, "default")
    assert in_force(report, "environments.dev.tags") == ({"team": "mm"}, "file")
    assert in_force(report, "environments.dev.backend") == ("memory", "file")
    assert in_force(report, "MM_SECRETS_CONFIG") == (str(settings), "variable")
    assert report["paths"]["settings"] == str(settings)
    monkeypatch.setenv("SECRETS_BACKEND", "memory")
    assert in_force(call("doctor").json, "environments.dev.backend") == ("memory", "variable")
    assert in_force(call("doctor", "--backend", "memory").json, "environments.dev.backend") == ("memory", "--backend")
    assert in_force(call("doctor", "--demo").json, "environments.dev.backend") == ("demo", "--demo")


def test_variables_that_hold_values_are_only_said_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "http://user:Zq8Zq8Zq8Zq8@host")
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", json.dumps({"mm-bot/dev/bybit": {"api_key": KEY, "api_secret": SECRET}}))
    ran = call("doctor")
    assert in_force(ran.json, "AWS_SECRET_ACCESS_KEY") == ("set", "variable")
    assert in_force(ran.json, "MM_FAKE_SECRETS_JSON") == ("set", "variable")
    for shown in (ran, call("doctor", "--human")):
        assert "Zq8Zq8" not in shown.everything
        assert SECRET not in shown.everything


def test_a_mistake_in_the_settings_does_not_silence_it(settings: Path) -> None:
    settings.write_text("[environments.dev]\nbakend = 'aws'")
    ran = call("doctor")
    assert (ran.code, ran.json["status"]) == (1, "PROBLEMS")
    assert ran.json["problems"] == [
        f"{settings}: environments.dev.bakend is not a known key. Did you mean backend?",
    ]
    assert ran.json["environments"] == []
    assert ran.json["versions"]


def test_a_settings_file_that_others_can_change_is_wrong(settings: Path) -> None:
    settings.write_text("")
    settings.chmod(0o666)
    ran = call("doctor")
    assert (ran.code, ran.json["problems"]) == (1, [f"{settings} can be changed by other users: chmod 600 it."])
    settings.chmod(0o600)
    assert call("doctor").code == 0


def test_what_cannot_be_reached_is_wrong_and_what_is_guarded_is_skipped(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write_text(
        '[environments.dev]\nbackend = "vault"\n[environments.prod]\nbackend = "aws"\n[environments.soak]\n'
    )
    monkeypatch.setenv("CI", "true")
    ran = call("doctor")
    assert ran.code == 1
    states = {
        entry["env"]: (entry["state"], entry.get("problem", {}).get("code")) for entry in ran.json["environments"]
    }
    assert states == {"dev": ("denied", "unsupported"), "prod": ("skipped", "refused"), "soak": ("empty", None)}
    assert len(ran.json["problems"]) == 1
    assert ran.json["problems"][0].startswith("dev: The embedded vault is not available yet.")


def test_an_unknown_backend_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_BACKEND", "AWS")
    ran = call("doctor")
    assert (ran.code, ran.json["status"]) == (1, "PROBLEMS")
    assert "SECRETS_BACKEND names an unknown backend." in ran.json["problems"][0]


def test_a_freeze_record_that_cannot_be_understood_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", json.dumps({"mm-bot/dev/_freeze": "nonsense"}))
    ran = call("doctor")
    assert ran.code == 1
    assert ran.json["environments"][0]["freeze"] == "unconfirmed"
    assert ran.json["problems"][0].startswith("dev: The freeze record")


def test_a_strict_environment_without_a_freeze_record_is_told_to_make_one(desk: Desk) -> None:
    desk.settle("dev", "soak", "prod")
    ran = call("doctor")
    assert (ran.code, ran.json["problems"]) == (
        1,
        [
            "soak: the freeze record was never set up: run mm-secrets init --env soak.",
            "prod: the freeze record was never set up: run mm-secrets init --env prod --write prod.",
        ],
    )
    assert call("init", "--env", "soak").code == 0
    assert [sentence[:5] for sentence in call("doctor").json["problems"]] == ["prod:"]


def test_an_identity_that_ends_soon_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MM_ENV", "dev")
    for minutes, code in ((5, 1), (60, 0)):
        ends = utc_now() + timedelta(minutes=minutes)
        monkeypatch.setattr(MemoryStore, "identity", lambda _, ends=ends: Identity("alice", expires_at=ends))
        ran = call("doctor")
        assert ran.code == code
        assert len(ran.json["problems"]) == code


def test_unfinished_changes_are_named_with_what_to_do() -> None:
    ran = call("doctor", "--demo")
    assert ran.code == 1
    unfinished = {
        f"{report['env']}/{entry['exchange']}": entry["pair_state"]
        for report in ran.json["environments"]
        for entry in report["unfinished"]
    }
    assert unfinished["prod/okx@mm2"] == "torn"
    assert unfinished["prod/deribit@options"] == "mid-promotion"
    assert any("prod/okx@mm2 is torn" in sentence for sentence in ran.json["problems"])


def test_the_form_for_people_says_first_what_is_wrong() -> None:
    well = call("doctor", "--human")
    assert well.code == 0
    assert well.out.startswith("Nothing is wrong.\n")
    ill = call("doctor", "--human", "--demo")
    assert ill.code == 1
    assert ill.out.startswith("PROBLEMS\n")
    assert "\nENV     BACKEND" in ill.out
