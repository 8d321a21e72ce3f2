"""Filling the memory store from MM_FAKE_SECRETS_JSON; what its stores do otherwise is in tests/stores."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_core.errors import InvalidValue, SettingsError
from secrets_core.names import CredentialRef
from secrets_core.pairs import PairState, inspect, read_pair
from secrets_core.secret import Secret
from secrets_core.stores.memory import MemoryStore, load_seed, local_operator
from secrets_core.versions import version_time
from tests.canary import Canary
from tests.pairs.support import START, no_sleep

BYBIT, KUCOIN = CredentialRef("dev", "bybit@mm1"), CredentialRef("prod", "kucoin")
FLAT = {
    "mm-bot/dev/bybit@mm1/api_key": "k-1",
    "mm-bot/dev/bybit@mm1/api_secret": "s-1",
    "mm-bot/prod/kucoin/api_key": "k-2",
    "mm-bot/prod/kucoin/api_secret": "s-2",
    "mm-bot/prod/kucoin/api_passphrase": "p-2",
    "mm-bot/prod/bybit/emergency/api_key": "e-1",
    "mm-bot/prod/bybit/emergency/api_secret": "e-2",
    "mm-bot/prod/bybit/api_key": "k-3",
    "mm-bot/dev/_freeze": '{"format":1}',
    "grafana/token": "t-1",
    "mm-bot/dev": "t-2",
}
NESTED: dict[str, Any] = {
    "mm-bot/dev/bybit@mm1": {"api_key": "k-1", "api_secret": "s-1"},
    "mm-bot/prod/kucoin": {"api_key": "k-2", "api_secret": "s-2", "api_passphrase": "p-2"},
    "mm-bot/prod/bybit": {"emergency/api_key": "e-1", "emergency/api_secret": "e-2", "api_key": "k-3"},
    "mm-bot/dev/_freeze": '{"format":1}',
    "grafana": {"token": "t-1"},
    "mm-bot/dev": "t-2",
}


def seeded(seed: object) -> MemoryStore:
    store = MemoryStore(lambda: START, operator="alice@desk")
    load_seed(store, seed if isinstance(seed, str) else json.dumps(seed), lambda: START)
    return store


@pytest.mark.parametrize("seed", [FLAT, NESTED], ids=["flat", "nested"])
def test_every_value_is_there(seed: dict[str, Any]) -> None:
    store = seeded(seed)
    assert {name: store.get_secret_value(name).reveal() for name in store.list_secrets()} == FLAT


@pytest.mark.parametrize("seed", [FLAT, NESTED], ids=["flat", "nested"])
def test_the_parts_of_a_credential_are_one_version_of_ours(seed: dict[str, Any]) -> None:
    store = seeded(seed)
    for ref in (BYBIT, KUCOIN):
        parts, found = inspect(store, ref)
        assert found.state is PairState.PAIRED
        assert found.version_id is not None
        assert version_time(found.version_id) == START
        assert len({metadata.current for metadata in parts.values() if metadata}) == 1
        assert read_pair(store, ref, sleep=no_sleep).state is PairState.PAIRED


def test_no_two_credentials_share_a_version() -> None:
    store = seeded(FLAT)
    names = ("mm-bot/dev/bybit@mm1/api_key", "mm-bot/prod/kucoin/api_key", "mm-bot/prod/bybit/api_key")
    emergency = "mm-bot/prod/bybit/emergency/api_key"
    assert len({store.describe(name).current for name in (*names, emergency)}) == 4


def test_an_empty_object_fills_nothing() -> None:
    assert seeded({}).list_secrets() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "{",
        "null",
        "1",
        '"text"',
        "[]",
        '["mm-bot/dev/bybit/api_key"]',
        "[" * 60_000,
        '{"a":' * 60_000,
    ],
    ids=range(10),
)
def test_what_is_no_object_is_an_error_that_says_so(text: str) -> None:
    with pytest.raises(SettingsError, match="MM_FAKE_SECRETS_JSON is not one JSON object") as caught:
        seeded(text)
    assert "mm-bot/dev/bybit/api_key" in caught.value.hint
    assert caught.value.path == "MM_FAKE_SECRETS_JSON"


@pytest.mark.parametrize("value", [None, 1, True, "", [], ["a"], {"api_key": None}, {"api_key": ""}, {"a": {"b": "c"}}])
def test_a_value_that_is_no_text_is_an_error_that_says_so(value: object) -> None:
    with pytest.raises(SettingsError, match="every value is a non-empty text"):
        seeded({"mm-bot/dev/bybit/api_key": "fine", "mm-bot/dev/okx": value})


def test_a_value_that_no_store_takes_is_refused() -> None:
    with pytest.raises(InvalidValue) as caught:
        seeded({"mm-bot/dev/bybit/api_key": "x" * 65_537})
    assert caught.value.path == "mm-bot/dev/bybit/api_key"


@pytest.mark.parametrize("shape", ["cut", "list", "number inside", "too long"])
def test_no_error_shows_the_text(shape: str, canary: Canary) -> None:
    whole = json.dumps({"mm-bot/dev/bybit/api_key": canary.api_key, "mm-bot/dev/bybit/api_secret": canary.api_secret})
    seed = {
        "cut": whole[:-1],
        "list": f"[{whole}]",
        "number inside": f'{whole[:-1]},"x":1}}',
        "too long": json.dumps({"mm-bot/dev/bybit/api_key": canary.api_key * 3000}),
    }[shape]
    with pytest.raises((SettingsError, InvalidValue)) as caught:
        seeded(seed)
    found = canary.leaks_in(f"{caught.value} {caught.value.__dict__}")
    assert found == []
    assert caught.value.__context__ is None


nested = st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner))


@given(st.text(max_size=60) | nested.map(json.dumps))
def test_any_text_fills_or_is_refused(text: str) -> None:
    try:
        store = seeded(text)
    except SettingsError:
        return
    assert all(store.get_secret_value(name) for name in store.list_secrets())


def test_the_operator_has_a_name() -> None:
    user, at, host = local_operator().partition("@")
    assert user
    assert at
    assert host
    assert MemoryStore().identity().operator == local_operator()


def test_a_store_of_its_own_keeps_nothing_of_another() -> None:
    first = seeded(FLAT)
    assert MemoryStore().list_secrets() == []
    assert first.get_secret_value("grafana/token") == Secret("t-1")
