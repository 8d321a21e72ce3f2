"""How values come in: prompt, standard input, JSON, descriptor, argv; and what is refused of them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.canary import Canary
from tests.cli.conftest import KEY, SECRET
from tests.cli.terminal import PROGRAM, at_terminal, call, run_process
from tests.project.checkout import ROOT

BYBIT = ("--env", "dev", "--exchange", "bybit")
SAVED = '{"action":"save","env":"dev","exchange":"bybit","status":"OK"}\n'
ARGV_WARNING = "values on the command line can be seen by every user"


def pem() -> str:
    """Give a text in the form of a private key."""
    return f"-----BEGIN PRIVATE KEY-----\n{'A' * 64}\n{'B' * 64}\n-----END PRIVATE KEY-----\n"


def test_lines_of_standard_input_come_in_the_order_key_secret_passphrase() -> None:
    values = [f"key-{'1' * 32}", f"secret-{'2' * 32}", "passphrase"]
    ran = call("save", "--env", "dev", "--exchange", "kucoin", "-", stdin="\n".join(values))
    assert (ran.code, ran.json["status"]) == (0, "OK")


def test_a_dash_for_an_option_takes_the_next_line() -> None:
    ran = call("save", *BYBIT, "--api-secret", "-", "--api-key=-", stdin=f"{KEY}\r\n{SECRET}\r\n")
    assert (ran.code, ran.out) == (0, SAVED)
    assert ARGV_WARNING not in ran.err


def test_a_json_object_takes_a_pem() -> None:
    ran = call("save", *BYBIT, "--stdin-json", stdin=json.dumps({"api_secret": pem(), "api_key": KEY}))
    assert (ran.code, ran.out) == (0, SAVED)
    assert "Warning" not in ran.err


def test_a_descriptor_is_read_like_standard_input(canary: Canary) -> None:
    reading, writing = os.pipe()
    os.write(writing, f"{canary.api_key}\n{canary.api_secret}\n".encode())
    os.close(writing)
    ran = run_process("save", *BYBIT, "--fd", str(reading), pass_fds=(reading,))
    os.close(reading)
    assert (ran.code, ran.out) == (0, SAVED)
    assert canary.leaks_in(ran.everything) == []


def test_argv_works_and_warns() -> None:
    ran = call("save", *BYBIT, "--api-key", KEY, f"--api-secret={SECRET}")
    assert (ran.code, ran.out) == (0, SAVED)
    assert ran.err.count(ARGV_WARNING) == 1


def test_rotate_has_options_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = {"mm-bot/dev/bybit": {"api_key": KEY, "api_secret": SECRET}}
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", json.dumps(seed))
    ran = call("rotate", *BYBIT, "--new-api-key", KEY[::-1] + "a", "--new-api-secret", "-x" * 18, "--why", "suspected")
    assert (ran.code, ran.json["status"]) == (0, "OK")


def test_a_value_may_begin_with_a_dash() -> None:
    ran = call("save", *BYBIT, "--api-key", "-abcdefghijklmnopq", "--api-secret", "--abcdefghijklmnopqrstuvwxyz")
    assert (ran.code, ran.out) == (0, SAVED)


def test_a_forgotten_value_is_not_the_next_option() -> None:
    ran = call("save", *BYBIT, "--api-key", "--api-secret", SECRET)
    assert (ran.code, ran.out) == (2, "")
    assert "--api-key wants a value" in ran.err


def test_without_a_source_and_a_terminal_the_call_is_wrong() -> None:
    ran = call("save", *BYBIT)
    assert (ran.code, ran.out) == (2, "")
    assert "--api-key, --api-secret" in ran.err
    ran = call("save", *BYBIT, "--api-key", KEY)
    assert (ran.code, ran.out) == (2, "")
    assert "--api-secret" in ran.err


@pytest.mark.parametrize(
    "sources",
    [("-", "--stdin-json"), ("-", "--api-key", "x"), ("--fd", "0", "-"), ("--stdin-json", "--fd", "0")],
)
def test_values_come_by_one_way_only(sources: tuple[str, ...]) -> None:
    ran = call("save", *BYBIT, *sources)
    assert (ran.code, ran.out) == (2, "")
    assert "one way only" in ran.err


@pytest.mark.parametrize(
    ("typed", "rule"),
    [
        (f"{KEY}", "missing-part"),
        (f"{KEY}\n", "missing-part"),
        (f" {KEY}\n{SECRET}", "surrounding-space"),
        (f"'{KEY}'\n{SECRET}", "surrounding-quotes"),
        (f"{KEY}\n{KEY}", "same-value"),
        (f"{SECRET}\n{KEY}", "swapped"),
        (f"\n{SECRET}", "empty"),
        (f"{KEY}\n\u200b{SECRET}", "invisible-character"),
    ],
    ids=lambda value: value if value.islower() and value.isascii() and "\n" not in value else "typed",
)
def test_what_no_exchange_accepts_is_refused_by_part_and_rule(typed: str, rule: str) -> None:
    ran = call("save", *BYBIT, "-", stdin=typed)
    assert ran.code == 1
    assert (ran.json["code"], ran.json["status"]) == ("invalid-value", "ERROR")
    assert rule in {finding["rule"] for finding in ran.json["findings"]}
    assert rule in ran.json["error"]
    assert "Nothing persists" not in ran.err


def test_an_unusual_form_is_warned_about_and_stored(canary: Canary) -> None:
    ran = call("save", *BYBIT, "-", stdin=f"{canary.api_key}\n{canary.api_secret}\n")
    assert (ran.code, ran.out) == (0, SAVED)
    assert "mm-secrets: Warning: The API key does not look like one of Bybit" in ran.err
    assert canary.leaks_in(ran.everything) == []


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda c: f'["{c.api_key}"]', "not one JSON object"),
        (lambda c: f'{{"api_key": "{c.api_key}"', "not one JSON object"),
        (lambda c: f'"{c.api_key}"', "not one JSON object"),
        (lambda c: f'{{"api_key": ["{c.api_key}"], "api_secret": "{c.api_secret}"}}', "api_key is not a text"),
        (lambda c: f'{{"{c.api_secret}": 1}}', "value is not a text"),
        (lambda c: f'{{"api_key": "{c.api_key}", "api_key": "x"}}', "stands twice"),
        (lambda c: f'{{"api_key": "{c.api_key}", "api_secret": "x", "{c.api_secret}": "y"}}', "what is no part"),
        (lambda c: "[" * 100_000, "not one JSON object"),
    ],
    ids=["list", "cut", "text", "nested", "number", "twice", "no part", "deep"],
)
def test_other_json_is_refused_without_a_word_of_it(
    make: object, sentence: str, canary: Canary, tmp_path: Path
) -> None:
    assert callable(make)
    ran = run_process("save", *BYBIT, "--stdin-json", stdin=make(canary))
    assert ran.code == 1
    assert sentence in ran.json["error"]
    assert canary.leaks_in(ran.everything) == []


def test_input_that_is_not_text_or_endless_is_refused() -> None:
    for data in (b"\xff\xfe\n", b"a" * (1 << 20) + b"\n"):
        ran = run_process("save", *BYBIT, "-", stdin=data)
        assert (ran.code, ran.json["code"], ran.json["path"]) == (1, "invalid-value", "stdin")


def test_a_descriptor_that_is_not_open_is_refused() -> None:
    ran = run_process("save", *BYBIT, "--fd", "77")
    assert (ran.code, ran.json["code"]) == (1, "invalid-value")
    assert "file descriptor 77" in ran.json["error"]


def test_a_closed_standard_input_is_refused() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *PROGRAM, "save", *BYBIT, "-"], cwd=ROOT, capture_output=True, timeout=30
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["path"] == "stdin"


def test_the_prompt_asks_for_each_part_and_shows_nothing(canary: Canary) -> None:
    listed: list[bytes] = []

    def look(pid: int) -> None:
        listed.append(Path(f"/proc/{pid}/cmdline").read_bytes() if Path("/proc/self").exists() else b"")

    ran = at_terminal(
        ["save", "--env", "dev", "--exchange", "okx"],
        [
            ("API key of dev/okx", f"{canary.api_key}\n"),
            ("secret key of dev/okx", f"{canary.api_secret}\n"),
            ("passphrase of dev/okx", f"{canary.api_passphrase}\n"),
        ],
        look,
    )
    assert (ran.code, ran.json) == (0, {"action": "save", "env": "dev", "exchange": "okx", "status": "OK"})
    assert canary.leaks_in(ran.everything) == []
    assert canary.leaks_in(b"".join(listed)) == []


def test_what_an_option_leaves_open_is_asked_for(canary: Canary) -> None:
    ran = at_terminal(["save", *BYBIT, "--api-key", KEY], [("API secret of dev/bybit", f"{canary.api_secret}\n")])
    assert (ran.code, ran.out) == (0, SAVED)
    assert canary.leaks_in(ran.everything) == []


def test_a_refusal_comes_before_the_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MM_ENV", "shadow")
    ran = at_terminal(["save", *BYBIT], [])
    assert (ran.code, ran.json["guard"]) == (1, "bound")


def test_the_interrupt_key_at_the_prompt_ends_it_cleanly() -> None:
    ran = at_terminal(["save", *BYBIT], [("API key", "\x03")])
    assert (ran.code, ran.out) == (130, "")
    assert "Interrupted" in ran.err
    assert "Traceback" not in ran.err


def test_the_end_of_input_at_the_prompt_is_an_empty_value() -> None:
    ran = at_terminal(["save", *BYBIT], [("API key", "\x04"), ("API secret", f"{SECRET}\n")])
    assert (ran.code, ran.json["findings"]) == (1, [{"part": "api_key", "rule": "empty"}])


def test_a_line_that_a_terminal_may_cut_is_refused() -> None:
    ran = at_terminal(["save", *BYBIT], [("API key", f"{'x' * 1500}\n")])
    assert (ran.code, ran.json["code"]) == (1, "invalid-value")
    assert "--stdin-json" in ran.json["hint"]


@pytest.mark.parametrize("source", [("-",), ("--stdin-json",), ("--fd", "0")], ids=["dash", "json", "fd"])
def test_values_are_never_read_from_a_terminal_that_shows_them(source: tuple[str, ...]) -> None:
    ran = at_terminal(["save", *BYBIT, *source], [])
    assert (ran.code, ran.json["code"]) == (1, "invalid-value")
    assert "would be shown" in ran.json["error"]


def test_the_process_leaves_no_core_dump() -> None:
    code = (
        "import resource; from secrets_core.cli import main; main(['list']); "
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    ran = run_process(command=(PROGRAM[0], "-c", code))
    assert ran.out.splitlines()[-1] == "0"
