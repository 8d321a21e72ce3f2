"""Calling it wrongly: exit code 2, nothing on standard output, and never a word of what was typed."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secrets_core.cli.commands import VERBS
from secrets_core.cli.parsing import COMMON
from tests.canary import Canary
from tests.cli.terminal import Ran, call, run_process
from tests.project.checkout import ROOT

BYBIT = ("--env", "dev", "--exchange", "bybit")
CALLS = (
    ("save", *BYBIT, "--api-key", "a" * 18, "--api-secret", "b" * 36),
    ("rotate", *BYBIT, "--new-api-key", "a" * 18, "--new-api-secret", "b" * 36, "--why", "other"),
    ("verify", "--exchange", "bybit", "--api-key", "a" * 18, "--api-secret", "b" * 36),
    ("save", *BYBIT, "--ip-bound", "yes", "--stdin-json"),
    ("save", *BYBIT, "-"),
    ("save", *BYBIT, "--fd", "0"),
    ("fetch", *BYBIT),
    ("list", "--env", "dev", "--human"),
    ("whoami", "--backend", "memory"),
    ("history", *BYBIT),
    ("rollback", *BYBIT, "--to", "0123456789ab"),
    ("repair", *BYBIT),
    ("adopt", "--env", "dev", "--all"),
    ("delete", *BYBIT, "--recovery-days", "7", "--write", "dev"),
    ("restore", *BYBIT),
    ("init", "--env", "dev"),
    ("doctor", "--config", "nowhere.toml"),
    ("completion", "bash"),
)
OPTIONS = sorted({option.name for verb in VERBS.values() for option in (*verb.options, *COMMON)})


def _mistyped(name: str) -> list[str]:
    return [name[:-1], name + "x", name.replace("-", "_"), name[1:], name.upper(), name[:5]]


@st.composite
def command_lines(draw: st.DrawFn, canary: Canary) -> list[str]:
    """Draw a command line with a value somewhere in it where it may not belong."""
    line = list(draw(st.sampled_from(CALLS)))
    value = draw(st.sampled_from([canary.api_key, canary.api_secret, canary.api_passphrase]))
    form = draw(st.sampled_from(["{}", "-{}", "--{}", "--{}=x", "'{}'", "{} ", "{}\n"])).format(value)
    option = draw(st.sampled_from(OPTIONS))
    option = draw(st.sampled_from([option, *_mistyped(option)]))
    where = draw(st.integers(0, len(line)))
    match draw(st.sampled_from(["insert", "replace", "joined", "separate", "drop"])):
        case "insert":
            line.insert(where, form)
        case "replace":
            line[where % len(line)] = form
        case "joined":
            line.insert(where, f"{option}={form}")
        case "separate":
            line[where:where] = [option, form]
        case _:
            line[where % len(line) : where % len(line) + 1] = []
            line.append(form)
    return line


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_value_in_the_wrong_place_is_never_shown(data: st.DataObject) -> None:
    canary = Canary.make()
    line = data.draw(command_lines(canary).map(_Hidden)).line
    ran = call(*line, stdin=f"{canary.api_key}\n{canary.api_secret}\n")
    assert canary.leaks_in(ran.everything) == []
    assert ran.code in (0, 1, 2)
    assert (ran.out == "") == (ran.code == 2 or (ran.code == 1 and "--human" in line))
    assert "Traceback" not in ran.err
    assert "internal" not in ran.out


class _Hidden:
    """Keeps a drawn command line out of hypothesis's report."""

    def __init__(self, line: list[str]) -> None:
        self.line = line

    def __repr__(self) -> str:
        return "a command line"


def wrong(*arguments: str) -> str:
    """Give what a wrong call says on standard error."""
    ran = call(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert all(line.startswith("mm-secrets: ") for line in ran.err.splitlines())
    return ran.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Name a command: save, fetch, rotate"),
        (("sve",), "There is no such command. Did you mean save?"),
        (("xyzzy",), "There is no such command."),
        (("save",), "--env and --exchange are missing."),
        (("fetch", "--env", "dev"), "--exchange is missing."),
        (("fetch", *BYBIT, "more"), "belongs to no option"),
        (("save", *BYBIT, "-", "-"), "belongs to no option"),
        (("fetch", *BYBIT, "--"), ""),
        (("save", *BYBIT, "--api-secert=x"), "Did you mean --api-secret?"),
        (("save", *BYBIT, "--api-s", "x"), "an option that this command does not have"),
        (("rotate", *BYBIT, "--api-key", "x"), "Did you mean --new-api-key?"),
        (("--env", "dev", "list"), "write it after"),
        (("list", "--env"), "--env wants a value: --env ENV."),
        (("fetch", "--env", "--exchange", "bybit"), "--env wants a value"),
        (("list", "--env", "dev", "--env", "prod"), "--env is given twice."),
        (("list", "--human=yes"), "--human takes no value."),
        (("save", *BYBIT, "--ip-bound", "maybe"), "--ip-bound is one of yes, no."),
        (("rotate", *BYBIT, "--why", "bored"), "--why is one of scheduled, suspected, offboarding, other."),
        (("delete", *BYBIT, "--recovery-days", "3"), "--recovery-days is a whole number from 7 to 30."),
        (("delete", *BYBIT, "--recovery-days", "٣٠"), "--recovery-days is a whole number from 7 to 30."),
        (("save", *BYBIT, "--fd", "-1"), "--fd wants a value"),
        (("adopt", "--env", "dev"), "Name one --exchange, or --all."),
        (("adopt", *BYBIT, "--all"), "Name one --exchange, or --all."),
        (("completion",), "Name one of bash, zsh, fish."),
        (("completion", "powershell"), "It takes bash or zsh or fish."),
        (("list", "--demo", "--backend", "aws"), "leave out --backend"),
        (("delete", *BYBIT, "--write", "prod"), "--write names the environment that --env names"),
        (("list", "--write", "prod"), "--write names the environment that --env names"),
    ],
)
def test_a_wrong_call_names_option_and_rule(arguments: tuple[str, ...], sentence: str) -> None:
    if arguments[-1:] == ("--",):
        assert call(*arguments).code == 1  # a bare -- ends the options and is nothing itself
        return
    assert sentence in wrong(*arguments)


def test_a_wrong_call_points_at_the_help_of_its_command() -> None:
    assert wrong("delete").splitlines()[-1] == "mm-secrets: See: mm-secrets delete --help"


def test_help_goes_to_standard_output_whatever_else_is_missing() -> None:
    for arguments in (("--help",), ("-h",), ("save", "--help"), ("--human", "save", "-h")):
        ran = call(*arguments)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("Usage: mm-secrets ")
    general = call("--help").out
    assert re.findall(r"^  ([a-z]+)  ", general, re.MULTILINE) == list(VERBS)
    assert list(VERBS) == [
        *("save", "fetch", "rotate", "list", "review", "whoami", "history", "rollback", "repair", "adopt"),
        *("delete", "restore", "init", "verify", "doctor", "completion"),
    ]
    for verb in VERBS.values():
        shown = call(verb.name, "--help").out
        assert all(option.name in shown for option in (*verb.options, *COMMON))


def test_help_fits_a_usual_terminal() -> None:
    for arguments in (("--help",), *((verb, "--help") for verb in VERBS)):
        assert max(map(len, call(*arguments).out.splitlines())) <= 120


def test_the_version_is_that_of_the_project() -> None:
    ran = call("--version")
    assert (ran.code, ran.err) == (0, "")
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version is not None
    assert ran.out == f"mm-secrets {version[1]}\n"
    assert call("list", "--version").out == ran.out


def test_the_module_is_the_program() -> None:
    ran = run_process("--version")
    assert ran.code == 0
    assert ran.out.startswith("mm-secrets ")


def test_the_page_names_every_command_and_option() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    for verb in VERBS.values():
        assert f"`{verb.name}`" in page
        for option in (*verb.options, *COMMON):
            assert f"`{option.name}" in page, option.name


SHELLS = {"bash": ("-n",), "zsh": ("-n",), "fish": ("--no-execute",)}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_completion_script_is_one_of_its_shell(shell: str, tmp_path: Path) -> None:
    script = call("completion", shell)
    assert (script.code, script.err) == (0, "")
    for verb in VERBS.values():
        assert verb.name in script.out
        assert all(option.name.removeprefix("--") in script.out for option in verb.options)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here, so its parser cannot be asked")
    path = tmp_path / "script"
    path.write_text(script.out)
    done = subprocess.run([shell, *SHELLS[shell], str(path)], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "wanted", "unwanted"),
    [
        ("", {"save", "rotate", "--demo"}, {"--env"}),
        ("ro", {"rotate", "rollback"}, {"save"}),
        ("--human rotate --new", {"--new-api-key", "--new-api-secret"}, {"--api-key"}),
        ("list --env ", {"dev", "prod"}, {"save", "--human"}),
        ("save --exchange k", {"kucoin", "kraken"}, {"bybit"}),
        ("save --api-key ", set(), {"--env", "save"}),
        ("completion ", {"bash", "zsh", "fish"}, {"save"}),
    ],
)
def test_bash_completes(words: str, wanted: set[str], unwanted: set[str], tmp_path: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed here, so it cannot be asked what it completes")
    path = tmp_path / "script"
    path.write_text(call("completion", "bash").out)
    typed = ["mm-secrets", *words.split(" ")]
    quoted = " ".join(f"'{word}'" for word in typed)
    probe = f'source {path}; COMP_WORDS=({quoted}); COMP_CWORD={len(typed) - 1}; _mm_secrets; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "--norc", "-c", probe], capture_output=True, text=True, timeout=30)
    assert done.stderr == ""
    offered = set(done.stdout.split())
    assert wanted <= offered
    assert not unwanted & offered


def test_an_unexpected_error_tells_its_kind_and_place_alone(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError(f"about {canary.api_secret}")

    monkeypatch.setattr("secrets_core.pairs.writing.inspect", fail)
    ran: Ran = call("save", *BYBIT, "-", stdin=f"{canary.api_key}\n{canary.api_secret}\n")
    assert ran.code == 1
    assert re.fullmatch(r"An unexpected error: RuntimeError at cli/test_usage\.py:\d+\.", ran.json["error"])
    assert ran.json["code"] == "internal"
    assert canary.leaks_in(ran.everything) == []
