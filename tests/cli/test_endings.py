"""How a command may end otherwise: interrupted, without a reader, without a place to write, in an odd locale."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.aws_server.faults import Fault
from tests.cli.conftest import KEY, SECRET, Desk
from tests.cli.terminal import PROGRAM, run_process
from tests.project.checkout import ROOT

SEED = json.dumps({"mm-bot/dev/bybit": {"api_key": KEY, "api_secret": SECRET}})


def through_shell(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the redirections of a shell script, in which "$@" stands for it."""
    return subprocess.run(
        ["sh", "-c", script, "sh", *PROGRAM, *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_the_interrupt_key_ends_a_command_at_once(desk: Desk) -> None:
    desk.settle("dev", "shadow")
    desk.server.faults(Fault("hold", "ListSecrets"))
    process = subprocess.Popen(
        (*PROGRAM, "list"), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    desk.server.wait_until_held(2)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert err.decode() == (
        "mm-secrets: Interrupted. If a change was under way, repair tells and heals what is left of it.\n"
    )
    assert time.monotonic() - began < 3


def test_a_reader_that_has_gone_is_no_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        (*PROGRAM, "list", "--demo"), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_closed_streams_do_no_harm() -> None:
    closed = through_shell('exec "$@" >&-', "list", SECRETS_BACKEND="memory")
    assert (closed.returncode, closed.stdout, closed.stderr) == (0, "", "")
    silent = through_shell('exec "$@" 2>&-', "fetch")
    assert (silent.returncode, silent.stdout, silent.stderr) == (2, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_answer_that_cannot_be_written_is_a_failure() -> None:
    done = through_shell('exec "$@" >/dev/full', "list", SECRETS_BACKEND="memory")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mm-secrets: The answer could not be written to standard output.\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_every_locale_can_print_it(encoding: str) -> None:
    ran = subprocess.run(
        (*PROGRAM, "list", "--demo", "--human"),
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C", "PYTHONUTF8": "0"},
        capture_output=True,
        timeout=30,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "prod" in ran.stdout.decode(encoding)


def test_names_outside_the_locale_are_refused_in_ascii() -> None:
    ran = run_process("fetch", "--env", "dév", "--exchange", os.fsdecode(b"\xff"))
    assert (ran.code, ran.json["code"]) == (1, "invalid-name")
    assert ran.out.isascii()


def test_listing_the_memory_loads_nothing_heavy() -> None:
    heavy = ("boto3", "botocore", "pydantic", "textual", "rich", "tui", "argparse")
    code = (
        "import sys; from secrets_core.cli import main; assert main(['list']) == 0; "
        f"print(sorted({{name.partition('.')[0] for name in sys.modules}} & {set(heavy)!r}))"
    )
    ran = run_process(command=(sys.executable, "-c", code), env={"MM_FAKE_SECRETS_JSON": SEED})
    assert ran.code == 0
    assert ran.out.splitlines()[1] == "[]"


def test_importing_the_command_line_loads_next_to_nothing() -> None:
    code = "import sys; import secrets_core.cli; print('secrets_core.service' in sys.modules)"
    assert run_process(command=(sys.executable, "-c", code)).out == "False\n"
