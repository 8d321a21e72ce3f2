"""The exchange catalogue: its facts hold together, and what it says of typed values never repeats them."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from re import _constants as regex_codes  # type: ignore[attr-defined]  # typeshed leaves the parser's names out
from re import _parser as regex_parser  # type: ignore[attr-defined]  # typeshed leaves the parser's names out
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secrets_core import exchanges
from secrets_core.errors import InvalidName
from secrets_core.exchanges import (
    MAXIMUM_BYTES,
    ExpiryRule,
    Finding,
    Rule,
    catalogue,
    check_values,
    find,
    hard_expiry,
    parts_of,
)
from secrets_core.names import API_KEY, API_PASSPHRASE, API_SECRET, PARTS
from secrets_core.secret import Secret

HOSTS = {
    "bybit": "bybit.com",
    "binance": "binance.com",
    "kucoin": "kucoin.com",
    "okx": "okx.com",
    "kraken": "kraken.com",
    "krakenfutures": "kraken.com",
    "coinbase": "coinbase.com",
    "gate": "gate.com",
    "bitget": "bitget.com",
    "deribit": "deribit.com",
    "hyperliquid": "hyperliquid.xyz",
}
UUID = "0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d"
SIXTY_FOUR_BYTES = base64.b64encode(bytes(range(64))).decode()


def pem(kind: str, lines: int = 1) -> str:
    body = "".join("aB3/" * 16 + "\n" for _ in range(lines))
    return f"-----BEGIN {kind}-----\n{body}-----END {kind}-----"


SHAPES: list[tuple[str, str, str]] = [
    ("bybit", "aB3" * 6, "xY9" * 12),
    ("bybit", "aB3" * 6, pem("PRIVATE KEY", 26)),
    ("binance", "aB3d" * 16, "xY9z" * 16),
    ("binance", "aB3d" * 16, pem("PRIVATE KEY")),
    ("binance", "aB3d" * 16, pem("RSA PRIVATE KEY", 51)),
    ("kucoin", "0f1e2d3c" * 3, UUID),
    ("okx", UUID, "0A1B2C3D" * 4),
    ("kraken", "aB3/" * 14, SIXTY_FOUR_BYTES),
    ("krakenfutures", "aB3+" * 14, SIXTY_FOUR_BYTES),
    ("coinbase", f"organizations/{UUID}/apiKeys/{UUID}", pem("EC PRIVATE KEY", 3) + "\n"),
    ("coinbase", f"organizations/{UUID}/apiKeys/{UUID}", pem("EC PRIVATE KEY", 3).replace("\n", "\r\n")),
    ("coinbase", UUID, SIXTY_FOUR_BYTES),
    ("gate", "0f1e2d3c" * 4, "4b5a6978" * 8),
    ("bitget", "bg_" + "0f1e2d3c" * 4, "4b5a6978" * 8),
    ("deribit", "aB3_d-9x", "aB3_d-9x" * 5 + "abc"),
    ("deribit", "aB3_d-9x", pem("PRIVATE KEY")),
    ("hyperliquid", "0x" + "0F1e2d3c" * 5, "0x" + "4b5a6978" * 8),
]


def values(key: str, secret: str, passphrase: str | None = None) -> dict[str, Secret]:
    typed = {API_KEY: Secret(key), API_SECRET: Secret(secret)}
    if passphrase is not None:
        typed[API_PASSPHRASE] = Secret(passphrase)
    return typed


def good(exchange: str) -> dict[str, Secret]:
    """Give values of the usual shape for an exchange."""
    key, secret = next((key, secret) for name, key, secret in SHAPES if name == exchange)
    return values(key, secret, "Passphrase9" if API_PASSPHRASE in parts_of(exchange) else None)


def rules(findings: list[Finding], part: str | None = None) -> set[Rule]:
    return {finding.rule for finding in findings if part is None or finding.part == part}


def judged(exchange: str, part: str, text: str) -> set[Rule]:
    """Give the rules that one value breaks, with the other parts as they should be."""
    return rules(check_values(exchange, {**good(exchange), part: Secret(text)}))


# The catalogue


def test_the_catalogue_has_the_exchanges_of_the_desk() -> None:
    assert set(catalogue()) == set(HOSTS)
    assert all(exchange.known and exchange.name == name for name, exchange in catalogue().items())


def test_three_parts_are_wanted_by_exactly_three_exchanges() -> None:
    assert {name for name in catalogue() if API_PASSPHRASE in parts_of(name)} == {"kucoin", "okx", "bitget"}
    assert all(parts_of(name) == PARTS[: len(parts_of(name))] for name in catalogue())


def test_an_account_has_the_parts_of_its_exchange() -> None:
    assert parts_of("kucoin@mm1") == (API_KEY, API_SECRET, API_PASSPHRASE)
    assert parts_of("bybit@mm1") == (API_KEY, API_SECRET)
    assert find("okx@desk-2") is find("okx")


def test_an_unknown_exchange_works_with_two_parts_and_no_facts() -> None:
    unknown = find("newvenue@mm1")
    assert (unknown.name, unknown.known, unknown.parts) == ("newvenue", False, (API_KEY, API_SECRET))
    assert (unknown.api_page, unknown.formats, unknown.expiry_rules) == ("", {}, ())
    assert unknown.ccxt_names == {API_KEY: "apiKey", API_SECRET: "secret"}
    assert hard_expiry("newvenue", ip_bound=False) is None
    assert check_values("newvenue", values("k", "s")) == []
    assert check_values("newvenue", values("k", pem("PRIVATE KEY"))) == []


def test_a_name_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidName) as refused:
        find("Not/A-Name")
    assert "Not/A-Name" not in str(refused.value)


def test_every_page_is_https_at_the_exchange_itself() -> None:
    for name, exchange in catalogue().items():
        page = urlsplit(exchange.api_page)
        host = page.hostname or ""
        assert page.scheme == "https"
        assert host == HOSTS[name] or host.endswith(f".{HOSTS[name]}")
        assert (page.username, page.port, page.query) == (None, None, "")


def test_every_fact_is_complete_and_names_its_source() -> None:
    for exchange in catalogue().values():
        assert exchange.title
        assert exchange.revocation.endswith(".")
        assert exchange.revocation_source
        assert set(exchange.labels) == set(exchange.ccxt_names) == set(exchange.parts)
        assert exchange.permissions.source
        assert exchange.expiry_rules
        for rule in exchange.expiry_rules:
            assert rule.condition.endswith(".")
            assert rule.source
            assert rule.kind in {"fixed", "event", "inactivity", "none", "unverified"}
            assert rule.days is not None or rule.kind in {"none", "unverified"}
        for part in exchange.parts:
            assert exchange.formats[part]
            assert all(shape.name and shape.source and shape.part == part for shape in exchange.formats[part])


def test_a_key_of_a_desk_may_never_withdraw() -> None:
    denied = {name: set(exchange.permissions.must_not_have) for name, exchange in catalogue().items()}
    assert denied["bybit"] == {"Wallet.Withdraw"}
    assert denied["binance"] == {"enableWithdrawals"}
    assert denied["kraken"] == {"withdraw-funds", "add-withdraw-address", "update-withdraw-address"}
    # A Hyperliquid agent cannot move funds at all, so there is no right to forbid.
    assert [name for name, rights in denied.items() if not rights] == ["hyperliquid"]
    for exchange in catalogue().values():
        rights = exchange.permissions
        groups = [rights.must_have, rights.one_of, rights.must_not_have, rights.warn]
        names = [name for group in groups for name in group]
        assert len(names) == len(set(names))


def test_ccxt_takes_the_parts_under_its_own_names() -> None:
    assert find("bybit").ccxt_names == {API_KEY: "apiKey", API_SECRET: "secret"}
    assert find("okx").ccxt_names == {API_KEY: "apiKey", API_SECRET: "secret", API_PASSPHRASE: "password"}
    assert find("hyperliquid").ccxt_names == {API_KEY: "walletAddress", API_SECRET: "privateKey"}


def test_what_the_catalogue_gives_cannot_be_changed() -> None:
    shared: Any = catalogue()
    with pytest.raises(TypeError):
        shared["bybit"] = None
    with pytest.raises(TypeError):
        shared["bybit"].labels[API_KEY] = "x"
    with pytest.raises(AttributeError):
        shared["bybit"].api_page = "https://example.org"


def test_importing_it_reads_no_data_and_loads_no_heavy_module() -> None:
    program = (
        "import sys; import secrets_core.exchanges as e; "
        "heavy = {'tomllib', 'importlib.resources', 'pydantic', 'boto3', 'textual', 'rich'} & set(sys.modules); "
        "assert not heavy, heavy; assert e.catalogue.cache_info().currsize == 0; "
        "assert e.find('bybit').known"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


# Patterns


def repetitions(pattern: str) -> tuple[list[int], int]:
    """Give every repetition's upper bound in a pattern, and how deep repetitions are nested."""
    bounds: list[int] = []

    def walk(tree: Any, depth: int) -> int:
        deepest = depth
        for code, argument in tree:
            if code in (regex_codes.MAX_REPEAT, regex_codes.MIN_REPEAT, regex_codes.POSSESSIVE_REPEAT):
                bounds.append(int(argument[1]))
                deepest = max(deepest, walk(argument[2], depth + 1))
            elif code is regex_codes.SUBPATTERN:
                deepest = max(deepest, walk(argument[3], depth))
            elif code is regex_codes.BRANCH:
                deepest = max(deepest, *(walk(branch, depth) for branch in argument[1]))
        return deepest

    return bounds, walk(regex_parser.parse(pattern), 0)


def test_the_walk_sees_what_is_unbounded_and_nested() -> None:
    assert repetitions(r"a*(?:b|c+)d?")[0].count(int(regex_codes.MAXREPEAT)) == 2
    assert repetitions(r"(?:(?:a{1,2}b){1,2}){1,2}")[1] == 3


def test_every_pattern_has_bounded_cost() -> None:
    for exchange in catalogue().values():
        for shape in (shape for shapes in exchange.formats.values() for shape in shapes):
            bounds, depth = repetitions(shape.pattern)
            assert all(bound <= 128 for bound in bounds), shape.pattern
            # A line inside the lines of a PEM is the deepest there is, and its line break keeps it unambiguous.
            assert depth <= (2 if shape.multi_line else 1), shape.pattern


def test_hostile_values_are_judged_quickly() -> None:
    hostile = [
        "a" * MAXIMUM_BYTES,
        "-----BEGIN PRIVATE KEY-----\n" + "A\n" * 30_000,
        "-----BEGIN EC PRIVATE KEY-----\n" + "A" * 60_000,
        "-----END " * 7_000,
        "=" * 60_000,
    ]
    started = time.perf_counter()
    for name in catalogue():
        for text in hostile:
            check_values(name, {**good(name), API_SECRET: Secret(text)})
    assert time.perf_counter() - started < 5


def test_no_pattern_takes_a_line_break_at_the_end_of_a_single_line() -> None:
    for exchange, key, _ in SHAPES:
        assert not any(shape.fits(f"{key}\n") for shape in find(exchange).formats[API_KEY])


# Values as they should be


@pytest.mark.parametrize("row", range(len(SHAPES)))
def test_the_documented_shapes_raise_nothing(row: int) -> None:
    exchange, key, secret = SHAPES[row]
    passphrase = "Passphrase9" if API_PASSPHRASE in parts_of(exchange) else None
    assert check_values(f"{exchange}@mm1", values(key, secret, passphrase)) == []


def test_every_format_is_covered_by_a_documented_shape() -> None:
    for name, exchange in catalogue().items():
        samples: dict[str, list[str]] = {API_PASSPHRASE: ["Passphrase9"]}
        for exchange_name, key, secret in SHAPES:
            if exchange_name == name:
                samples.setdefault(API_KEY, []).append(key)
                samples.setdefault(API_SECRET, []).append(secret)
        for part, shapes in exchange.formats.items():
            for shape in shapes:
                assert any(shape.fits(sample) for sample in samples[part]), (name, shape.name)


# What blocks


def test_a_missing_part_blocks() -> None:
    findings = check_values("kucoin", values("0f1e2d3c" * 3, UUID))
    assert [(finding.part, finding.rule, finding.blocking) for finding in findings] == [
        (API_PASSPHRASE, "missing-part", True)
    ]
    assert rules(check_values("bybit", {})) == {"missing-part"}


def test_a_part_that_the_exchange_does_not_take_blocks() -> None:
    for exchange in ("bybit", "newvenue"):
        typed = {**values("aB3" * 6, "xY9" * 12), API_PASSPHRASE: Secret("Passphrase9")}
        [finding] = check_values(exchange, typed)
        assert (finding.part, finding.rule, finding.blocking) == (API_PASSPHRASE, "surplus-part", True)


def test_a_part_of_an_unknown_name_blocks_and_is_not_repeated() -> None:
    misplaced = "CANARY" + "x" * 20
    [finding] = check_values("bybit", {**good("bybit"), misplaced: Secret("s")})
    assert (finding.part, finding.rule, finding.blocking) == ("", "surplus-part", True)
    assert misplaced not in repr(finding)


def test_a_mistyped_exchange_is_not_repeated() -> None:
    mistyped = "canary0123456789"
    [finding] = check_values(mistyped, {**values("k", "s"), API_PASSPHRASE: Secret("p")})
    assert mistyped not in repr(finding)


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("\u00a0", "empty"),
        (" {}", "surrounding-space"),
        ("{}\n", "surrounding-space"),
        ("{}\r\n", "surrounding-space"),
        ("\u00a0{}", "surrounding-space"),
        ('"{}"', "surrounding-quotes"),
        ("'{}'", "surrounding-quotes"),
        ("\u201c{}\u201d", "surrounding-quotes"),
        ("{}\x00{}", "invisible-character"),
        ("{}\t{}", "invisible-character"),
        ("{}\x1b[200~", "invisible-character"),
        ("\ufeff{}", "invisible-character"),
        ("{}\u200b{}", "invisible-character"),
        ("{}\u2028{}", "invisible-character"),
        ("{}\ud800{}", "invisible-character"),
        ("{}\n{}", "line-break"),
        ("{}\r{}", "line-break"),
    ],
)
@pytest.mark.parametrize("exchange", ["bybit", "kucoin", "newvenue"])
@pytest.mark.parametrize("part", [API_KEY, API_SECRET])
def test_what_no_exchange_accepts_blocks(exchange: str, part: str, damage: str, rule: Rule) -> None:
    base = good(exchange) if exchange != "newvenue" else values("aB3" * 6, "xY9" * 12)
    text = damage.replace("{}", base[part].reveal())
    findings = check_values(exchange, {**base, part: Secret(text)})
    assert [(finding.part, finding.rule, finding.blocking) for finding in findings] == [(part, rule, True)]


def test_a_value_beyond_64_kib_blocks_by_its_bytes() -> None:
    base = values("k", "s")
    assert check_values("newvenue", {**base, API_KEY: Secret("a" * MAXIMUM_BYTES)}) == []
    for text in ("a" * (MAXIMUM_BYTES + 1), "é" * (MAXIMUM_BYTES // 2 + 1)):
        [finding] = check_values("newvenue", {**base, API_KEY: Secret(text)})
        assert (finding.rule, finding.blocking) == ("too-long", True)


def test_the_same_value_twice_blocks() -> None:
    findings = check_values("newvenue", values("same-value-in-both", "same-value-in-both"))
    assert [(finding.part, finding.rule, finding.blocking) for finding in findings] == [
        (API_SECRET, "same-value", True)
    ]
    assert "same-value" in judged("kucoin", API_PASSPHRASE, UUID)
    assert "same-value" in rules(check_values("newvenue", values("same-value", "same-value\n")))
    assert rules(check_values("newvenue", values("", " "))) == {"empty"}


@pytest.mark.parametrize("row", range(len(SHAPES)))
def test_a_swapped_pair_blocks_where_the_shapes_tell(row: int) -> None:
    exchange, key, secret = SHAPES[row]
    passphrase = "Passphrase9" if API_PASSPHRASE in parts_of(exchange) else None
    findings = check_values(exchange, values(secret, key, passphrase))
    if exchange == "binance":
        # A key and an HMAC secret have the same shape there; a PEM as the key is refused for its line breaks.
        assert rules(findings) <= {"line-break"}
    else:
        assert [(finding.rule, finding.blocking) for finding in findings] == [("swapped", True)]


@pytest.mark.parametrize("lost", ["first", "last", "rest"])
def test_a_truncated_pem_blocks(lost: str) -> None:
    lines = pem("EC PRIVATE KEY", 3).split("\n")
    kept = {"first": lines[1:], "last": lines[:-1], "rest": lines[:1]}[lost]
    found = judged("coinbase", API_SECRET, "\n".join(kept))
    assert "pem-truncated" in found
    assert "pem-truncated" in judged("kucoin", API_SECRET, "-----BEGIN EC PRIVATE KEY-----")


def test_a_pem_is_one_only_where_the_exchange_takes_one() -> None:
    assert judged("coinbase", API_SECRET, pem("EC PRIVATE KEY", 3) + "\n") == set()
    assert judged("coinbase", API_SECRET, pem("EC PRIVATE KEY", 3) + "\n\n") == {"surrounding-space"}
    assert judged("coinbase", API_SECRET, pem("EC PRIVATE KEY", 3).replace("\n", "\r")) == {"invisible-character"}
    assert judged("kucoin", API_SECRET, pem("EC PRIVATE KEY", 3)) == {"line-break"}
    assert "line-break" in judged("coinbase", API_KEY, pem("EC PRIVATE KEY", 3))


# What warns


def warned(exchange: str, part: str, text: str) -> set[Rule]:
    findings = check_values(exchange, {**good(exchange), part: Secret(text)})
    assert not any(finding.blocking for finding in findings)
    assert {finding.part for finding in findings} <= {part}
    return rules(findings)


def test_another_format_only_warns() -> None:
    for name in catalogue():
        for part in (API_KEY, API_SECRET):
            assert warned(name, part, "short!") == {"format"}


def test_an_unverified_rule_says_so() -> None:
    [finding] = check_values("okx", {**good("okx"), API_PASSPHRASE: Secret("short")})
    assert (finding.rule, finding.blocking) == ("format", False)
    assert "not verified" in finding.message
    [finding] = check_values("bybit", {**good("bybit"), API_KEY: Secret("short")})
    assert "not verified" not in finding.message


def test_characters_that_look_like_letters_warn() -> None:
    assert warned("bybit", API_KEY, "\u0430B3" * 6) == {"look-alike"}


def test_written_out_line_breaks_in_a_pem_warn() -> None:
    escaped = pem("EC PRIVATE KEY", 3).replace("\n", r"\n")
    assert warned("coinbase", API_SECRET, escaped) == {"pem-escaped-line-breaks"}


def test_the_format_of_another_exchange_is_named() -> None:
    def message(exchange: str, part: str, text: str) -> str:
        [finding] = check_values(exchange, {**good(exchange), part: Secret(text)})
        assert (finding.rule, finding.blocking) == ("other-exchange", False)
        return finding.message

    assert "one of KuCoin," in message("bybit", API_KEY, "0f1e2d3c" * 3)
    assert "one of KuCoin," in message("gate", API_SECRET, UUID)
    assert "one of Bitget," in message("okx", API_KEY, "bg_" + "0f1e2d3c" * 4)
    assert "one of Hyperliquid," in message("bybit", API_SECRET, "0x" + "4b5a6978" * 8)
    # Eighteen letters and digits may be anybody's.
    assert warned("okx", API_KEY, "aB3" * 6) == {"format"}


def test_a_kraken_secret_that_does_not_decode_to_64_bytes_warns() -> None:
    for length in (63, 62, 66):
        text = base64.b64encode(bytes(range(length))).decode()
        assert warned("kraken", API_SECRET, text) == {"decoded-length"}
    assert warned("kraken", API_SECRET, "A" * 81) == {"decoded-length"}
    assert warned("kraken", API_SECRET, base64.b64encode(bytes(32)).decode()) == {"format"}


def test_blocking_findings_come_first() -> None:
    findings = check_values("okx", values("short", " x ", "tiny"))
    assert [finding.blocking for finding in findings] == [True, False, False]


# Nothing of a value


@pytest.fixture
def canary() -> str:
    return "CanaryQ7zX9wKjVb"


def test_no_finding_repeats_a_value(canary: str) -> None:
    spoiled = [
        canary,
        f" {canary}",
        f'"{canary}"',
        f"{canary}\n{canary}",
        f"{canary}\x00",
        f"{canary}\ud800",
        f"{canary}é",
        f"-----BEGIN {canary}",
        rf"-----BEGIN {canary}-----\n-----END {canary}-----",
        canary * 5_000,
    ]
    for name in (*catalogue(), "newvenue"):
        for text in spoiled:
            findings = check_values(name, dict.fromkeys(PARTS, Secret(text)))
            assert findings
            assert canary not in repr(findings)
            assert canary not in "".join(finding.message for finding in findings)


def test_a_value_in_the_shape_of_another_exchange_is_not_repeated() -> None:
    for name in catalogue():
        for _, key, secret in SHAPES:
            said = repr(check_values(name, {**good(name), **values(key, secret)}))
            for text in (key, secret):
                body = text.replace("-----BEGIN", "").replace("PRIVATE KEY", "").replace("organizations", "")
                body = body.replace("apiKeys", "").strip("/")
                assert not [start for start in range(len(body) - 5) if body[start : start + 6] in said]


ALPHABETS = [
    st.characters(codec=None, exclude_categories=()),
    st.sampled_from("0123456789abcdef"),
    st.sampled_from("ABCDEF0123456789-_+/= \n\r\t\"'"),
    st.characters(min_codepoint=33, max_codepoint=126),
]
FOLDER = Path(exchanges.__file__).parent
OUR_WORDS = "".join((FOLDER / name).read_text() for name in ("exchanges.py", "exchanges.toml", "names.py"))
TEXT = st.one_of([st.text(alphabet, max_size=100) for alphabet in ALPHABETS])


@given(
    exchange=st.sampled_from([*HOSTS, "newvenue"]),
    typed=st.dictionaries(st.sampled_from(PARTS), TEXT, max_size=3),
)
@example(exchange="kraken", typed={API_KEY: "\ud800", API_SECRET: "=" * 88})
def test_any_text_is_judged_and_none_of_it_comes_back(exchange: str, typed: Mapping[str, str]) -> None:
    findings = check_values(exchange, {part: Secret(text) for part, text in typed.items()})
    said = repr(findings) + "".join(finding.message for finding in findings)
    for text in typed.values():
        pieces = {text[start : start + 6] for start in range(len(text) - 5)}
        # A piece that the catalogue or its code spells out is a word of ours, not one of the value's.
        assert not [piece for piece in pieces if piece in said and piece not in OUR_WORDS]
    assert all(finding.part in PARTS for finding in findings)
    # The same values in the same parts are judged the same: nothing random, nothing remembered.
    assert findings == check_values(exchange, {part: Secret(text) for part, text in typed.items()})


@given(
    exchange=st.sampled_from([*HOSTS]),
    first=st.text(st.sampled_from("!?#%&"), min_size=40, max_size=60),
    second=st.text(st.sampled_from("!?#%&"), min_size=40, max_size=60),
)
def test_a_finding_tells_no_more_than_the_rule(exchange: str, first: str, second: str) -> None:
    one = check_values(exchange, {**good(exchange), API_SECRET: Secret(first)})
    other = check_values(exchange, {**good(exchange), API_SECRET: Secret(second)})
    assert one == other
    assert rules(one) == {"format"}


@given(exchange=st.sampled_from([*HOSTS]), data=st.data())
def test_whatever_has_the_usual_shape_is_never_blocked_for_its_form(exchange: str, data: st.DataObject) -> None:
    venue = find(exchange)
    typed: dict[str, Secret] = {}
    for part in venue.parts:
        shape = data.draw(st.sampled_from(venue.formats[part]))
        typed[part] = Secret(data.draw(st.from_regex(re.compile(shape.pattern), fullmatch=True)))
    found = {finding.rule for finding in check_values(exchange, typed) if finding.blocking}
    # Only chance can make two parts equal, or put a passphrase into quotes.
    assert found <= {"same-value", "surrounding-quotes"}


# Expiry


def test_bybit_ends_an_unbound_key_after_90_days() -> None:
    rule = hard_expiry("bybit@mm1", ip_bound=False)
    assert rule is not None
    assert (rule.kind, rule.days, rule.applies(ip_bound=False)) == ("fixed", 90, True)
    assert hard_expiry("bybit", ip_bound=True) is None


def test_an_unknown_binding_shows_the_rule_and_decides_nothing() -> None:
    rule = hard_expiry("binance", ip_bound=None)
    assert rule is not None
    assert (rule.days, rule.only_unbound) == (30, True)
    assert rule.applies(ip_bound=None) is None


def test_inactivity_and_events_and_hearsay_end_no_key_by_age() -> None:
    for exchange in ("kucoin", "okx", "kraken", "krakenfutures", "coinbase", "bitget", "deribit", "hyperliquid"):
        assert hard_expiry(exchange, ip_bound=False) is None
    assert [rule.kind for rule in find("okx").expiry_rules] == ["inactivity"]


def test_a_rule_for_every_key_applies_whatever_the_binding() -> None:
    rule = ExpiryRule(kind="fixed", condition="Ends.", source="a test", days=1)
    assert [rule.applies(ip_bound=bound) for bound in (True, False, None)] == [True, True, True]
