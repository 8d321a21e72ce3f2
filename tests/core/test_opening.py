"""Which backend an environment gets, and who gets none."""

from __future__ import annotations

from typing import Any

import pytest

from secrets_core.errors import Refused, SettingsError, Unsupported
from secrets_core.policy import default_policy
from secrets_core.secret import Secret
from secrets_core.settings import EnvironmentSettings
from secrets_core.stores.memory import MemoryStore
from secrets_core.stores.opening import choose_backend, open_store
from tests.canary import Canary
from tests.pairs.support import START


def environment(name: str = "dev", **more: Any) -> EnvironmentSettings:
    return EnvironmentSettings(name, default_policy(name), **more)


@pytest.mark.parametrize(
    ("argument", "variable", "file", "chosen"),
    [
        ("memory", "aws", "vault", "memory"),
        (None, "aws", "vault", "aws"),
        (None, None, "vault", "vault"),
        (None, "", "aws", "aws"),
        ("", "", None, "memory"),
        (None, None, None, "memory"),
    ],
)
def test_argument_before_variable_before_settings_before_memory(
    argument: str | None, variable: str | None, file: str | None, chosen: str
) -> None:
    variables = {} if variable is None else {"SECRETS_BACKEND": variable}
    assert choose_backend(environment(backend=file), variables, argument) == chosen


@pytest.mark.parametrize("name", ["AWS", "aws ", "demo", "sqlite"])
def test_an_unknown_backend_is_an_error_and_never_another_one(name: str, canary: Canary) -> None:
    for variables, argument, source in (({}, name, "--backend"), ({"SECRETS_BACKEND": name}, None, "SECRETS_BACKEND")):
        with pytest.raises(SettingsError) as caught:
            open_store(environment(backend="memory"), variables=variables, backend=argument)
        assert source in caught.value.message
        assert "memory, vault, aws" in caught.value.hint
    with pytest.raises(SettingsError) as caught:
        choose_backend(environment(), {"SECRETS_BACKEND": canary.api_secret})
    found = canary.leaks_in(f"{caught.value} {caught.value.__dict__}")
    assert found == []


def test_memory_is_filled_from_the_variable() -> None:
    seed = '{"mm-bot/dev/bybit": {"api_key": "k", "api_secret": "s"}}'
    store = open_store(environment(), variables={"MM_FAKE_SECRETS_JSON": seed}, clock=lambda: START)
    assert isinstance(store, MemoryStore)
    assert store.get_secret_value("mm-bot/dev/bybit/api_secret") == Secret("s")
    assert store.describe("mm-bot/dev/bybit/api_key").created_at == START
    assert open_store(environment(), variables={}).list_secrets() == []


def test_only_memory_is_filled_from_the_variable() -> None:
    with pytest.raises(Unsupported, match="vault"):
        open_store(environment(backend="vault"), variables={"MM_FAKE_SECRETS_JSON": "no json"})


def test_a_ci_job_opens_no_prod_but_any_memory() -> None:
    variables = {"GITHUB_ACTIONS": "true"}
    for backend in ("aws", "vault"):
        with pytest.raises(Refused) as caught:
            open_store(environment("prod"), variables=variables, backend=backend)
        assert caught.value.guard == "ci"
    assert open_store(environment("prod"), variables=variables, backend="memory").backend == "memory"


def test_the_aws_store_gets_what_settings_say_and_calls_nothing() -> None:
    store = open_store(
        environment("shadow", region="eu-west-1", account_id="012345678901", endpoint_url="http://127.0.0.1:9"),
        variables={},
        backend="aws",
        patience="console",
    )
    assert store.backend == "aws"
