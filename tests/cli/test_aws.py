"""The whole life of a credential over Secrets Manager, as an operator's scripts live it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.aws_server.account import ACCOUNT, ADMINISTRATOR, REGION
from tests.aws_server.faults import Fault
from tests.canary import Canary
from tests.cli.conftest import KEY, SECRET, Desk
from tests.cli.terminal import PROGRAM, Ran, call, run_process
from tests.project.checkout import ROOT

BYBIT = ("--env", "dev", "--exchange", "bybit")
OLD = f"{KEY}\n{SECRET}\n"
NEW = f"{'n' * 18}\n{'t' * 36}\n"


def ok(*arguments: str, stdin: str = "") -> Ran:
    """Run a command that must succeed without a word on standard error."""
    ran = call(*arguments, stdin=stdin)
    assert (ran.code, ran.err) == (0, "")
    return ran


def row_of(exchange: str, *arguments: str) -> dict[str, object]:
    """Give the row of a credential in a listing."""
    row: dict[str, object] = next(
        row for row in call("list", *arguments).json["credentials"] if row["exchange"] == exchange
    )
    return row


def versions() -> list[dict[str, object]]:
    """Give the history of dev/bybit."""
    found: list[dict[str, object]] = ok("history", *BYBIT).json["versions"]
    return found


def test_a_credential_lives_its_whole_life(desk: Desk) -> None:
    assert ok("init", "--env", "dev").json["made"] == ["_fingerprint", "_freeze"]
    assert ok("init", "--env", "dev").code == 0
    assert ok("save", *BYBIT, "-", "--ip-bound", "no", stdin=OLD).out == (
        '{"action":"save","env":"dev","exchange":"bybit","status":"OK"}\n'
    )
    row = row_of("bybit")
    assert (row["pair_state"], row["status"], row["age_days"], row["due_by"]) == ("paired", "fresh", 0, "exchange")
    assert (row["by"], row["why"], row["key_hint"], row["ip_bound"]) == (ADMINISTRATOR.arn, "first", "kkkk", False)
    assert len(str(row["fingerprint"])) == 10

    assert ok("rotate", *BYBIT, "-", "--why", "offboarding", stdin=NEW).json["status"] == "OK"
    assert ok("fetch", *BYBIT).json["credentials"]["api_key"] == "nnn...***"
    newest, oldest = versions()
    assert (newest["current"], newest["why"], newest["stages"]) == (True, "offboarding", ["AWSCURRENT"])
    assert (oldest["current"], oldest["version"]) == (False, row["version"])
    assert oldest["complete"]

    again = call("rotate", *BYBIT, "-", stdin=NEW)
    assert (again.code, again.json["code"]) == (1, "already-exists")

    back = ok("rollback", *BYBIT)
    assert back.json["version"] == oldest["version"]
    assert call("rollback", *BYBIT, "--to", str(oldest["version"])[-12:]).json["guard"] == "current"
    assert ok("rollback", *BYBIT, "--to", str(newest["version"])[-12:]).json["version"] == newest["version"]

    assert ok("repair", *BYBIT).json == {
        "action": "repair",
        "advice": "",
        "after": "paired",
        "before": "paired",
        "done": [],
        "env": "dev",
        "exchange": "bybit",
        "status": "OK",
    }

    assert ok("delete", *BYBIT, "--recovery-days", "7").json["recovery_days"] == 7
    listed = ok("list").json
    assert (listed["count"], listed["credentials"]) == (0, [])
    assert [row["key"] for row in listed["deleted"]] == ["mm-bot/dev/bybit"]
    refused = call("save", *BYBIT, "-", stdin=OLD)
    assert (refused.code, refused.json["code"]) == (1, "scheduled-for-deletion")
    assert "restore" in refused.json["hint"]
    assert call("delete", *BYBIT).json["code"] == "scheduled-for-deletion"
    assert ok("restore", *BYBIT).json["status"] == "OK"
    assert ok("fetch", *BYBIT).json["credentials"]["api_key"] == "nnn...***"


def test_a_typed_credential_is_recognised_by_its_fingerprint(desk: Desk) -> None:
    desk.settle("dev", "shadow", "soak")
    ok("save", *BYBIT, "-", stdin=OLD)
    ok("rotate", *BYBIT, "-", stdin=NEW)
    ok("save", "--env", "shadow", "--exchange", "bybit", "-", stdin=OLD)
    desk.server.clear_calls()
    ran = ok("verify", "--exchange", "bybit", "-", stdin=OLD)
    assert [(result["env"], result["result"]) for result in ran.json["results"]] == [
        ("dev", "older"),
        ("shadow", "same"),
        ("soak", "not-stored"),
    ]
    read = {name for call in desk.server.calls() if "Value" in call.operation for name in call.names}
    assert {name.rpartition("/")[2] for name in read} <= {"_fingerprint"}
    assert ok("verify", *BYBIT, "-", stdin=NEW).json["results"][0]["result"] == "same"
    other = call("verify", *BYBIT, "-", stdin=NEW.replace("n", "m"))
    assert (other.code, other.json["status"], other.json["results"][0]["result"]) == (1, "DIFFERENT", "different")
    missing = call("verify", "--env", "soak", "--exchange", "bybit", "-", stdin=OLD)
    assert (missing.code, missing.json["code"], missing.json["status"]) == (1, "not-found", "ERROR")

    desk.server.faults(Fault("deny", name="mm-bot/shadow/"))
    partial = call("verify", "--exchange", "bybit", "-", stdin=NEW)
    assert (partial.code, partial.json["status"]) == (1, "PARTIAL")
    assert [(entry["env"], entry["code"]) for entry in partial.json["unchecked"]] == [("shadow", "denied")]


def test_what_cannot_be_recognised_is_told_from_what_is_not_stored(desk: Desk) -> None:
    desk.settle("dev", "soak")
    write_legacy(desk, "bybit")
    ran = call("verify", "--exchange", "bybit", "-", stdin=OLD)
    assert (ran.code, ran.json["status"]) == (1, "DIFFERENT")
    assert [(result["env"], result["result"], result["reason"]) for result in ran.json["results"]] == [
        ("dev", "cannot-tell", "Nothing is recorded by which the values of dev/bybit could be recognised."),
        ("soak", "not-stored", "There is no credential soak/bybit."),
    ]
    shown = call("verify", "--exchange", "bybit", "--human", "-", stdin=OLD).out
    assert "could be recognised." in shown.splitlines()[1]


def write_legacy(desk: Desk, exchange: str) -> None:
    """Store a credential as another tool does: part by part, with ids of its own."""
    client = desk.server.client()
    for part, value in (("api_key", KEY), ("api_secret", SECRET)):
        client.create_secret(Name=f"mm-bot/dev/{exchange}/{part}", SecretString=value)


def test_legacy_credentials_are_listed_with_their_age_and_adopted(desk: Desk) -> None:
    desk.server.set_clock(-100 * 86_400)
    for exchange in ("bybit", "gate", "kraken"):
        write_legacy(desk, exchange)
    desk.server.set_clock(0)
    row = row_of("gate")
    assert (row["pair_state"], row["age_days"], row["status"]) == ("legacy", 100, "overdue")
    assert call("repair", *BYBIT).json["status"] == "PARTIAL"

    one = ok("adopt", *BYBIT)
    assert one.json["version"] == row_of("bybit")["version"]
    assert call("adopt", *BYBIT).json["guard"] == "managed"
    desk.server.faults(Fault("deny", "PutSecretValue", "gate"))
    ran = call("adopt", "--env", "dev", "--all")
    assert (ran.code, ran.json["status"]) == (1, "PARTIAL")
    assert (ran.json["adopted"], ran.json["count"]) == (["kraken"], 1)
    assert [(entry["exchange"], entry["code"]) for entry in ran.json["failed"]] == [("gate", "denied")]
    assert "mm-secrets: dev/gate: AWS denies PutSecretValue" in ran.err
    desk.server.clear_faults()
    assert ok("adopt", "--env", "dev", "--all").json["adopted"] == ["gate"]
    assert (row_of("gate")["pair_state"], row_of("gate")["age_days"]) == ("paired", 100)
    assert ok("adopt", "--env", "dev", "--all").json["count"] == 0


def test_a_rotation_killed_after_its_commit_is_listed_reported_and_repaired(desk: Desk) -> None:
    ok("save", *BYBIT, "-", stdin=OLD)
    desk.server.faults(Fault("hold", "UpdateSecretVersionStage", "api_secret"))
    with subprocess.Popen(
        (*PROGRAM, "rotate", *BYBIT, "-"), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.write(NEW.encode())
        process.stdin.close()
        desk.server.wait_until_held()
        process.send_signal(signal.SIGKILL)
    desk.server.clear_faults()
    assert row_of("bybit")["pair_state"] == "mid-promotion"
    report = call("doctor")
    assert (report.code, report.json["status"]) == (1, "PROBLEMS")
    assert report.json["environments"][0]["unfinished"] == [{"exchange": "bybit", "pair_state": "mid-promotion"}]
    assert report.json["problems"][0].startswith("dev/bybit is mid-promotion:")
    healed = ok("repair", *BYBIT).json
    assert (healed["before"], healed["after"], healed["advice"]) == ("mid-promotion", "paired", "")
    assert healed["done"][0] == "Brought every part to the current version."
    assert ok("doctor").json["problems"] == []


def test_the_second_of_two_operators_loses_cleanly_and_is_told_to_whom(desk: Desk) -> None:
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    ok("save", *BYBIT, "-", stdin=OLD)
    desk.server.faults(Fault("hold", "UpdateSecretVersionStage", "api_key", count=1))
    with subprocess.Popen(
        (*PROGRAM, "rotate", *BYBIT, "-"),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(NEW.encode())
        process.stdin.flush()
        process.stdin.close()
        process.stdin = None
        desk.server.wait_until_held()
        bob = desk.server.user("bob", everything)
        desk.sign_in(bob)
        ok("rotate", *BYBIT, "-", stdin=NEW.replace("n", "b").replace("t", "c"))
        desk.server.clear_faults()
        out, err = process.communicate(timeout=30)
    data = json.loads(out)
    assert (process.returncode, err) == (1, b"")
    assert data.pop("error").startswith(f"dev/bybit was changed by {bob.arn} at the same time.")
    assert data.pop("hint")
    assert data == {"action": "rotate", "code": "conflict", "path": "dev/bybit", "status": "ERROR"}
    assert ok("fetch", *BYBIT).json["credentials"]["api_key"] == "bbb...***"
    row = row_of("bybit")
    assert (row["pair_state"], row["pending_since"], row["by"]) == ("paired", None, bob.arn)


def test_read_only_is_lifted_for_the_one_command_that_names_it(desk: Desk) -> None:
    desk.settle("prod")
    prod = ("--env", "prod", "--exchange", "bybit")
    ok("init", "--env", "prod", "--write", "prod")
    refused = call("save", *prod, "-", stdin=OLD)
    assert (refused.code, refused.json["guard"]) == (1, "read-only")
    assert ok("save", *prod, "-", "--write", "prod", stdin=OLD).code == 0
    assert ok("fetch", *prod).code == 0
    assert call("rotate", *prod, "-", stdin=NEW).json["guard"] == "read-only"


def test_who_acts_is_told(desk: Desk) -> None:
    data = ok("whoami", "--env", "dev").json
    assert (data["operator"], data["account"], data["region"]) == (ADMINISTRATOR.arn, ACCOUNT, REGION)
    assert (data["backend"], data["secret_env"]) == ("aws", "dev")
    shown = ok("whoami", "--env", "dev", "--human").out
    assert f"operator      {ADMINISTRATOR.arn}" in shown


def test_how_the_store_was_opened_is_told_once(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.settle("dev", "shadow", "soak")
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    for arguments in (("list",), ("save", *BYBIT, "-"), ("rotate", *BYBIT, "-")):
        ran = run_process(*arguments, stdin=NEW if arguments[0] == "rotate" else OLD)
        assert ran.code == 0
        assert [line.partition(" ")[2].partition(":")[0] for line in ran.err.splitlines()].count("Ignored") == 2
        assert ran.err.count("AWS_ENDPOINT_URL") == 1
        assert ran.err.count("us-east-1") == 1
        assert ran.err.count("SSLKEYLOGFILE") == 1
    assert not (tmp_path / "keys").exists()


def test_an_environment_that_is_denied_makes_the_list_partial(desk: Desk) -> None:
    desk.settle("dev", "shadow")
    for name in ("dev", "shadow"):
        ok("save", "--env", name, "--exchange", "bybit", "-", stdin=OLD)
    desk.server.faults(Fault("deny", "ListSecrets", "mm-bot/shadow/"))
    ran = call("list")
    assert (ran.code, ran.json["status"], ran.json["count"]) == (1, "PARTIAL", 1)
    assert [(entry["env"], entry["code"]) for entry in ran.json["unreachable"]] == [("shadow", "denied")]
    assert ran.err.startswith("mm-secrets: shadow could not be looked at. AWS denies ListSecrets")

    desk.settle("dev", "shadow", extra='[environments.shadow.exchanges.bybit]\nowner = "desk-a"\n')
    probed = call("list")
    assert (probed.code, probed.json["count"], probed.json["incomplete"]) == (0, 2, ["shadow"])
    assert "shadow: this identity may not list" in probed.err


def test_an_expired_identity_is_one_error_that_tells_what_to_do(desk: Desk) -> None:
    desk.settle("dev", "shadow")
    desk.server.faults(Fault("expired"))
    ran = call("list")
    assert (ran.code, ran.json["code"], ran.json["status"]) == (1, "identity", "ERROR")
    assert "aws sso login" in ran.json["hint"]
    assert "unreachable" not in ran.json


DRIVER = """
import logging, sys
from pathlib import Path
children = []
sys.addaudithook(
    lambda event, _: children.append(event)
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn") else None
)
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
import boto3
boto3.set_stream_logger("", logging.DEBUG)
from secrets_core.cli import main
code = main(sys.argv[1:])
assert not children, children
if Path("/proc/self").exists():
    sys.stderr.write(Path("/proc/self/cmdline").read_text() + Path("/proc/self/environ").read_text())
raise SystemExit(code)
"""


def test_no_value_is_left_anywhere_with_all_loggers_at_debug(
    desk: Desk, canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = Canary.make()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    lines = f"{canary.api_key}\n{canary.api_secret}\n{canary.api_passphrase}\n"
    newer = json.dumps(
        {"api_key": second.api_key, "api_secret": second.api_secret, "api_passphrase": second.api_passphrase}
    )
    okx = ("--env", "dev", "--exchange", "okx")
    steps = [
        (("save", *okx, "-"), lines, 0),
        (("save", *okx, "-"), lines, 1),
        (("fetch", *okx), "", 0),
        (("rotate", *okx, "--stdin-json"), newer, 0),
        (("verify", "--exchange", "okx", "-"), lines, 1),
        (("list", "--human"), "", 0),
        (("history", *okx), "", 0),
        (("rollback", *okx), "", 0),
        (("doctor",), "", 0),
        (("rotate", *okx, "--new-api-keey", "x"), lines, 2),
        (("delete", *okx), "", 0),
    ]
    logged = 0
    for arguments, stdin, code in steps:
        ran = run_process(command=(sys.executable, "-c", DRIVER, *arguments), stdin=stdin)
        assert (arguments[0], ran.code) == (arguments[0], code)
        for values in (canary, second):
            assert values.leaks_in(ran.everything) == []
        logged += ran.err.count("DEBUG")
    assert logged > 100  # the loggers did talk
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert canary.leaks_in(left) == second.leaks_in(left) == []


def test_what_a_failing_call_says_holds_no_value(desk: Desk, canary: Canary) -> None:
    lines = f"{canary.api_key}\n{canary.api_secret}\n"
    ok_codes = {"outcome-unknown", "unreachable", "garbled-answer", "throttled", "denied"}
    for kind in ("lost", "html", "throttle", "deny", "error500"):
        desk.server.faults(Fault(kind, "CreateSecret", "bybit"))
        ran = call("save", *BYBIT, "-", stdin=lines)
        assert (ran.code, ran.json["code"] in ok_codes) == (1, True), kind
        assert canary.leaks_in(ran.everything) == []
        desk.server.reset()
