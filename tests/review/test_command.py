"""``mm-secrets review`` as an operator, cron and CI run it: exit codes, files, and the server's record of it."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from secrets_core.errors import Refused
from secrets_core.policy import CI_VARIABLES, ci_refusal
from secrets_core.review.document import canonical, digest, parse
from tests.aws_server.faults import Fault
from tests.canary import Canary
from tests.cli.conftest import KEY, SECRET, Desk
from tests.cli.terminal import PROGRAM, Ran, call, run_process
from tests.project.checkout import ROOT

VALUES = f"{KEY}\n{SECRET}\n"
SEED = {"mm-bot/dev/bybit": {"api_key": "k" * 18, "api_secret": "s" * 36}}


def seeded(monkeypatch: pytest.MonkeyPatch, seed: Any = SEED) -> None:
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", json.dumps(seed))


def save(environment: str, exchange: str = "bybit") -> None:
    more = ("--write", environment) if environment == "prod" else ()
    assert call("save", "--env", environment, "--exchange", exchange, "-", *more, stdin=VALUES).code == 0


def operations(desk: Desk) -> list[str]:
    return [seen.operation for seen in desk.server.calls() if seen.service == "secretsmanager"]


class TestExitCodes:
    def test_done_unmet_and_wrong_as_a_process(self) -> None:
        ran = run_process("review", "--demo")
        assert (ran.code, ran.json["status"], ran.json["action"]) == (0, "OK", "review")
        assert run_process("review", "--demo", "--env", "dev", "--fail-on", "overdue").code == 3
        unmet = run_process("review", "--demo", "--env", "dev", "--fail-on", "due-soon")
        assert (unmet.code, unmet.json["status"], unmet.json["failing"]) == (3, "UNMET", ["dev/kraken"])
        csv = run_process("review", "--demo", "--env", "dev", "--fail-on", "overdue", "--format", "csv")
        assert (csv.code, csv.out.count("\n")) == (3, 6)
        assert run_process("review", "--demo", "--fail-on", "sometimes").code == 2

    def test_unknown_ages_fail(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seeded(monkeypatch, {"mm-bot/dev/bybit/api_key": "k" * 18})
        assert call("review", "--env", "dev", "--fail-on", "overdue").code == 0  # one part alone: fresh, but unusable
        ran = call("review", "--demo", "--env", "prod", "--fail-on", "overdue")
        assert (ran.code, "prod/okx@mm2" in ran.json["failing"]) == (3, True)

    def test_incomplete_comes_before_unmet(self, desk: Desk) -> None:
        save("dev")
        desk.settle("dev", "shadow", extra='[environments.soak]\nbackend = "vault"\n')
        ran = call("review", "--fail-on", "overdue")
        assert (ran.code, ran.json["status"], ran.json["complete"]) == (1, "PARTIAL", False)
        assert [gap["environment"] for gap in ran.json["review"]["gaps"]] == ["soak"]
        assert [row["credential"] for row in ran.json["review"]["rows"]] == ["dev/bybit"]
        assert "soak" in ran.err

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--sign",),
            ("--sign", "--out", "x", "--format", "csv"),
            ("--sign", "--out", "x", "--fail-on", "overdue"),
            ("--verify",),
            ("--verify", "x", "--sign"),
            ("--resume", "x", "--out", "y"),
            ("--from", "x", "--decide", "y"),
            ("--by", "soon"),
            ("--by", "2020-01-01"),
            ("--by", "2026-W01-1"),
            ("--group", "colour"),
            ("--format", "pdf"),
        ],
    )
    def test_a_wrong_call(self, arguments: tuple[str, ...]) -> None:
        ran = call("review", "--demo", *arguments)
        assert (ran.code, ran.out) == (2, "")


def test_a_bound_process_looks_at_no_other_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.settle("dev", "shadow")
    save("dev")
    save("shadow")
    monkeypatch.setenv("MM_ENV", "dev")
    ran = call("review")
    assert [each["name"] for each in ran.json["review"]["environments"]] == ["dev"]
    desk.server.clear_calls()
    refused = call("review", "--env", "shadow")
    assert (refused.code, refused.json["guard"], operations(desk)) == (1, "bound", [])


class TestFiles:
    def test_a_file_is_the_owners_alone_and_whole(self, tmp_path: Path) -> None:
        out = tmp_path / "review.json"
        out.write_text("before")
        out.chmod(0o644)
        ran = call("review", "--demo", "--out", str(out))
        assert (ran.code, "review" in ran.json) == (0, False)
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        data = out.read_bytes()
        assert canonical(parse(data)) == data
        assert ran.json["hash"] == digest(data)
        assert [path.name for path in tmp_path.iterdir()] == ["review.json"]

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        ran = call("review", "--demo", "--out", str(tmp_path / "no" / "review.json"))
        assert (ran.code, ran.json["code"]) == (1, "review")

    @pytest.mark.parametrize("form", ["csv", "markdown", "html", "ics"])
    def test_other_forms_are_printed_raw_and_made_from_a_file_alike(self, form: str, tmp_path: Path) -> None:
        out = tmp_path / "review.json"
        hashed = call("review", "--demo", "--out", str(out)).json["hash"]
        first = run_process("review", "--from", str(out), "--format", form)
        again = run_process("review", "--from", str(out), "--format", form)
        assert (first.code, first.err) == (0, "")
        assert first.out == again.out
        assert hashed in first.out.replace("\n ", "")

    def test_what_will_be_overdue_by_a_day(self) -> None:
        ran = call("review", "--demo", "--env", "dev", "--by", "2035-01-01")
        assert ran.code == 0
        assert len(ran.json["overdue_by"]["credentials"]) == 5

    def test_a_file_that_cannot_be_read_is_not_named(self, canary: Canary) -> None:
        for option in ("--verify", "--from", "--decide", "--resume"):
            ran = call("review", "--demo", option, canary.api_secret)
            assert ran.code == 1
            assert canary.leaks_in(ran.everything) == []


def decisions(path: Path, *entries: dict[str, object], **more: object) -> str:
    path.write_text(json.dumps({"format": 1, "decisions": entries, **more}))
    return str(path)


class TestSigning:
    def test_signed_verified_edited_and_found(self, desk: Desk, tmp_path: Path) -> None:
        desk.settle("dev", "prod")
        save("dev")
        save("prod")
        first, second = str(tmp_path / "1.json"), str(tmp_path / "2.json")
        refused = call("review", "--sign", "--out", first)
        assert (refused.code, refused.json["guard"], Path(first).exists()) == (1, "read-only", False)
        ran = call("review", "--sign", "--out", first, "--write", "prod")
        assert (ran.code, ran.json["signed"], ran.err) == (0, ["dev", "prod"], "")
        assert call("review", "--verify", first).json["status"] == "OK"
        assert call("review", "--env", "dev", "--sign", "--out", second).code == 0
        verified = call("review", "--verify", first, second)
        found = [each["environments"] for each in verified.json["files"]]
        assert found[0] == {"dev": {"number": 1, "result": "signed"}, "prod": {"number": 1, "result": "signed"}}
        assert found[1] == {"dev": {"number": 2, "result": "signed"}}
        assert verified.code == 0
        Path(first).write_bytes(Path(first).read_bytes().replace(b'"complete":true', b'"complete":false'))
        edited = call("review", "--verify", first, second)
        assert (edited.code, edited.json["status"]) == (1, "DIFFERENT")
        assert edited.json["files"][0]["environments"]["dev"]["result"] == "chain broken"

    def test_a_signed_file_is_never_overwritten(self, desk: Desk, tmp_path: Path) -> None:
        save("dev")
        out = tmp_path / "review.json"
        assert call("review", "--sign", "--out", str(out)).code == 0
        before = out.read_bytes()
        ran = call("review", "--sign", "--out", str(out))
        assert (ran.code, "already" in ran.json["error"]) == (1, True)
        assert out.read_bytes() == before
        assert call("review", "--verify", str(out)).code == 0

    def test_refused_decisions_name_row_and_rule(self, desk: Desk, tmp_path: Path) -> None:
        save("dev")
        path = decisions(tmp_path / "d.json", {"credential": "dev/bybit", "decision": "extend", "until": "2020-01-01"})
        out = tmp_path / "review.json"
        ran = call("review", "--decide", path, "--sign", "--out", str(out))
        assert (ran.code, ran.json["code"], out.exists()) == (1, "decisions-refused", False)
        rules = [(each["credential"], each["rule"]) for each in ran.json["rulings"]]
        assert rules == [("dev/bybit", rule) for rule in ("reason-missing", "control-missing", "until-past")]

    def test_decisions_come_from_standard_input_too(self, desk: Desk, tmp_path: Path) -> None:
        save("dev")
        entry = {"credential": "dev/bybit", "decision": "rotate-now", "by": "carol"}
        text = json.dumps({"format": 1, "decisions": [entry]})
        out = str(tmp_path / "review.json")
        assert run_process("review", "--decide", "-", "--sign", "--out", out, stdin=text).code == 0
        (row,) = call("review").json["review"]["rows"]
        assert (row["promise"]["decision"], row["flags"]) == ("rotate-now", ["promise-open"]) or "promise-open" in row[
            "flags"
        ]

    def test_without_decisions_what_is_overdue_is_not_signed(self, tmp_path: Path) -> None:
        ran = call("review", "--demo", "--env", "dev", "--sign", "--out", str(tmp_path / "r.json"))
        assert (ran.code, ran.json["code"], ran.json["path"]) == (1, "review", "dev/kraken")

    def test_a_review_alone_changes_nothing_and_reads_no_value(self, desk: Desk) -> None:
        save("dev")
        before = len(operations(desk))
        assert call("review", "--check-dates").code == 0
        done = set(operations(desk)[before:])
        assert done <= {
            "ListSecrets",
            "DescribeSecret",
            "ListSecretVersionIds",
            "GetSecretValue",
            "BatchGetSecretValue",
        }
        read = [
            seen.names
            for seen in desk.server.calls()[before:]
            if seen.operation in ("GetSecretValue", "BatchGetSecretValue")
        ]
        assert read
        assert all("/_freeze" in name or "/_review" in name for names in read for name in names)

    def test_ci_reviews_prod_and_does_not_sign_it(
        self, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.settle("prod")
        save("prod")
        # The server is on this machine, where CI may do what it likes; so it is made to look like the real one.
        def as_if_real(
            environment: str, backend: str, _: str | None, variables: Mapping[str, str], markers: Sequence[str] = ()
        ) -> Refused | None:
            return ci_refusal(environment, backend, None, variables, markers or CI_VARIABLES)

        for module in ("service", "stores.opening"):
            monkeypatch.setattr(f"secrets_core.{module}.ci_refusal", as_if_real)
        for variable in ("GITHUB_ACTIONS", "CI"):
            monkeypatch.setenv(variable, "true")
            assert call("list", "--env", "prod").json["guard"] == "ci"
            ran = call("review", "--env", "prod", "--fail-on", "overdue")
            assert (ran.code, len(ran.json["review"]["rows"])) == (0, 1)
            signed = call("review", "--env", "prod", "--sign", "--write", "prod", "--out", str(tmp_path / "r.json"))
            assert (signed.code, signed.json["guard"]) == (1, "ci")
            assert not (tmp_path / "r.json").exists()
            monkeypatch.delenv(variable)


def test_of_processes_that_sign_at_once_one_wins(desk: Desk, tmp_path: Path) -> None:
    save("dev")
    for turn in range(2):
        outs = [tmp_path / f"{turn}-{number}.json" for number in range(3)]
        rans: list[Ran] = []

        def sign(out: Path, rans: list[Ran] = rans) -> None:
            rans.append(run_process("review", "--env", "dev", "--sign", "--out", str(out)))

        threads = [threading.Thread(target=sign, args=(out,)) for out in outs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [ran for ran in rans if ran.code == 0]
        # Whoever looked after another had signed has simply signed the next one.
        assert won
        assert {ran.json["code"] for ran in rans if ran.code} <= {"conflict"}
        verified = call("review", "--verify", *(str(out) for out in outs if out.exists())).json["files"]
        signed = [each for each in verified if each["environments"]["dev"]["result"] == "signed"]
        assert len(signed) == len(won) == len(verified)


def test_killed_between_the_environments_it_is_finished(desk: Desk, tmp_path: Path) -> None:
    desk.settle("dev", "shadow")
    save("dev")
    save("shadow")
    out = str(tmp_path / "review.json")
    desk.server.faults(Fault("hold", "CreateSecret", "shadow/_review"))
    command = (*PROGRAM, "review", "--sign", "--out", out)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        desk.server.wait_until_held()
        process.send_signal(signal.SIGKILL)
    desk.server.clear_faults()
    half = call("review", "--verify", out)
    assert half.code == 1
    found = half.json["files"][0]["environments"]
    assert {name: entry["result"] for name, entry in found.items()} == {"dev": "signed", "shadow": "not the signed one"}
    assert call("review", "--resume", out).json["signed"] == ["dev", "shadow"]
    assert call("review", "--verify", out).code == 0
    again = call("review", "--resume", out)
    assert (again.code, again.json["signed"]) == (0, ["dev", "shadow"])


def test_one_that_lost_in_some_environments_says_which(desk: Desk, tmp_path: Path) -> None:
    desk.settle("dev", "shadow")
    save("dev")
    save("shadow")
    desk.server.faults(Fault("deny", "CreateSecret", "shadow/_review"))
    out = str(tmp_path / "review.json")
    ran = call("review", "--sign", "--out", out)
    assert (ran.code, ran.json["status"], ran.json["signed"], ran.json["unsigned"]) == (
        1,
        "PARTIAL",
        ["dev"],
        ["shadow"],
    )
    assert ran.json["failed"][0]["code"] == "denied"
    assert "--resume" in ran.err
    desk.server.clear_faults()
    assert call("review", "--resume", out).code == 0


def test_no_value_is_printed(monkeypatch: pytest.MonkeyPatch, canary: Canary, tmp_path: Path) -> None:
    parts = {"api_key": canary.api_key, "api_secret": canary.api_secret, "api_passphrase": canary.api_passphrase}
    seeded(monkeypatch, {"mm-bot/dev/kucoin": parts})
    out = tmp_path / "review"
    for form in ("json", "csv", "markdown", "html", "ics"):
        ran = run_process("review", "--env", "dev", "--format", form, "--out", str(out))
        assert ran.code == 0
        assert canary.leaks_in(ran.everything) == []
        assert canary.leaks_in(out.read_bytes()) == []
        assert canary.leaks_in(run_process("review", "--env", "dev", "--format", form, "--human").everything) == []
