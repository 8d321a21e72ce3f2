"""What a bot imports: the functions of the package, and where they read from."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import secrets_core
from secrets_core import CredentialRef, Secret, SecretProvider, aget_api_credentials, clear_cache, watch
from secrets_core.errors import InvalidName, NotFound, Refused, SettingsError, Unsupported
from secrets_core.provider import get_api_credentials, get_secret_provider
from tests.canary import Canary
from tests.project.checkout import ROOT


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    clear_cache()
    yield
    clear_cache()


async def test_the_asynchronous_form_reads_the_same_entry(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(monkeypatch, canary)
    credentials = await aget_api_credentials("dev", "bybit")
    assert await aget_api_credentials(exchange="bybit", environment="dev") is credentials
    assert get_api_credentials("dev", "bybit") is credentials
    with pytest.raises(NotFound) as caught:
        await aget_api_credentials("dev", "kraken")
    assert caught.value.__context__ is None


def seed(monkeypatch: pytest.MonkeyPatch, canary: Canary, environment: str = "dev") -> None:
    monkeypatch.setenv(
        "MM_FAKE_SECRETS_JSON",
        f'{{"mm-bot/{environment}/bybit": {{"api_key": "{canary.api_key}", "api_secret": "{canary.api_secret}"}}}}',
    )


def test_the_module_functions_default_to_memory_and_read_variables_again_after_clear_cache(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound):
        get_api_credentials("dev", "bybit")
    seed(monkeypatch, canary)
    with pytest.raises(NotFound):
        get_api_credentials("dev", "bybit")
    clear_cache()
    first = get_api_credentials("dev", "bybit")
    assert first.api_key == Secret(canary.api_key)
    assert secrets_core.get_api_credentials(exchange="bybit", environment="dev") is first
    monkeypatch.setenv("MM_ENV", "shadow")
    assert get_api_credentials("dev", "bybit") is first, "the binding is checked at load, not per hit"
    clear_cache()
    with pytest.raises(Refused):
        get_api_credentials("dev", "bybit")


def test_the_backend_is_argument_then_variable_then_settings_then_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert get_secret_provider("dev").store.backend == "memory"
    clear_cache()
    config = tmp_path / "config.toml"
    config.write_text('[environments.dev]\nbackend = "aws"\n[environments.shadow]\nlegacy_pairs = "refuse"\n')
    monkeypatch.setenv("MM_SECRETS_CONFIG", str(config))
    assert get_secret_provider("dev").store.backend == "aws"
    clear_cache()
    monkeypatch.setenv("SECRETS_BACKEND", "memory")
    assert get_secret_provider("dev").store.backend == "memory"
    assert get_secret_provider("dev", backend="aws").store.backend == "aws"
    assert get_secret_provider("shadow").reader("shadow").policy.legacy_pairs == "refuse"
    clear_cache()
    monkeypatch.setenv("SECRETS_BACKEND", "vualt")
    with pytest.raises(SettingsError):
        get_api_credentials("dev", "bybit")
    monkeypatch.setenv("SECRETS_BACKEND", "vault")
    with pytest.raises(Unsupported):
        get_api_credentials("dev", "bybit")


SERVED: dict[str, Callable[[SecretProvider, str], object]] = {
    "get": lambda provider, name: provider.get_api_credentials(name, "bybit"),
    "get the key": lambda provider, name: provider.get_api_key(name, "bybit"),
    "for risk reduction": lambda provider, name: provider.for_risk_reduction(name, "bybit"),
    "save": lambda provider, name: provider.save_credentials(name, "kraken", "k" * 56, "czNjcjN0" * 11),
    "rotate": lambda provider, name: provider.rotate_credentials(name, "bybit", "k" * 18, "s" * 36),
    "list": lambda provider, name: provider.list_credentials(name),
    "delete": lambda provider, name: provider.delete_credentials(name, "bybit"),
    "reader": lambda provider, name: provider.reader(name),
    "watch": lambda provider, name: watch(name, "bybit", provider=provider),
}


@pytest.mark.parametrize("verb", SERVED)
def test_a_provider_serves_no_other_environment_than_it_was_opened_for(
    verb: str, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(monkeypatch, canary, "soak")
    soak = get_api_credentials("soak", "bybit")  # is at hand now, for whoever asks
    dev = get_secret_provider("dev")
    with pytest.raises(Refused, match="opened for dev") as caught:
        SERVED[verb](dev, "soak")
    assert caught.value.guard == "bound"
    assert 'get_secret_provider("soak")' in caught.value.hint
    assert get_api_credentials("soak", "bybit") is soak
    with pytest.raises(InvalidName):
        SERVED[verb](dev, "No Name")


def test_a_provider_lists_the_environment_that_it_was_opened_for(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(monkeypatch, canary, "soak")
    assert get_secret_provider("dev").list_credentials() == []
    assert get_secret_provider("soak").list_credentials() == [CredentialRef("soak", "bybit")]
    by_hand = SecretProvider(get_secret_provider("dev").store)
    assert by_hand.list_credentials() == [CredentialRef("soak", "bybit")], "made by hand it serves all"


def test_a_bare_ci_warns_and_a_ci_system_is_refused(
    canary: Canary, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SECRETS_BACKEND", "aws")
    monkeypatch.setenv("CI", "true")
    get_secret_provider("prod")
    assert "CI is set" in caplog.text
    clear_cache()
    monkeypatch.setenv("GITLAB_CI", "true")
    with pytest.raises(Refused) as caught:
        get_secret_provider("prod")
    assert caught.value.guard == "ci"


def test_bad_seed_json_is_an_error_that_does_not_show_it(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MM_FAKE_SECRETS_JSON", f'{{"mm-bot/dev/bybit/api_key": "{canary.api_key}"')
    with pytest.raises(SettingsError) as caught:
        get_api_credentials("dev", "bybit")
    assert not canary.leaks_in(f"{caught.value!r}{caught.value.__dict__}{caught.value.__context__!r}")


def test_a_retired_provider_hands_nothing_to_those_who_come_after_it(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(monkeypatch, canary)
    before = get_secret_provider("dev")
    clear_cache()
    other = Canary.make()
    seed(monkeypatch, other)
    before.get_api_credentials("dev", "bybit")
    assert get_api_credentials("dev", "bybit").api_key == Secret(other.api_key)


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert secrets_core.__version__ == project["version"]


def test_the_public_names_are_all_there() -> None:
    for name in secrets_core.__all__:
        assert getattr(secrets_core, name) is not None
    assert set(secrets_core.__all__) <= set(dir(secrets_core))
    with pytest.raises(AttributeError):
        _ = secrets_core.no_such_name  # type: ignore[attr-defined]  # that is the test


def test_a_mistyped_environment_never_ends_in_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[environments.dev]\nbackend = "aws"\n[environments.prod]\nbackend = "aws"\n')
    monkeypatch.setenv("MM_SECRETS_CONFIG", str(file))
    with pytest.raises(SettingsError) as caught:
        get_api_credentials("prd", "bybit")
    assert "prod" in caught.value.hint
