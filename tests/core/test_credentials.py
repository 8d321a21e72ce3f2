"""APICredentials are built in one way, and neither printing, dumping, copying nor misusing them shows a value."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
import traceback
from collections.abc import Callable
from typing import Any

import pydantic
import pydantic_core
import pytest

from secrets_core.credentials import APICredentials
from secrets_core.errors import Incomplete, InvalidName
from secrets_core.exchanges import catalogue, find, parts_of
from secrets_core.names import API_KEY, API_PASSPHRASE, API_SECRET, CredentialRef
from secrets_core.secret import HIDDEN, Secret
from tests.canary import Canary

TWO = CredentialRef("prod", "bybit@mm1")
THREE = CredentialRef("prod", "kucoin")
VERSION = "01972b5c-ee00-73b7-8000-000000000007"


def values(ref: CredentialRef, canary: Canary) -> dict[str, Secret]:
    typed = {API_KEY: canary.api_key, API_SECRET: canary.api_secret, API_PASSPHRASE: canary.api_passphrase}
    return {part: Secret(typed[part]) for part in parts_of(ref.exchange)}


@pytest.fixture(params=[TWO, THREE], ids=["two parts", "three parts"])
def credentials(request: pytest.FixtureRequest, canary: Canary) -> APICredentials:
    return APICredentials.of(request.param, values(request.param, canary), VERSION)


class Order(pydantic.BaseModel):
    """A bot's own model."""

    account: APICredentials
    size: int = 1


def test_it_holds_what_it_was_built_of(canary: Canary) -> None:
    made = APICredentials.of(THREE, values(THREE, canary), VERSION)
    assert (made.environment, made.exchange, made.version_id) == ("prod", "kucoin", VERSION)
    assert made.api_key.reveal() == canary.api_key
    assert made.api_secret.reveal() == canary.api_secret
    assert made.api_passphrase is not None
    assert made.api_passphrase.reveal() == canary.api_passphrase
    assert APICredentials.of(TWO, values(TWO, canary), None).version_id is None


@pytest.mark.parametrize("missing", [API_KEY, API_SECRET, API_PASSPHRASE])
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_a_part_that_is_missing_is_named(missing: str, how: str, canary: Canary) -> None:
    given = values(THREE, canary)
    if how == "absent":
        del given[missing]
    else:
        given[missing] = Secret("")
    with pytest.raises(Incomplete, match=missing) as caught:
        APICredentials.of(THREE, given, VERSION)
    assert caught.value.path == "prod/kucoin"
    assert all(part not in caught.value.message for part in given if part != missing)


def test_a_value_that_is_no_secret_is_refused_without_showing_it(canary: Canary) -> None:
    plain: Any = {part: value.reveal() for part, value in values(TWO, canary).items()}
    with pytest.raises(Incomplete) as caught:
        APICredentials.of(TWO, plain, VERSION)
    found = canary.leaks_in(f"{caught.value} {caught.value.args} {caught.value.__dict__}")
    assert found == []


def test_a_part_that_the_exchange_does_not_have_is_left_out(canary: Canary) -> None:
    made = APICredentials.of(TWO, {**values(TWO, canary), API_PASSPHRASE: Secret("left over")}, VERSION)
    assert made.api_passphrase is None
    assert set(made.ccxt()) == {"apiKey", "secret"}
    assert "api_passphrase" not in made.mask()


@pytest.mark.parametrize("exchange", [*catalogue(), "unheard-of"])
def test_ccxt_gets_the_values_under_its_own_names(exchange: str, canary: Canary) -> None:
    ref = CredentialRef("dev", f"{exchange}@mm1")
    given = values(ref, canary)
    expected = {find(exchange).ccxt_names[part]: value.reveal() for part, value in given.items()}
    taken = APICredentials.of(ref, given, VERSION).ccxt()
    same = taken == expected
    assert same
    assert len(taken) == len(given)


def test_the_mask_is_the_one_of_the_contract() -> None:
    made = APICredentials.of(THREE, {part: Secret(f"abc-{part}") for part in parts_of("kucoin")}, VERSION)
    assert made.mask() == {
        "api_key": "abc...***",
        "api_secret": "***",
        "api_passphrase": "***",
        "env": "prod",
        "exchange": "kucoin",
    }


SHOWN: dict[str, Callable[[APICredentials], object]] = {
    "repr": repr,
    "str": str,
    "format": lambda made: f"{made} {made!r}",
    "pprint": pprint.pformat,
    "dump": lambda made: made.model_dump(),
    "dump for a round trip": lambda made: made.model_dump(round_trip=True),
    "dump as JSON": lambda made: made.model_dump(mode="json"),
    "JSON": lambda made: made.model_dump_json(),
    "pydantic_core JSON": pydantic_core.to_json,
    "json with default=str": lambda made: json.dumps(made, default=str),
    "json of the dump": lambda made: json.dumps(made.model_dump()),
    "vars": vars,
    "dict": dict,
    "list": list,
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "model_copy": lambda made: made.model_copy(deep=True),
    "mask": lambda made: {k: v for k, v in made.mask().items() if k != "api_key"},
    "inside another model": lambda made: Order(account=made),
    "dump of another model": lambda made: Order(account=made).model_dump(),
    "JSON of another model": lambda made: Order(account=made).model_dump_json(),
    "exception": lambda made: f"{ValueError(made)} {KeyError(made)!r}",
}


@pytest.mark.parametrize("surface", SHOWN)
def test_what_shows_it_shows_no_value(surface: str, credentials: APICredentials, canary: Canary) -> None:
    shown = str(SHOWN[surface](credentials))
    found = canary.leaks_in(shown)
    assert found == []
    assert "kucoin" in shown or "bybit" in shown


def test_a_dump_says_hidden_and_nothing_for_what_is_not_there(canary: Canary) -> None:
    dump = APICredentials.of(TWO, values(TWO, canary), VERSION).model_dump()
    assert (dump["api_key"], dump["api_secret"], dump["api_passphrase"]) == (HIDDEN, HIDDEN, None)


MISUSES: dict[str, Callable[[dict[str, str], APICredentials], object]] = {
    "constructor": lambda plain, _: APICredentials(**plain),  # type: ignore[arg-type]  # the mistake under test
    "validate": lambda plain, _: APICredentials.model_validate(plain),
    "validate nonsense": lambda plain, _: APICredentials.model_validate(plain["api_secret"]),
    "validate JSON": lambda plain, _: APICredentials.model_validate_json(json.dumps(plain)),
    "validate broken JSON": lambda plain, _: APICredentials.model_validate_json(json.dumps(plain)[:-1]),
    "validate strings": lambda plain, _: APICredentials.model_validate_strings(plain),
    "in another model": lambda plain, _: Order(account=plain),  # type: ignore[arg-type]  # the mistake under test
    "in another model as JSON": lambda plain, _: Order.model_validate_json(json.dumps({"account": plain})),
    "as a type": lambda plain, _: pydantic.TypeAdapter(list[APICredentials]).validate_python([plain]),
    "assign": lambda plain, made: setattr(made, "api_key", plain["api_key"]),
    "assign what is new": lambda plain, made: setattr(made, "note", plain["api_key"]),
    "pickle": lambda _, made: pickle.dumps(made),
    "hash": lambda _, made: hash(made),
    "copy with other values": lambda plain, made: made.model_copy(update=plain),
    "pydantic's old copy": lambda plain, made: made.copy(update=plain),
    "parse_raw": lambda plain, _: APICredentials.parse_raw(json.dumps(plain)[:-1]),
    "parse_file": lambda plain, _: APICredentials.parse_file(plain["api_key"]),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_misuse_is_an_error_that_holds_no_value(misuse: str, credentials: APICredentials, canary: Canary) -> None:
    plain = Hiding({"environment": "prod", "exchange": "kucoin", "version_id": VERSION})
    plain |= {"api_key": canary.api_key, "api_secret": canary.api_secret, "api_passphrase": canary.api_passphrase}
    with pytest.raises((TypeError, AttributeError)) as caught:
        MISUSES[misuse](plain, credentials)
    error: BaseException | None = caught.value
    while error is not None:
        found = canary.leaks_in(f"{error} {error!r} {error.args} {error.__dict__}")
        assert found == []
        error = error.__context__


def test_another_models_validation_error_shows_no_value(credentials: APICredentials, canary: Canary) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        Order(account=credentials, size="many")  # type: ignore[arg-type]  # the mistake under test
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    found = canary.leaks_in(f"{caught.value} {caught.value.errors()} {''.join(told)}")
    assert found == []


def test_broken_json_in_a_type_adapter_is_an_error_that_prints_no_value(canary: Canary) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(APICredentials).validate_json(f'{{"api_key": "{canary.api_key}')
    found = canary.leaks_in(f"{caught.value} {caught.value!r}")
    assert found == []


def test_nothing_can_be_changed(credentials: APICredentials) -> None:
    before = credentials.api_key
    for name in ("api_key", "exchange", "version_id"):
        with pytest.raises(AttributeError):
            setattr(credentials, name, "other")
        with pytest.raises((AttributeError, pydantic.ValidationError)):
            delattr(credentials, name)
    assert credentials.api_key is before


def test_two_of_the_same_values_are_equal(canary: Canary) -> None:
    one, same = (APICredentials.of(TWO, values(TWO, canary), VERSION) for _ in range(2))
    assert one == same
    assert one != APICredentials.of(TWO, {**values(TWO, canary), API_KEY: Secret("other")}, VERSION)


def test_a_name_that_does_not_belong_is_refused_by_the_ref() -> None:
    with pytest.raises(InvalidName):
        CredentialRef("prod", "../dev")


class Hiding(dict[str, str]):
    """Plain values that a failing test does not print."""

    def __repr__(self) -> str:
        return "Hiding()"
