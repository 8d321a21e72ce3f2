"""The policies of ``docs/review.md`` suffice for what the page says, on a server that evaluates them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from secrets_core.errors import Denied
from secrets_core.names import API_KEY, API_SECRET, CredentialRef, secret_name
from secrets_core.policy import default_policy
from secrets_core.review.decisions import decide, parse_decisions
from secrets_core.review.population import build, look
from secrets_core.review.signing import sign
from secrets_core.secret import Secret
from secrets_core.service import Service
from secrets_core.settings import EnvironmentSettings, Settings
from secrets_core.stores.aws import AwsStore
from secrets_core.tags import EXTEND
from secrets_core.versions import new_version_id
from tests.aws.opening import Desk as AwsDesk
from tests.aws_server.account import ACCOUNT, ADMINISTRATOR, REGION, Credentials
from tests.aws_server.process import AwsServer
from tests.canary import Canary
from tests.pairs.support import START, MovableClock
from tests.review.support import GRANT, file_of

PAGES = Path(__file__).parents[2] / "docs"
REF = CredentialRef("prod", "kraken")


def statements(page: str, name: str) -> list[dict[str, Any]]:
    """Give the statements that a page documents under this name, with the test account's ARNs."""
    text = (PAGES / page).read_text("utf-8")
    found = re.search(rf"<!-- policy: {name} -->\n```json\n(.*?)```", text, re.DOTALL)
    assert found, f"{page} documents no policy {name}"
    policy = json.loads(found[1].replace("eu-west-1:123456789012", f"{REGION}:{ACCOUNT}"))
    listed: list[dict[str, Any]] = policy["Statement"]
    return listed


class Place:
    """prod on the server, with one credential that is overdue."""

    def __init__(self, server: AwsServer, folder: Path, monkeypatch: pytest.MonkeyPatch, canary: Canary) -> None:
        self.server = server
        self.clock = MovableClock(START + timedelta(days=100))
        self.opener = AwsDesk(server, folder, monkeypatch)
        store = self.opener.store()
        version = new_version_id(START)
        for part, value in ((API_SECRET, canary.api_secret), (API_KEY, canary.api_key)):
            store.create(secret_name(REF, part), version, Secret(value))
        server.set_enforcement(True)

    def service(self, *policies: tuple[str, str]) -> tuple[Service, AwsStore]:
        """Act with these documented rights together."""
        joined = {"Version": "2012-10-17", "Statement": [each for policy in policies for each in statements(*policy)]}
        user: Credentials = self.server.user("-".join(name for _, name in policies), joined)
        assert user.access_key_id != ADMINISTRATOR.access_key_id
        store = self.opener.store(user)
        settings = Settings(environments={"prod": EnvironmentSettings("prod", default_policy("prod"))})
        service = Service(settings, variables={}, backend="aws", clock=self.clock, open_environment=lambda _: store)
        return service, store


@pytest.fixture
def place(aws_server: AwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, canary: Canary) -> Place:
    return Place(aws_server, tmp_path, monkeypatch, canary)


def test_a_reviewer_looks_and_neither_reads_nor_signs(place: Place) -> None:
    service, store = place.service(("review.md", "reviewer"))
    review = build([look(service, "prod")], place.clock())
    assert (review.complete, [row.credential for row in review.rows]) == (True, [str(REF)])
    decisions = parse_decisions(file_of({REF: {"decision": "rotate-now"}}))
    service.lift_read_only("prod")
    with pytest.raises(Denied):
        service.sign_review("prod", sign(decide(review, decisions), decisions))
    with pytest.raises(Denied):
        store.get_secret_value(secret_name(REF, API_KEY))


@pytest.mark.parametrize(
    "policies",
    [(("review.md", "reviewer"), ("review.md", "signer")), (("security.md", "operator"),)],
    ids=["signer", "operator"],
)
def test_a_signer_signs_twice_and_tags(place: Place, policies: tuple[tuple[str, str], ...]) -> None:
    service, store = place.service(*policies)
    service.lift_read_only("prod")
    for number in (1, 2):
        until = str(place.clock().date() + timedelta(days=number + 5))
        decisions = parse_decisions(file_of({REF: {**GRANT, "until": until}}))
        signed = sign(decide(build([look(service, "prod")], place.clock()), decisions), decisions)
        recorded = service.sign_review("prod", signed)
        assert (recorded.new, recorded.notices) == (True, ())
        held = service.last_review("prod")
        assert held is not None
        assert held.record.number == number
        assert f"n={number} " in store.describe(secret_name(REF, API_KEY)).tags[EXTEND]
    with pytest.raises(Denied):
        store.get_secret_value(secret_name(REF, API_KEY))
