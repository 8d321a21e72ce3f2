"""The lines that scripts rely on, byte for byte, and the exit codes."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import KEY, SECRET
from tests.cli.terminal import call, run_process

SEED = {"mm-bot/dev/bybit/api_key": "abcdef1234567890AB", "mm-bot/dev/bybit/api_secret": SECRET}
BYBIT = ("--env", "dev", "--exchange", "bybit")


@pytest.fixture
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one credential in the memory backend."""
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", json.dumps(SEED))


def test_save_prints_its_line() -> None:
    ran = run_process("save", *BYBIT, "-", stdin=f"{KEY}\n{SECRET}\n")
    assert (ran.code, ran.out) == (0, '{"action":"save","env":"dev","exchange":"bybit","status":"OK"}\n')
    assert ran.err == "mm-secrets: Nothing persists: this backend forgets the change when the command ends.\n"


def test_rotate_prints_its_line(seeded: None) -> None:
    ran = run_process("rotate", *BYBIT, "-", stdin=f"{KEY}\n{SECRET[:-1]}t\n")
    assert (ran.code, ran.out) == (0, '{"action":"rotate","env":"dev","exchange":"bybit","status":"OK"}\n')


def test_fetch_prints_the_mask_and_no_more(seeded: None) -> None:
    ran = run_process("fetch", *BYBIT)
    assert ran.out == (
        '{"action":"fetch","credentials":{"api_key":"abc...***","api_secret":"***","env":"dev","exchange":"bybit"},'
        '"status":"OK"}\n'
    )
    assert (ran.code, ran.err) == (0, "")


def test_list_prints_its_rows_sorted_with_the_promised_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("dev/okx", "shadow/bybit", "dev/bybit@mm1", "dev/bybit", "testnet/gate")
    monkeypatch.setenv(
        "MM_FAKE_SECRETS_JSON",
        json.dumps({f"mm-bot/{name}": {"api_key": name * 3, "api_secret": name * 4} for name in names}),
    )
    ran = run_process("list")
    assert ran.code == 0
    assert ran.json["count"] == 5
    assert ran.json["status"] == "OK"
    assert [(row["env"], row["exchange"], row["key"], row["rotation_days"]) for row in ran.json["credentials"]] == [
        ("dev", "bybit", "mm-bot/dev/bybit", 90),
        ("dev", "bybit@mm1", "mm-bot/dev/bybit@mm1", 90),
        ("dev", "okx", "mm-bot/dev/okx", 90),
        ("shadow", "bybit", "mm-bot/shadow/bybit", 90),
        ("testnet", "gate", "mm-bot/testnet/gate", 90),
    ]
    assert {row["pair_state"] for row in ran.json["credentials"]} == {"paired", "incomplete"}


def test_an_empty_list_is_exactly_this() -> None:
    ran = run_process("list")
    assert (ran.code, ran.out) == (0, '{"action":"list","count":0,"credentials":[],"status":"OK"}\n')
    unset = "No settings file and no SECRETS_BACKEND: this is the empty memory backend."
    assert ran.err == f"mm-secrets: {unset} See docs/settings.md, or try --demo.\n"
    assert run_process("list", env={"SECRETS_BACKEND": "memory"}).err == ""


def test_whoami_has_the_old_fields_and_who_acts() -> None:
    data = call("whoami").json
    assert {key: data[key] for key in ("action", "backend", "exchange_env", "secret_env", "status")} == {
        "action": "whoami",
        "backend": "memory",
        "exchange_env": "shadow",
        "secret_env": "dev",
        "status": "OK",
    }
    assert "@" in data["operator"]
    assert (data["account"], data["region"], data["expires"]) == (None, None, None)


@pytest.mark.parametrize(
    ("variables", "environment"),
    [
        ({"EXCHANGE_ENV": "shadow"}, "shadow"),
        ({"EXCHANGE_ENV": "live"}, "prod"),
        ({"EXCHANGE_ENV": "testnet"}, "testnet"),
        ({"EXCHANGE_ENV": "live", "MM_ENV": "soak"}, "soak"),
    ],
)
def test_whoami_tells_the_environment_that_variables_choose(
    variables: dict[str, str], environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    data = call("whoami").json
    assert (data["secret_env"], data["exchange_env"]) == (environment, variables["EXCHANGE_ENV"])


def test_whoami_takes_an_unknown_exchange_network_for_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXCHANGE_ENV", "LIVE")
    ran = call("whoami")
    assert ran.code == 1
    assert ran.json == {
        "action": "whoami",
        "code": "settings",
        "error": "EXCHANGE_ENV is one of shadow, testnet, live.",
        "path": "EXCHANGE_ENV",
        "status": "ERROR",
    }


def test_an_error_is_a_line_too() -> None:
    ran = call("fetch", *BYBIT)
    assert ran.code == 1
    assert ran.err == ""
    assert ran.json == {
        "action": "fetch",
        "code": "not-found",
        "error": "There is no credential dev/bybit.",
        "hint": "Save one first.",
        "path": "dev/bybit",
        "status": "ERROR",
    }


def test_save_on_an_existing_credential_names_rotate(seeded: None) -> None:
    ran = call("save", *BYBIT, "-", stdin=f"{KEY}\n{SECRET}\n")
    assert ran.code == 1
    assert ran.json["code"] == "already-exists"
    assert "rotate" in ran.json["hint"]


def test_rotate_on_a_missing_credential_names_save() -> None:
    ran = call("rotate", *BYBIT, "-", stdin=f"{KEY}\n{SECRET}\n")
    assert ran.code == 1
    assert ran.json["code"] == "not-found"
    assert "save" in ran.json["hint"]


@pytest.mark.parametrize("verb", ["history", "rollback", "repair", "adopt", "delete", "restore"])
def test_every_verb_says_that_there_is_no_such_credential(verb: str) -> None:
    ran = call(verb, *BYBIT)
    assert (ran.code, ran.json["code"], ran.json["status"]) == (1, "not-found", "ERROR")


def test_history_speaks_of_the_credential_and_not_of_a_part() -> None:
    ran = call("history", *BYBIT)
    assert (ran.json["error"], ran.json["hint"]) == ("There is no credential dev/bybit.", "Save one first.")
    assert ran.json["path"] == "dev/bybit"


def test_an_error_is_said_once_and_nothing_without_the_prefix() -> None:
    for arguments in (("fetch", "--demo", *BYBIT[:3], "gate"), ("fetch", "--demo", *BYBIT[:3], "gate", "--human")):
        ran = run_process(*arguments)
        assert ran.code == 1
        assert all(line.startswith("mm-secrets: ") for line in ran.err.splitlines())
        assert ran.everything.count("There is no credential dev/gate.") == 1


def test_what_the_core_warns_of_is_said_as_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    record = {"mm-bot/dev/_freeze": "nonsense"}
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", json.dumps({**SEED, **record}))
    ran = run_process("fetch", *BYBIT)
    assert ran.code == 0
    assert "mm-secrets: dev: The freeze record is not in a form" in ran.err
    assert all(line.startswith("mm-secrets: ") for line in ran.err.splitlines())


@pytest.mark.parametrize("verb", ["save", "fetch", "rotate"])
def test_a_mistyped_exchange_is_doubted(verb: str) -> None:
    values = [] if verb == "fetch" else ["-"]
    doubted = call(verb, "--env", "dev", "--exchange", "bybti@mm1", *values, stdin=f"{KEY}\n{SECRET}\n")
    assert "mm-secrets: bybti is not a known exchange; did you mean bybit?\n" in doubted.err
    for name in ("bybit", "mydesk"):
        assert "did you mean" not in call(verb, "--env", "dev", "--exchange", name, *values, stdin="a\nb\n").err


def test_a_part_that_another_exchange_wants_is_refused() -> None:
    ran = call("save", *BYBIT, "-", stdin="a\nb\nc\n")
    assert (ran.code, ran.json["code"]) == (1, "invalid-value")


@pytest.mark.parametrize(
    ("environment", "exchange"), [("PROD", "bybit"), ("prod ", "bybit"), ("dev", ""), ("dev", "../x"), ("dev", "a@@b")]
)
def test_a_name_that_breaks_the_rules_is_refused_before_anything_else(environment: str, exchange: str) -> None:
    ran = call("save", f"--env={environment}", f"--exchange={exchange}", "-", stdin=f"{KEY}\n{SECRET}\n")
    assert (ran.code, ran.json["code"]) == (1, "invalid-name")


def test_common_options_stand_before_or_after_the_verb(seeded: None) -> None:
    before = call("--human", "list", "--env", "dev")
    after = call("list", "--env", "dev", "--human")
    assert before.out == after.out
    assert before.out.startswith("ENV  EXCHANGE")


def test_the_form_for_people_goes_out_and_its_errors_go_to_standard_error(seeded: None) -> None:
    shown = call("fetch", *BYBIT, "--human")
    assert (shown.code, shown.err) == (0, "")
    assert "abc...***" in shown.out
    failed = call("fetch", "--env", "dev", "--exchange", "okx", "--human")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.splitlines()[0] == "mm-secrets: There is no credential dev/okx."


def test_the_form_for_people_lets_no_one_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    hold = {"scope": ["*"], "message": "stop\x1b[2J\x9b", "codename": "a\u202eb"}
    record = json.dumps({"format": 1, "holds": {"i": hold}})
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", json.dumps({**SEED, "mm-bot/dev/_freeze": record}))
    ran = call("list", "--env", "dev", "--human")
    assert "stop" in ran.out
    assert all(character.isprintable() or character == "\n" for character in ran.out)


def test_the_demo_needs_nothing() -> None:
    ran = call("--demo", "list")
    assert ran.code == 0
    assert {row["condition"] for row in ran.json["credentials"]} >= {"fresh", "overdue", "due-soon", "torn", "legacy"}
    assert len(ran.json["deleted"]) == 2
    assert ran.json["emergency"]
    assert ran.json["foreign"]
    saved = call("save", "--demo", "--env", "dev", "--exchange", "gate", "-", stdin=f"{'a' * 32}\n{'b' * 64}\n")
    assert saved.code == 0
    assert "Nothing persists" in saved.err


def test_the_demo_has_no_further_environments() -> None:
    ran = call("fetch", "--demo", "--env", "testnet", "--exchange", "bybit")
    assert (ran.code, ran.json["code"]) == (1, "not-found")
