"""Any text as a name either stays inside its environment's prefix or is refused, and a refusal repeats nothing."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secrets_core.errors import InvalidName
from secrets_core.names import (
    CONTROL_RECORDS,
    EMERGENCY,
    FREEZE,
    LEADER,
    PARTS,
    ControlName,
    CredentialRef,
    PartName,
    check_environment,
    check_exchange,
    control_name,
    environment_prefix,
    parse_ref,
    parse_secret_name,
    secret_name,
)
from tests.canary import Canary

AWS_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
"""What Secrets Manager takes as a name (CreateSecret, Name)."""
ENVIRONMENTS = ["dev", "shadow", "soak", "prod", "prod2", "a", "paper-eu-1", "a" * 16, "a-"]
EXCHANGES = ["bybit", "bybit@mm1", "0x", "gate.io", "a_b-c.d", "a" * 32 + "@" + "9" * 32, "emergency", "a..b", "x@y"]
NO_ENVIRONMENTS = ["", "Prod", "1dev", "-dev", "_freeze", "de v", "a" * 17, "dev.eu", "dev@mm1", "dev/bybit"]
NO_EXCHANGES = ["", "@", "bybit@", "@mm1", "a@b@c", "-a", "_freeze", ".hidden", "Bybit", "by bit", "a" * 33, "a@MM"]
LOOK_ALIKES = [
    *("\u0440rod", "pr\u043ed", "\uff50rod", "pro\u217e", "\u017foak", "1\u0663x"),
    *("prod\u200b", "\u202eprod", "prod\u0301"),
]
"""Cyrillic, full width, a Roman numeral, a long s, an Arabic digit; then what is not seen."""
TRICKS = ["..", ".", "../prod", "prod/..", "..\\prod", "%2e%2e", "a/b", "/", "a\0b", "prod\n", "\np", " prod", "prod "]

valid_environments = st.sampled_from(ENVIRONMENTS) | st.from_regex(r"[a-z][a-z0-9-]{0,15}", fullmatch=True)
side = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,31}", fullmatch=True)
valid_exchanges = st.sampled_from(EXCHANGES) | side | st.builds("{}@{}".format, side, side)
hostile = st.sampled_from([*NO_ENVIRONMENTS, *NO_EXCHANGES, *LOOK_ALIKES, *TRICKS]) | st.text(max_size=40)


@given(valid_environments | hostile, valid_exchanges | hostile, st.sampled_from(PARTS) | hostile, st.booleans())
@example("prod", "../dev", LEADER, False)
@example("prod", "bybit", "../_freeze", False)
@example("prod", "bybit", EMERGENCY, True)
def test_any_text_begins_with_its_prefix_or_is_refused(
    environment: str, exchange: str, part: str, emergency: bool
) -> None:
    try:
        ref = CredentialRef(environment, exchange)
        name = secret_name(ref, part, emergency=emergency)
    except InvalidName:
        return
    assert name.startswith(f"mm-bot/{environment}/{exchange}/")
    assert name.startswith(environment_prefix(environment))
    assert name.startswith(f"{ref.base_name}/")
    assert AWS_NAME.fullmatch(name)
    assert not {"", ".", ".."} & set(name.split("/"))
    assert parse_secret_name(name) == PartName(ref, part, emergency)


@given(valid_environments, valid_exchanges)
def test_what_fits_the_rules_is_taken(environment: str, exchange: str) -> None:
    ref = CredentialRef(environment, exchange)
    assert parse_ref(str(ref)) == ref
    assert (ref.venue, ref.account) == (exchange.split("@")[0], exchange.partition("@")[2])
    assert len({secret_name(ref, part, emergency=e) for part in PARTS for e in (True, False)}) == 2 * len(PARTS)


@pytest.mark.parametrize("name", [*NO_ENVIRONMENTS, *LOOK_ALIKES, *TRICKS])
def test_no_environment(name: str) -> None:
    for use in (check_environment, environment_prefix, lambda name: control_name(name, FREEZE)):
        with pytest.raises(InvalidName):
            use(name)
    with pytest.raises(InvalidName):
        CredentialRef(name, "bybit")


@pytest.mark.parametrize("name", [*NO_EXCHANGES, *LOOK_ALIKES, *TRICKS])
def test_no_exchange_and_no_account(name: str) -> None:
    for text in (name, f"bybit@{name}", f"{name}@mm1"):
        with pytest.raises(InvalidName):
            check_exchange(text)
        with pytest.raises(InvalidName):
            CredentialRef("dev", text)


@pytest.mark.parametrize("text", ["", "bybit", "prod", "/", "/bybit", "prod/", "prod/bybit/api_key", "prod bybit"])
def test_no_credential(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_ref(text)


@pytest.mark.parametrize(
    "use",
    [
        check_environment,
        check_exchange,
        parse_ref,
        lambda text: parse_ref(f"dev/{text}"),
        lambda text: secret_name(CredentialRef("dev", "bybit"), text),
        lambda text: control_name("dev", text),
    ],
    ids=["environment", "exchange", "credential", "exchange in a credential", "part", "control record"],
)
def test_a_refusal_repeats_nothing_of_what_was_typed(use: Callable[[str], object], canary: Canary) -> None:
    with pytest.raises(InvalidName) as caught:
        use(canary.api_secret)
    error = caught.value
    found = canary.leaks_in(f"{error} {error.hint} {error.path} {error.args}")
    assert found == []
    assert error.__context__ is None


@given(hostile | st.lists(valid_environments | valid_exchanges | hostile, max_size=5).map("/".join))
@example("mm-bot/dev/_freeze")
@example("mm-bot/dev/_freeze/api_key")
@example("mm-bot/dev/bybit/emergency/api_key")
@example("mm-bot/dev/bybit/emergency")
@example("mm-bot/dev/emergency/api_key")
def test_a_listing_may_hold_any_name_and_what_is_ours_is_read_back_exactly(name: str) -> None:
    for whole in (name, f"mm-bot/{name}", f"mm-bot/prod/{name}", f"mm-bot/prod/{name}/api_key"):
        parsed = parse_secret_name(whole)
        if isinstance(parsed, PartName):
            assert secret_name(parsed.ref, parsed.part, emergency=parsed.emergency) == whole
        elif parsed is not None:
            assert control_name(parsed.environment, parsed.record) == whole


@pytest.mark.parametrize(
    "name",
    [
        "mm-bot",
        "mm-bot/dev",
        "mm-bot/dev/",
        "mm-bot/dev/bybit",
        "mm-bot/dev/bybit/",
        "mm-bot/dev/bybit/api_key/",
        "mm-bot//bybit/api_key",
        "mm-bot/dev//api_key",
        "mm-bot/dev/bybit/token",
        "mm-bot/dev/bybit/API_KEY",
        "mm-bot/dev/_unknown",
        "mm-bot/dev/_freeze/x",
        "mm-bot/dev/bybit/emergency/token",
        "mm-bot/dev/bybit/other/api_key",
        "mm-bot/dev/bybit/emergency/emergency/api_key",
        "mm-bot2/dev/bybit/api_key",
        "/mm-bot/dev/bybit/api_key",
        "MM-BOT/dev/bybit/api_key",
        "mm-bot/dev/grafana/token",
    ],
)
def test_foreign_names_are_no_errors(name: str) -> None:
    assert parse_secret_name(name) is None


def test_control_records_are_told_from_credentials() -> None:
    for record in CONTROL_RECORDS:
        name = control_name("soak", record)
        assert name == f"mm-bot/soak/{record}"
        assert parse_secret_name(name) == ControlName("soak", record)
    with pytest.raises(InvalidName):
        control_name("soak", "_other")


def test_the_emergency_credential_is_another_one_than_an_exchange_of_that_name() -> None:
    emergency = secret_name(CredentialRef("prod", "bybit"), LEADER, emergency=True)
    exchange = secret_name(CredentialRef("prod", EMERGENCY), LEADER)
    assert parse_secret_name(emergency) == PartName(CredentialRef("prod", "bybit"), LEADER, emergency=True)
    assert parse_secret_name(exchange) == PartName(CredentialRef("prod", EMERGENCY), LEADER, emergency=False)


def test_the_prefix_keeps_environments_of_like_names_apart() -> None:
    assert not secret_name(CredentialRef("prod2", "bybit"), LEADER).startswith(environment_prefix("prod"))


def test_a_ref_is_a_value() -> None:
    ref = CredentialRef("prod", "bybit@mm1")
    assert {ref: 1}[CredentialRef("prod", "bybit@mm1")] == 1
    assert sorted([ref, CredentialRef("dev", "okx"), CredentialRef("prod", "binance")])[-1] == ref
    assert pickle.loads(pickle.dumps(ref)) == ref  # noqa: S301 - pickled here
    with pytest.raises(AttributeError):
        ref.exchange = "okx"  # type: ignore[misc]  # the mistake under test
