"""Which environments a command reaches: settings, backends, MM_ENV, CI, read-only; and what it says of the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import KEY, SECRET, Desk
from tests.cli.terminal import call, run_process

VALUES = f"{KEY}\n{SECRET}\n"
PROD = ("--env", "prod", "--exchange", "bybit")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the settings file that the variable names; a test writes it."""
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("MM_SECRETS_CONFIG", str(path))
    return path


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ("[environments.dev]\nbakend = 'aws'", "environments.dev.bakend", "Did you mean backend?"),
        ("[enviroments.dev]", "enviroments", "Did you mean environments?"),
        ("[environments.PROD]", "environments.PROD", "lower-case"),
        ("[environments.dev]\nrotation_days = 0", "environments.dev.rotation_days", ""),
        ("[environments.dev]\nbackend = 'redis'", "environments.dev.backend", ""),
        ("[environments.dev]\nendpoint_url = 'http://aws.example'", "environments.dev.endpoint_url", ""),
    ],
)
def test_a_mistake_in_the_settings_is_named_by_file_and_key(text: str, path: str, hint: str, settings: Path) -> None:
    settings.write_text(text)
    for verb in (("list",), ("save", *PROD, "-")):
        ran = call(*verb, stdin=VALUES)
        assert (ran.code, ran.json["code"]) == (1, "settings")
        assert ran.json["path"] == f"{settings}:{path}"
        assert str(settings) in ran.json["error"]
        assert hint in ran.json.get("hint", "")


def test_settings_that_are_not_there_are_an_error_where_they_are_named(settings: Path) -> None:
    ran = call("list")
    assert (ran.code, ran.json["code"], ran.json["path"]) == (1, "settings", str(settings))
    ran = call("list", "--config", str(settings))
    assert (ran.code, ran.json["code"], ran.json["path"]) == (1, "settings", "--config")


def test_the_option_goes_before_the_variable(settings: Path, tmp_path: Path) -> None:
    settings.write_text("nonsense")
    other = tmp_path / "other.toml"
    other.write_text("[environments.dev]\nrotation_days = 30\n[environments.shadow]\n")
    assert call("list", "--config", str(other)).code == 0
    assert call("--config", str(other), "list").json["status"] == "OK"


def test_the_policy_of_the_settings_shows_in_the_rows(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write_text("[environments.dev]\n[environments.dev.exchanges.bybit]\nrotation_days = 30\nowner = 'desk-a'")
    seed = {f"mm-bot/dev/{name}": {"api_key": KEY, "api_secret": SECRET} for name in ("bybit@mm1", "binance")}
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", json.dumps(seed))
    rows = {row["exchange"]: row for row in call("list").json["credentials"]}
    assert (rows["bybit@mm1"]["rotation_days"], rows["bybit@mm1"]["owner"]) == (30, "desk-a")
    assert (rows["binance"]["rotation_days"], rows["binance"]["due_by"]) == (90, "policy")
    assert rows["binance"]["age_days"] == 0
    assert rows["binance"]["status"] == "fresh"


@pytest.mark.parametrize("name", ["AWS", "aws ", "mermory", ""])
def test_an_unknown_backend_is_an_error_and_never_the_memory(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_BACKEND", name)
    for verb in (("list",), ("whoami",), ("save", "--env", "dev", "--exchange", "bybit", "-")):
        ran = call(*verb, stdin=VALUES)
        if name:
            assert (ran.code, ran.json["code"], ran.json["path"]) == (1, "settings", "SECRETS_BACKEND")
            assert "unreachable" not in ran.json
        else:
            assert ran.code == 0
    if name:
        ran = call("list", "--backend", name)
        assert (ran.code, ran.json["path"]) == (1, "--backend")


def test_the_vault_is_said_to_be_not_there_yet() -> None:
    ran = call("list", "--backend", "vault")
    assert (ran.code, ran.json["code"]) == (1, "unsupported")


@pytest.mark.parametrize("seed", ["not json", "[]", "3", '{"mm-bot/dev/bybit/api_key": 7}'])
def test_a_bad_seed_is_an_error_that_says_so(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", seed)
    for verb in (("list",), ("fetch", *PROD), ("whoami",)):
        ran = call(*verb)
        assert (ran.code, ran.json["code"], ran.json["path"]) == (1, "settings", "MM_FAKE_SECRETS_JSON")
        assert ran.err == ""


def test_an_environment_that_settings_do_not_name_is_refused(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write_text('[environments.dev]\nbackend = "aws"\n[environments.prod]\nbackend = "aws"\n')
    typo = ("--env", "prd", "--exchange", "bybit")
    for arguments in (
        ("save", *typo, "-"),
        ("fetch", *typo),
        ("list", "--env", "prd"),
        ("whoami", "--env", "prd"),
        ("init", "--env", "prd", "--write", "prd"),
    ):
        ran = call(*arguments, stdin=VALUES)
        assert (ran.code, ran.json["code"]) == (1, "settings"), arguments
        assert ran.json["error"] == "The settings name dev and prod, not prd."
        assert ran.json["hint"] == "Did you mean prod?"
    monkeypatch.setenv("MM_ENV", "prd")
    assert call("list").json["hint"] == "Did you mean prod?"
    assert any("not prd" in sentence for sentence in call("doctor").json["problems"])
    monkeypatch.delenv("MM_ENV")
    assert call("save", *typo, "--backend", "memory", "-", stdin=VALUES).code == 0
    monkeypatch.setenv("SECRETS_BACKEND", "memory")
    assert call("save", *typo, "-", stdin=VALUES).code == 0


def test_what_cannot_be_reached_makes_the_list_partial(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write_text("[environments.dev]\n[environments.shadow]\nbackend = 'vault'\n")
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", json.dumps({"mm-bot/dev/bybit": {"api_key": KEY, "api_secret": SECRET}}))
    ran = run_process("list")
    assert ran.code == 1
    assert (ran.json["status"], ran.json["count"]) == ("PARTIAL", 1)
    assert [(entry["env"], entry["code"]) for entry in ran.json["unreachable"]] == [("shadow", "unsupported")]
    assert "mm-secrets: shadow could not be looked at." in ran.err


def test_a_list_of_nothing_but_failures_is_an_error(settings: Path) -> None:
    settings.write_text("[environments.dev]\nbackend = 'vault'\n")
    ran = call("list")
    assert (ran.code, ran.json["code"], ran.json["status"]) == (1, "unsupported", "ERROR")
    assert ran.err == ""


def test_mm_env_binds_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MM_ENV", "shadow")
    names = ("dev", "shadow")
    seed = {f"mm-bot/{name}/bybit": {"api_key": KEY, "api_secret": SECRET} for name in names}
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", json.dumps(seed))
    one = ("--env", "dev", "--exchange", "bybit")
    for verb in ("save", "fetch", "rotate", "history", "rollback", "repair", "adopt", "delete", "restore", "verify"):
        ran = call(verb, *one, *(["-"] if verb in ("save", "rotate", "verify") else []), stdin=VALUES)
        assert (ran.code, ran.json["code"], ran.json["guard"]) == (1, "refused", "bound"), verb
    for arguments in (("init", "--env", "dev"), ("list", "--env", "dev"), ("whoami", "--env", "dev")):
        assert call(*arguments).json["guard"] == "bound"
    listed = call("list")
    assert (listed.code, [row["env"] for row in listed.json["credentials"]]) == (0, ["shadow"])
    assert listed.err == "mm-secrets: MM_ENV binds this process: only that environment is looked at.\n"
    assert call("fetch", "--env", "shadow", "--exchange", "bybit").code == 0
    assert call("whoami").json["secret_env"] == "shadow"


def test_an_mm_env_that_is_no_name_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MM_ENV", "PROD")
    ran = call("list")
    assert (ran.code, ran.json["path"]) == (1, "MM_ENV")


@pytest.mark.parametrize("marker", ["CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE", "TF_BUILD"])
def test_ci_never_reaches_prod_on_a_real_backend(marker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(marker, "true")
    monkeypatch.setenv("SECRETS_BACKEND", "aws")
    for arguments in (
        ("fetch", *PROD),
        ("save", *PROD, "--write", "prod", "-"),
        ("history", *PROD),
        ("list", "--env", "prod"),
        ("whoami", "--env", "prod"),
        ("verify", *PROD, "-"),
        ("adopt", "--env", "prod", "--all"),
        ("init", "--env", "prod", "--write", "prod"),
    ):
        ran = call(*arguments, stdin=VALUES)
        assert (ran.code, ran.json["guard"]) == (1, "ci"), arguments
        assert marker in ran.json["error"]


def test_ci_may_use_the_memory_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert call("save", *PROD, "-", stdin=VALUES).code == 0


def test_the_demos_prod_is_read_only_until_write_names_it() -> None:
    refused = call("delete", "--demo", "--env", "prod", "--exchange", "okx")
    assert (refused.code, refused.json["guard"]) == (1, "read-only")
    assert "--write prod" in refused.json["hint"]
    lifted = call("delete", "--demo", "--env", "prod", "--exchange", "okx", "--write", "prod")
    assert (lifted.code, lifted.json["recovery_days"]) == (0, 30)


def test_init_needs_no_credential() -> None:
    ran = call("init", "--env", "dev")
    assert (ran.code, ran.out) == (
        0,
        '{"action":"init","env":"dev","made":["_fingerprint","_freeze"],"status":"OK"}\n',
    )
    assert "Nothing persists" in ran.err


def test_init_and_restore_tell_what_was_there_already(desk: Desk) -> None:
    assert call("save", "--env", "dev", "--exchange", "bybit", "-", stdin=VALUES).code == 0
    first = call("init", "--env", "dev", "--human").out
    assert first == "dev:\nThe fingerprint key was there already.\nThe freeze record was made.\n"
    assert call("init", "--env", "dev").json["made"] == []
    live = call("restore", "--env", "dev", "--exchange", "bybit", "--human")
    assert (live.code, live.out) == (0, "dev/bybit: It was not scheduled for deletion.\n")
    assert call("delete", "--env", "dev", "--exchange", "bybit").code == 0
    back = call("restore", "--env", "dev", "--exchange", "bybit", "--human")
    assert (back.code, back.out) == (0, "Restored dev/bybit.\n")
