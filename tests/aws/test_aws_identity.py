"""Who the AWS store acts as, and where: account, region, endpoint, role; a sentence for every identity that fails."""

from __future__ import annotations

import getpass
import hashlib
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import CredentialResolver
from botocore.exceptions import UnknownCredentialError

from secrets_core.clock import utc_now
from secrets_core.errors import (
    CoreError,
    Denied,
    GarbledAnswer,
    IdentityProblem,
    NotFound,
    SettingsError,
    Throttled,
    WrongAccount,
)
from secrets_core.secret import Secret
from secrets_core.stores import aws_session
from secrets_core.stores.aws import AwsOptions, AwsStore
from secrets_core.versions import new_version_id
from tests.aws.opening import Desk
from tests.aws_server.account import ACCOUNT, ADMINISTRATOR, REGION
from tests.aws_server.faults import Fault
from tests.canary import Canary

KEY = "mm-bot/dev/bybit/api_key"


def policy(effect: str, action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": action, "Resource": "*"}}


ALLOW_ALL = policy("Allow", "secretsmanager:*")


@pytest.fixture(autouse=True)
def no_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test when anything asks for input."""

    class Closed:
        def readline(self, *_: object) -> str:
            raise AssertionError("something read from standard input")

    monkeypatch.setattr(sys, "stdin", Closed())
    monkeypatch.setattr(getpass, "getpass", lambda *_: pytest.fail("something asked for a password"))


def problem(store: AwsStore) -> IdentityProblem:
    """Give the identity problem that a read runs into."""
    with pytest.raises(IdentityProblem) as caught:
        store.describe(KEY)
    assert caught.value.hint
    return caught.value


def test_it_tells_who_acts_where(desk: Desk) -> None:
    store = desk.store()
    for _ in range(2):
        identity = store.identity()
        assert (identity.operator, identity.account, identity.region) == (ADMINISTRATOR.arn, ACCOUNT, REGION)
        assert identity.expires_at is None
    assert [call.operation for call in desk.server.calls()] == ["GetCallerIdentity"]


def test_the_pinned_account_is_asked_for_once(desk: Desk) -> None:
    store = desk.store(account_id=ACCOUNT)
    store.create(KEY, new_version_id(utc_now()), Secret("value"))
    store.describe(KEY)
    store.identity()
    assert [call.operation for call in desk.server.calls()] == ["GetCallerIdentity", "CreateSecret", "DescribeSecret"]


def test_another_account_is_refused_before_the_first_call(desk: Desk) -> None:
    store = desk.store(account_id="999999999999")
    for act in (lambda: store.describe(KEY), lambda: store.put(KEY, new_version_id(utc_now()), Secret("v"), ["A"])):
        with pytest.raises(WrongAccount) as caught:
            act()
        assert ACCOUNT in str(caught.value)
        assert "999999999999" in str(caught.value)
    with pytest.raises(WrongAccount):
        store.identity()
    assert desk.operations() == []


def test_a_role_of_another_account_is_refused_without_any_call(desk: Desk) -> None:
    store = desk.store(account_id="999999999999", role_arn=f"arn:aws:iam::{ACCOUNT}:role/operator")
    with pytest.raises(WrongAccount):
        store.describe(KEY)
    assert desk.server.calls() == []


def test_the_account_is_that_of_the_role(desk: Desk) -> None:
    identity = desk.store(role_arn="arn:aws:iam::999999999999:role/operator").identity()
    assert (identity.operator, identity.account) == (ADMINISTRATOR.arn, "999999999999")


def test_an_account_that_cannot_be_confirmed_stops_everything(desk: Desk) -> None:
    store = desk.store(account_id=ACCOUNT)
    desk.server.faults(Fault("throttle", "GetCallerIdentity", count=1), Fault("html", "GetCallerIdentity", count=1))
    with pytest.raises(Throttled):
        store.put(KEY, new_version_id(utc_now()), Secret("value"), ["A"])
    with pytest.raises(GarbledAnswer):
        store.put(KEY, new_version_id(utc_now()), Secret("value"), ["A"])
    assert desk.operations() == []
    with pytest.raises(NotFound):
        store.describe(KEY)


def test_a_role_that_cannot_be_confirmed_stops_everything(desk: Desk) -> None:
    store = desk.store(role_arn=desk.server.role("operator", ALLOW_ALL))
    desk.server.faults(
        Fault("throttle", "AssumeRole", count=1),
        Fault("html", "AssumeRole", count=1),
        Fault("expired", "AssumeRole", count=1),
    )
    for kind in (Throttled, GarbledAnswer, IdentityProblem):
        with pytest.raises(kind):
            store.put(KEY, new_version_id(utc_now()), Secret("value"), ["A"])
    assert desk.operations() == []
    with pytest.raises(NotFound):
        store.describe(KEY)


def test_a_role_is_assumed_at_the_first_call_and_the_operator_stays_who_he_is(desk: Desk) -> None:
    role = desk.server.role("operator", ALLOW_ALL)
    base = desk.server.user("alice", policy("Allow", "sts:*"))
    desk.server.set_enforcement(on=True)
    desk.server.clear_calls()
    store = desk.store(base, role_arn=role, account_id=ACCOUNT)
    store.create(KEY, new_version_id(utc_now()), Secret("value"))
    store.describe(KEY)
    assert [call.operation for call in desk.server.calls()] == ["AssumeRole", "CreateSecret", "DescribeSecret"]
    identity = store.identity()
    assert (identity.operator, identity.account) == (base.arn, ACCOUNT)
    assert identity.expires_at is not None
    assert timedelta(0) < identity.expires_at - utc_now() <= timedelta(hours=1)


def test_a_role_that_may_not_be_assumed(desk: Desk) -> None:
    role = desk.server.role("operator", ALLOW_ALL)
    nobody = desk.server.user("nobody", policy("Deny", "*"))
    desk.server.set_enforcement(on=True)
    error = problem(desk.store(nobody, role_arn=role))
    assert "AssumeRole" in str(error)
    assert "role_arn" in error.hint


def test_the_end_of_a_session_is_told_where_it_is_known(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    end = utc_now().replace(microsecond=0) + timedelta(hours=2)
    for name, value in desk.server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CREDENTIAL_EXPIRATION", end.isoformat())
    assert desk.store(None).identity().expires_at == end


def test_an_expired_session_is_named_and_a_renewed_one_is_taken(desk: Desk) -> None:
    store = desk.store(account_id=ACCOUNT)
    store.identity()
    desk.server.faults(Fault("expired", "DescribeSecret", count=1))
    error = problem(store)
    assert "expired" in str(error)
    assert "aws sso login --profile user-" in error.hint
    desk.server.clear_calls()
    with pytest.raises(NotFound):
        store.describe(KEY)
    # Whoever is logged in now is checked again.
    assert [call.operation for call in desk.server.calls()] == ["GetCallerIdentity", "DescribeSecret"]


def test_keys_that_aws_does_not_know(desk: Desk) -> None:
    stranger = type(ADMINISTRATOR)("AKIAI44QH8DHBEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY")
    wrong = type(ADMINISTRATOR)(ADMINISTRATOR.access_key_id, "not-the-right-secret-access-key-at-all")
    desk.server.set_enforcement(on=True)
    assert "does not accept" in str(problem(desk.store(stranger)))
    assert "signature" in str(problem(desk.store(None, profile=desk.profile("wrong", wrong))))


def test_no_identity_at_all(desk: Desk) -> None:
    error = problem(desk.store(None))
    assert "no AWS identity" in str(error)
    assert "aws sso login" in error.hint
    assert desk.server.calls() == []


def test_an_unknown_profile(desk: Desk) -> None:
    assert "There is no AWS profile nowhere." in str(problem(desk.store(None, profile="nowhere")))


@pytest.mark.parametrize("net", ["look", "prompter"])
@pytest.mark.parametrize("chain", ["itself", "itself, with keys", "its source"])
def test_a_profile_that_wants_a_code_is_told_so_and_nothing_asks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, chain: str, net: str
) -> None:
    # Two nets, each alone: the look into the profile, and the refusal of botocore's own question.
    if net == "prompter":
        monkeypatch.setattr(aws_session, "_wants_mfa", lambda *_: False)
    else:

        def no_such_provider(_resolver: CredentialResolver, name: str) -> None:
            raise UnknownCredentialError(name=name)

        monkeypatch.setattr(CredentialResolver, "get_provider", no_such_provider)
    keys = desk.profile("asks" if chain == "itself, with keys" else "keys", ADMINISTRATOR)
    mfa = f"mfa_serial = arn:aws:iam::{ACCOUNT}:mfa/alice"
    role = f"role_arn = arn:aws:iam::{ACCOUNT}:role/operator"
    desk.config(f"[profile asks]\n{role}\n{mfa}\nsource_profile = {keys}")
    desk.config(f"[profile over]\n{role}\nsource_profile = asks")
    name = "over" if chain == "its source" else "asks"
    error = problem(desk.store(None, profile=name))
    assert "MFA" in str(error)
    assert name in str(error)
    assert desk.server.calls() == []


def test_a_source_profile_that_has_keys_is_not_asked_for_a_code(desk: Desk, loopback_only: list[str]) -> None:
    role = f"role_arn = arn:aws:iam::{ACCOUNT}:role/operator"
    desk.config(f"[profile {desk.profile('both', ADMINISTRATOR)}]\n{role}\nmfa_serial = x\nsource_profile = both")
    desk.config(f"[profile over]\n{role}\nsource_profile = both")
    with pytest.raises(CoreError, match="did not answer"):
        desk.store(None, profile="over").describe(KEY)
    # It went on to assume the role, with the keys.
    assert set(loopback_only) == {"look-up of sts.us-east-1.amazonaws.com"}
    loopback_only.clear()


def test_a_profile_with_a_code_is_no_matter_when_keys_are_in_the_environment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.config("[profile asks]\nrole_arn = arn:aws:iam::1:role/x\nmfa_serial = y\nsource_profile = asks")
    monkeypatch.setenv("AWS_PROFILE", "asks")
    for name, value in desk.server.environment().items():
        if "FILE" not in name:
            monkeypatch.setenv(name, value)
    assert desk.store(None).identity().operator == ADMINISTRATOR.arn


@pytest.mark.parametrize("token", ["absent", "expired"])
@pytest.mark.parametrize("style", ["session", "legacy"])
def test_a_login_that_is_absent_or_over(desk: Desk, tmp_path: Path, token: str, style: str) -> None:
    common = "sso_account_id = 123456789012\nsso_role_name = operator\n"
    where = "sso_start_url = https://desk.awsapps.com/start\nsso_region = us-east-1\n"
    if style == "session":
        desk.config(f"[profile desk]\nsso_session = desk\n{common}[sso-session desk]\n{where}")
    else:
        desk.config(f"[profile desk]\n{common}{where}")
    if token == "expired":
        key = "desk" if style == "session" else "https://desk.awsapps.com/start"
        file_name = f"{hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()}.json"
        cache = tmp_path / ".aws" / "sso" / "cache" / file_name
        cache.parent.mkdir(parents=True)
        content = {"accessToken": "x", "expiresAt": "2020-01-01T00:00:00Z", "region": "us-east-1"}
        cache.write_text(json.dumps({**content, "startUrl": "https://desk.awsapps.com/start"}))
    error = problem(desk.store(None, profile="desk"))
    assert "not logged in" in str(error)
    assert "aws sso login --profile desk" in error.hint


def test_a_failing_credential_process_is_named_and_what_it_prints_is_not_shown(desk: Desk, canary: Canary) -> None:
    desk.config(f"[profile broken]\ncredential_process = sh -c 'echo {canary.api_secret} >&2; exit 1'")
    error = problem(desk.store(None, profile="broken"))
    assert "broken" in str(error)
    assert not canary.leaks_in(f"{error!r} {error.hint}")


def test_a_broken_aws_file(desk: Desk) -> None:
    desk.config("this is no configuration")
    assert "ConfigParseError" in str(problem(desk.store(None, profile="x")))


@pytest.mark.parametrize(
    ("option", "variables", "profile", "region"),
    [
        ("eu-west-1", {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-north-1", "eu-west-1"),
        (None, {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-north-1", "eu-west-2"),
        (None, {"AWS_DEFAULT_REGION": "eu-west-3"}, "eu-north-1", "eu-west-3"),
        (None, {}, "eu-north-1", "eu-north-1"),
        (None, {}, None, "us-east-1"),
    ],
    ids=["option", "variable", "default-variable", "profile", "none"],
)
def test_where_the_region_comes_from(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    option: str | None,
    variables: dict[str, str],
    profile: str | None,
    region: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if profile is not None:
        desk.config(f"[profile {desk.profile('there', ADMINISTRATOR)}]\nregion = {profile}")
    store = desk.store(None, profile=desk.profile("there", ADMINISTRATOR), region=option)
    assert store.identity().region == region
    noticed = [notice for notice in store.notices if "us-east-1" in notice]
    assert len(noticed) == (1 if region == "us-east-1" else 0)


def test_a_region_that_cannot_be_one(desk: Desk) -> None:
    with pytest.raises(SettingsError) as caught:
        desk.store(region="not a region").describe(KEY)
    assert caught.value.path == "region"


def test_configured_endpoints_are_ignored_and_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    name = desk.profile("there", ADMINISTRATOR)
    desk.config(f"[profile {name}]\nservices = mine")
    desk.config("[services mine]\nsecretsmanager =\n  endpoint_url = http://127.0.0.1:1")
    role = desk.server.role("operator", ALLOW_ALL)
    store = desk.store(None, profile=name, role_arn=role)
    with pytest.raises(NotFound):
        store.describe(KEY)
    assert store.identity().operator == ADMINISTRATOR.arn
    (notice,) = store.notices
    for named in ("AWS_ENDPOINT_URL,", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_STS", "AWS profile"):
        assert named in notice


def test_without_an_endpoint_the_variables_do_not_lead_anywhere_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, loopback_only: list[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", desk.server.endpoint)
    store = desk.store(account_id=ACCOUNT, endpoint_url=None, region="eu-west-1")
    with pytest.raises(CoreError, match="did not answer"):
        store.describe(KEY)
    assert desk.server.calls() == []
    # The refused look-up proves where it went: to STS proper.
    assert set(loopback_only) == {"look-up of sts.eu-west-1.amazonaws.com"}
    loopback_only.clear()


def test_an_endpoint_elsewhere_serves_secrets_manager_alone(desk: Desk, loopback_only: list[str]) -> None:
    link = "https://vpce-0a1b.secretsmanager.eu-west-1.vpce.amazonaws.com"
    for pinned in (None, ACCOUNT):
        with pytest.raises(CoreError, match="did not answer"):
            desk.store(endpoint_url=link, region="eu-west-1", account_id=pinned).describe(KEY)
    assert list(dict.fromkeys(loopback_only)) == [
        "look-up of vpce-0a1b.secretsmanager.eu-west-1.vpce.amazonaws.com",
        "look-up of sts.eu-west-1.amazonaws.com",
    ]
    loopback_only.clear()


def test_no_proxy_sees_what_goes_to_this_machine(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(NotFound):
        desk.store(account_id=ACCOUNT).describe(KEY)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5000",
        "http://127.5.5.5",
        "http://localhost:5000/",
        "http://[::1]:5000",
        "https://127.0.0.1:5000",
        "https://vpce-0a1b.secretsmanager.eu-west-1.vpce.amazonaws.com",
    ],
)
def test_endpoints_that_count(url: str) -> None:
    assert AwsOptions(endpoint_url=url).endpoint_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://10.0.0.1:5000",
        "http://0.0.0.0:5000",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "https://user@example.com",
        "https://",
        "https://example.com:0",
        "https://example.com:99999",
        "https://example.com/?x=1",
        "ftp://127.0.0.1",
        "127.0.0.1:5000",
        "",
    ],
)
def test_endpoints_that_are_refused(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        AwsOptions(endpoint_url=url)
    assert caught.value.path == "endpoint_url"


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"account_id": "12345"}, "account_id"),
        ({"account_id": "12345678901x"}, "account_id"),
        ({"role_arn": "operator"}, "role_arn"),
        ({"role_arn": f"arn:aws:iam::{ACCOUNT}:user/alice"}, "role_arn"),
    ],
)
def test_options_that_cannot_be_right(options: dict[str, Any], path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        AwsOptions(**options)
    assert caught.value.path == path


def test_a_denial_is_not_an_identity_problem(desk: Desk) -> None:
    nobody = desk.server.user("nobody", policy("Deny", "*"))
    desk.server.set_enforcement(on=True)
    with pytest.raises(Denied):
        desk.store(nobody).describe(KEY)
