"""Fingerprints tell the same from another and nothing else, and their key never shows itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import pickle
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secrets_core.errors import CoreError, Denied, NotFound, ScheduledForDeletion, SettingsError
from secrets_core.fingerprints import LENGTH, FingerprintKey, ensure_key, read_key
from secrets_core.names import API_KEY, API_PASSPHRASE, API_SECRET, FINGERPRINT, control_name
from secrets_core.secret import Secret
from secrets_core.stores.base import SecretStore
from secrets_core.stores.memory import MemoryStore
from secrets_core.versions import new_version_id
from tests.canary import Canary
from tests.pairs.support import START, HookedStore, denying, once_before

NAME = control_name("dev", FINGERPRINT)
RAW = bytes(range(32))
KEY = FingerprintKey(Secret(base64.b64encode(RAW).decode()))
PARTS = {API_KEY: "key-1", API_SECRET: "secret-1", API_PASSPHRASE: "phrase-1"}

bundles = st.dictionaries(st.sampled_from([API_KEY, API_SECRET, API_PASSPHRASE, "a"]), st.text("ab\0", max_size=3))


def sealed(values: dict[str, str]) -> dict[str, Secret]:
    return {part: Secret(value) for part, value in values.items()}


def a_version() -> str:
    return new_version_id(START)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(lambda: START, operator="alice@desk")


def readings(store: SecretStore) -> list[Callable[[], FingerprintKey | None]]:
    """Give both ways to the environment's key."""
    return [lambda: read_key(store, "dev"), lambda: ensure_key(store, "dev", a_version())]


def put(store: MemoryStore, text: str) -> None:
    store.put_secret_value(NAME, a_version(), Secret(text))


def test_it_is_an_hmac_over_all_parts_with_their_lengths() -> None:
    """The codes are stored for years: another way to compute them makes every stored one worthless."""
    message = b"mm-secrets fingerprint 1\0"
    for part in sorted(PARTS):
        for field in (part.encode(), PARTS[part].encode()):
            message += len(field).to_bytes(4, "big") + field
    code = base64.b32encode(hmac.digest(RAW, message, hashlib.sha256)).decode()[:LENGTH]
    assert KEY.of(sealed(PARTS)) == code == "BYDNRFNDG6"


@settings(database=None)
@given(bundles, bundles)
def test_the_same_code_means_the_same_parts(one: dict[str, str], other: dict[str, str]) -> None:
    assert (KEY.of(sealed(one)) == KEY.of(sealed(other))) is (one == other)


@pytest.mark.parametrize(
    "other",
    [
        {API_KEY: "key-1s", API_SECRET: "ecret-1"},
        {API_KEY: "secret-1", API_SECRET: "key-1"},
        {API_KEY: "key-1", API_SECRET: "secret-1", API_PASSPHRASE: ""},
        {API_KEY: "key-1secret-1", API_SECRET: ""},
        {API_KEY: "key-1\0", API_SECRET: "secret-1"},
        {API_KEY: "key-1", API_PASSPHRASE: "secret-1"},
    ],
    ids=["moved across", "swapped", "an empty part more", "joined", "with a null", "as another part"],
)
def test_what_only_looks_alike_when_joined_is_told_apart(other: dict[str, str]) -> None:
    assert KEY.of(sealed({API_KEY: "key-1", API_SECRET: "secret-1"})) != KEY.of(sealed(other))


def test_the_order_of_the_parts_does_not_matter() -> None:
    assert KEY.of(sealed(PARTS)) == KEY.of(sealed(dict(reversed(PARTS.items()))))


def test_the_code_of_the_key_alone_is_another_one() -> None:
    key = Secret("key-1")
    assert KEY.of_key(key) == KEY.of_key(Secret("key-1"))
    assert KEY.of_key(key) != KEY.of({API_KEY: key})
    assert len(KEY.of_key(key)) == LENGTH


def test_half_a_surrogate_pair_is_no_error() -> None:
    assert KEY.of_key(Secret("\ud800")) != KEY.of_key(Secret("?"))


def test_two_environments_cannot_be_linked(store: MemoryStore) -> None:
    dev, prod = ensure_key(store, "dev", a_version()), ensure_key(store, "prod", a_version())
    assert dev.of(sealed(PARTS)) != prod.of(sealed(PARTS))
    assert dev.of_key(Secret("key-1")) != prod.of_key(Secret("key-1"))


class TestStored:
    def test_none_was_made(self, store: MemoryStore) -> None:
        assert read_key(store, "dev") is None

    def test_made_once_and_found_by_everybody(self, store: MemoryStore) -> None:
        first = ensure_key(store, "dev", a_version())
        again, read = ensure_key(store, "dev", a_version()), read_key(store, "dev")
        assert read is not None
        assert len({key.of(sealed(PARTS)) for key in (first, again, read)}) == 1
        assert len(store.list_versions(NAME)) == 1

    def test_of_two_makers_both_get_the_winners(self, store: MemoryStore) -> None:
        winner: list[FingerprintKey] = []
        slow = once_before(store, "create", NAME, lambda: winner.append(ensure_key(store, "dev", a_version())))
        assert ensure_key(slow, "dev", a_version()).of(sealed(PARTS)) == winner[0].of(sealed(PARTS))

    def test_of_eight_makers_all_get_the_winners(self, store: MemoryStore) -> None:
        barrier = threading.Barrier(8, timeout=20)

        def wait(operation: str, _name: str, _run: object) -> None:
            if operation == "create":
                barrier.wait()

        together = HookedStore(store, wait)
        with ThreadPoolExecutor(8) as pool:
            made = [pool.submit(ensure_key, together, "dev", a_version()) for _ in range(8)]
            codes = {future.result().of(sealed(PARTS)) for future in made}
        assert len(codes) == 1

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "no json",
            "null",
            "[]",
            '"text"',
            "{}",
            '{"format":1}',
            '{"format":2,"key":"' + base64.b64encode(RAW).decode() + '"}',
            '{"format":1,"key":"' + base64.b64encode(RAW[:31]).decode() + '"}',
            '{"format":1,"key":"' + base64.b64encode(RAW + b"x").decode() + '"}',
            '{"format":1,"key":"no base64!"}',
            '{"format":1,"key":"é"}',
            '{"format":1,"key":7}',
            '{"format":1,"key":["a"]}',
            '{"format":1,"key":null}',
            '{"format":1,"key":"\\ud800"}',
            "[" * 60_000,
            '{"format":' * 6_000,
        ],
        ids=range(18),
    )
    def test_what_is_no_key_is_an_error_that_names_it(self, store: MemoryStore, text: str) -> None:
        put(store, text or " ")
        for use in readings(store):
            with pytest.raises(SettingsError) as caught:
                use()
            assert caught.value.path == NAME
            assert NAME in caught.value.message
            assert caught.value.__context__ is None

    @pytest.mark.parametrize("operation", ["read_current", "create"])
    def test_a_denial_is_told_as_it_is(self, store: MemoryStore, operation: str) -> None:
        denied = denying(store, lambda called, _: called == operation, Denied("You may not."))
        with pytest.raises(Denied, match="You may not"):
            ensure_key(denied, "dev", a_version())

    def test_a_deleted_one_is_not_replaced(self, store: MemoryStore) -> None:
        ensure_key(store, "dev", a_version())
        store.delete(NAME)
        for use in readings(store):
            with pytest.raises(ScheduledForDeletion):
                use()

    def test_one_that_cannot_be_read_yet_says_what_to_do(self, store: MemoryStore) -> None:
        lagging = denying(store, lambda called, _: called == "read_current", NotFound("not here"))
        with pytest.raises(NotFound) as caught:
            ensure_key(lagging, "dev", a_version())
        assert caught.value.hint


class TestLeaks:
    def test_the_key_shows_nothing(self, canary: Canary) -> None:
        key = FingerprintKey(Secret(canary.api_secret))
        found = canary.leaks_in(f"{key} {key!r} {dir(key)}")
        assert found == []
        for out in (pickle.dumps, vars, json.dumps):
            with pytest.raises(TypeError):
                out(key)

    def test_an_error_holds_nothing_of_the_record(self, store: MemoryStore, canary: Canary) -> None:
        put(store, json.dumps({"format": 1, "key": canary.api_secret[:31]}))
        with pytest.raises(SettingsError) as caught:
            read_key(store, "dev")
        found = canary.leaks_in(everything_told(caught.value))
        assert found == []

    def test_a_failure_while_it_is_made_holds_nothing_of_it(self, store: MemoryStore) -> None:
        class Refusing(MemoryStore):
            made = Secret("")  # on the class, out of the way of this function's own local variables

            def create(self, name: str, version_id: str, value: Secret, tags: object = None) -> None:
                Refusing.made = value
                raise Denied("You may not.")

        with pytest.raises(Denied) as caught:
            ensure_key(Refusing(lambda: START), "dev", a_version())
        told = everything_told(caught.value)
        assert "ensure_key" in told
        assert json.loads(Refusing.made.reveal())["key"][:20] not in told


def everything_told(error: CoreError) -> str:
    """Give what the nosiest crash report has: the traceback with the local variables of every frame."""
    lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join(lines) + repr(error.__dict__)
