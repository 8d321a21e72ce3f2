"""What is known of each exchange, and what that says about typed values.

The facts are data (``exchanges.toml``) so that one place names each with its source; nothing here asks a network.
Loaded on first use, so that importing this module costs next to nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from secrets_core.names import API_KEY, API_PASSPHRASE, API_SECRET, PARTS, check_exchange
from secrets_core.secret import Secret

MAXIMUM_BYTES = 65_536
"""The longest value AWS Secrets Manager stores, in bytes of UTF-8 (quotas in its user guide)."""

ExpiryKind = Literal["fixed", "event", "inactivity", "none", "unverified"]
Rule = Literal[
    "missing-part",
    "surplus-part",
    "empty",
    "too-long",
    "surrounding-space",
    "surrounding-quotes",
    "invisible-character",
    "line-break",
    "pem-truncated",
    "same-value",
    "swapped",
    "pem-escaped-line-breaks",
    "look-alike",
    "other-exchange",
    "format",
    "decoded-length",
]

_BLOCKING: frozenset[Rule] = frozenset(
    {
        "missing-part",
        "surplus-part",
        "empty",
        "too-long",
        "surrounding-space",
        "surrounding-quotes",
        "invisible-character",
        "line-break",
        "pem-truncated",
        "same-value",
        "swapped",
    }
)
_USUAL_LABELS = MappingProxyType({API_KEY: "API key", API_SECRET: "API secret", API_PASSPHRASE: "API passphrase"})
_USUAL_CCXT_NAMES = MappingProxyType({API_KEY: "apiKey", API_SECRET: "secret"})
_QUOTES = frozenset({'""', "''", "``", "\u201c\u201d", "\u2018\u2019"})
_PEM_BEGIN = "-----BEGIN "
_PEM_END = re.compile("-----END [A-Z0-9 ]{1,40}-----")


@dataclass(frozen=True, slots=True)
class Format:
    """One shape that a part's value usually has; a value of another shape is warned about, never refused."""

    part: str
    name: str
    """For a user, to follow "usual is": ``18 letters and digits``."""
    pattern: str
    """A regular expression for the whole value; its cost is bounded, as every repetition in it is."""
    source: str
    multi_line: bool = False
    """True for a PEM, the only kind of value that spans lines."""
    decoded_bytes: int | None = None
    """How many bytes the value stands for in base64, where that is known."""
    distinctive: bool = False
    """True when the shape alone tells the exchange well enough to name it."""
    unverified: bool = False
    """True when no source of the exchange itself states it."""

    def fits(self, text: str) -> bool:
        """Tell whether the whole of ``text`` has this shape (its decoded length aside)."""
        return re.fullmatch(self.pattern, text) is not None


@dataclass(frozen=True, slots=True)
class ExpiryRule:
    """One rule by which the exchange itself ends a key, or a right of it."""

    kind: ExpiryKind
    """``fixed``: days after creation; ``event``: days after what ``condition`` names; ``inactivity``: days without
    use; ``none``: the exchange says that there is no end; ``unverified``: nothing certain is known."""
    condition: str
    """The rule as one sentence for a user."""
    source: str
    days: int | None = None
    only_unbound: bool = False
    """True when a key that is bound to IP addresses is spared."""

    def applies(self, *, ip_bound: bool | None) -> bool | None:
        """Tell whether the rule applies to a key; ``None`` when that hangs on a binding that is not known."""
        if not self.only_unbound:
            return True
        return None if ip_bound is None else not ip_bound


@dataclass(frozen=True, slots=True)
class Permissions:
    """Which rights a market-making key needs, in the exchange's own names, and which it must never have."""

    source: str = ""
    must_have: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    """The rights to trade; the key has at least one of them: that of the product it trades."""
    must_not_have: tuple[str, ...] = ()
    warn: tuple[str, ...] = ()
    unverified: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is known of one exchange. An exchange that is not known has two parts and no facts."""

    name: str
    title: str
    known: bool
    parts: tuple[str, ...]
    """In the order of ``names.PARTS``; the leader comes first."""
    labels: Mapping[str, str]
    """Part to what the exchange calls it."""
    ccxt_names: Mapping[str, str]
    """Part to the name under which ccxt takes it, e.g. ``password`` for a passphrase."""
    formats: Mapping[str, tuple[Format, ...]]
    """Part to its usual shapes; a part without any is missing here."""
    api_page: str = ""
    """Where keys are made and deleted; https, or empty for an exchange that is not known."""
    expiry_rules: tuple[ExpiryRule, ...] = ()
    permissions: Permissions = Permissions()
    revocation: str = ""
    """How a key is revoked, as one sentence."""
    revocation_source: str = ""

    def accepts_pem(self, part: str) -> bool:
        """Tell whether the part may be a PEM; an exchange that is not known may want one as its secret."""
        if not self.known:
            return part == API_SECRET
        return any(shape.multi_line for shape in self.formats.get(part, ()))


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a typed value. Holds nothing of the value: not a character, not its length."""

    part: str
    """Empty when it is about a part whose name is not known."""
    rule: Rule
    message: str
    blocking: bool
    """True when no exchange would accept the value; else it is a warning, as formats change without notice."""


@cache
def catalogue() -> Mapping[str, Exchange]:
    """Give every known exchange by its name, in the order of the data file."""
    # Imported here: together they cost more than all the rest of this module.
    import tomllib
    from importlib.resources import files

    data = tomllib.loads(files("secrets_core").joinpath("exchanges.toml").read_text("utf-8"))
    return MappingProxyType({name: _exchange(name, table) for name, table in data.items()})


def find(exchange: str) -> Exchange:
    """Give what is known of ``bybit`` or ``bybit@mm1``; raise ``InvalidName``.

    One that is not in the catalogue has two parts, no formats and no page, and ``known`` is false.
    """
    venue = check_exchange(exchange).partition("@")[0]
    return catalogue().get(venue) or Exchange(
        name=venue,
        title=venue,
        known=False,
        parts=(API_KEY, API_SECRET),
        labels=_USUAL_LABELS,
        ccxt_names=_USUAL_CCXT_NAMES,
        formats=MappingProxyType({}),
    )


def parts_of(exchange: str) -> tuple[str, ...]:
    """Give the parts of a credential of ``bybit`` or ``bybit@mm1``, the leader first; raise ``InvalidName``."""
    return find(exchange).parts


def hard_expiry(exchange: str, *, ip_bound: bool | None) -> ExpiryRule | None:
    """Give the earliest rule that ends a key a fixed number of days after creation, or ``None``.

    ``ip_bound`` tells whether the key is bound to IP addresses; with ``None`` (not known) a rule for unbound keys is
    still given, so that it can be shown: ``rule.applies(ip_bound=None)`` is then ``None``, and must decide nothing.
    Raises ``InvalidName``.
    """
    rules = [
        rule
        for rule in find(exchange).expiry_rules
        if rule.kind == "fixed" and rule.days is not None and rule.applies(ip_bound=ip_bound) is not False
    ]
    return min(rules, key=lambda rule: rule.days or 0, default=None)


def check_values(exchange: str, values: Mapping[str, Secret]) -> list[Finding]:
    """Judge the typed parts of a credential (part name to value), the blocking findings first.

    No finding holds anything of a value. Raises ``InvalidName`` for the exchange's name.
    """
    venue = find(exchange)
    typed = {part: values[part].reveal() for part in venue.parts if part in values}
    findings = [*_presence(venue, values), *_repeated(venue, typed)]
    if _swapped(venue, typed):
        key, secret = venue.labels[API_KEY], venue.labels[API_SECRET]
        findings.append(_finding(API_KEY, "swapped", f"The {key} and the {secret} look swapped."))
        # Judged as what they are not, the two would only draw misleading findings.
        typed = {part: text for part, text in typed.items() if part not in (API_KEY, API_SECRET)}
    for part, text in typed.items():
        structure = list(_structure(venue, part, text))
        findings += structure or _shape(venue, part, text)
    return sorted(findings, key=lambda finding: not finding.blocking)


def _exchange(name: str, table: Mapping[str, Any]) -> Exchange:
    shapes = [Format(**shape) for shape in table["formats"]]
    parts = tuple(part for part in PARTS if part in table["parts"])
    permissions: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table["permissions"].items()
    }
    return Exchange(
        name=name,
        title=table["title"],
        known=True,
        parts=parts,
        labels=MappingProxyType({part: table["parts"][part]["label"] for part in parts}),
        ccxt_names=MappingProxyType({part: table["parts"][part]["ccxt"] for part in parts}),
        formats=MappingProxyType({part: tuple(shape for shape in shapes if shape.part == part) for part in parts}),
        api_page=table["api_page"],
        expiry_rules=tuple(ExpiryRule(**rule) for rule in table["expiry_rules"]),
        permissions=Permissions(**permissions),
        revocation=table["revocation"],
        revocation_source=table["revocation_source"],
    )


def _finding(part: str, rule: Rule, message: str) -> Finding:
    return Finding(part, rule, message, rule in _BLOCKING)


def _called(venue: Exchange) -> str:
    # A name that is not in the catalogue may be anything a user mistyped, so it is not repeated.
    return venue.title if venue.known else "this exchange"


def _presence(venue: Exchange, values: Mapping[str, Secret]) -> Iterator[Finding]:
    for part in venue.parts:
        if part not in values:
            yield _finding(part, "missing-part", f"The {venue.labels[part]} is missing.")
    for part in values:
        if part not in venue.parts:
            # Only a name of ours is repeated: any other may be a value in the wrong place.
            known = part if part in PARTS else ""
            label = f"the {_USUAL_LABELS[known]}" if known else "what is no part"
            yield _finding(known, "surplus-part", f"Leave out {label}: {_called(venue)} takes none.")


def _repeated(venue: Exchange, typed: Mapping[str, str]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for part, text in typed.items():
        first = seen.setdefault(text.strip(), part)
        if first != part and text.strip():
            labels = venue.labels
            yield _finding(part, "same-value", f"The {labels[part]} is the same as the {labels[first]}.")


def _swapped(venue: Exchange, typed: Mapping[str, str]) -> bool:
    if API_KEY not in typed or API_SECRET not in typed:
        return False

    def fits(part: str, text: str) -> bool:
        return any(shape.fits(text) for shape in venue.formats.get(part, ()))

    key, secret = typed[API_KEY].strip(), typed[API_SECRET].strip()
    return fits(API_SECRET, key) and not fits(API_KEY, key) and fits(API_KEY, secret) and not fits(API_SECRET, secret)


def _structure(venue: Exchange, part: str, text: str) -> Iterator[Finding]:
    """Find what no exchange accepts in any value."""
    label = venue.labels[part]
    body = text.strip()
    if not body:
        yield _finding(part, "empty", f"The {label} is empty.")
        return
    # "surrogatepass": half a surrogate pair is a finding below, not an exception that would hold the value.
    if len(text.encode("utf-8", "surrogatepass")) > MAXIMUM_BYTES:
        yield _finding(part, "too-long", f"The {label} is longer than the 64 KiB that a secret may have.")
        return
    pem = venue.accepts_pem(part) and body.startswith(_PEM_BEGIN)
    if text != body and not (pem and text in (f"{body}\n", f"{body}\r\n")):
        yield _finding(part, "surrounding-space", f"The {label} has white space around it.")
    if len(body) > 1 and body[0] + body[-1] in _QUOTES:
        yield _finding(part, "surrounding-quotes", f"The {label} is in quotes: leave them out.")
    rest = body.replace("\r\n", "").replace("\n", "")
    if not pem:
        if rest != body or "\r" in rest:
            allowed = ", which only a PEM may have" if venue.accepts_pem(part) else ", but is a single line"
            yield _finding(part, "line-break", f"The {label} has a line break{allowed}.")
        rest = rest.replace("\r", "")
    if not rest.isprintable():
        yield _finding(part, "invisible-character", f"The {label} holds a control or invisible character.")
    if (_PEM_BEGIN in body) != bool(_PEM_END.search(body)):
        yield _finding(part, "pem-truncated", f"The {label} is a PEM that lacks its first or last line.")


def _shape(venue: Exchange, part: str, text: str) -> list[Finding]:
    """Find what is unusual in a value that could be one."""
    label, title = venue.labels[part], _called(venue)
    body = text.strip()
    if not body.isascii():
        message = f"The {label} holds characters that may only look like letters: copy it again."
        return [_finding(part, "look-alike", message)]
    if _PEM_BEGIN in body and r"\n" in body:
        message = rf"The {label} is a PEM with \n written out: put real line breaks there."
        return [_finding(part, "pem-escaped-line-breaks", message)]
    shapes = venue.formats.get(part, ())
    fitting = [shape for shape in shapes if shape.fits(body)]
    if any(shape.decoded_bytes is None or _decodes_to(body, shape.decoded_bytes) for shape in fitting):
        return []
    if fitting:
        message = f"The {label} does not decode from base64 to {fitting[0].decoded_bytes} bytes."
        return [_finding(part, "decoded-length", message)]
    if not shapes:
        return []
    others = [
        other.title
        for other in catalogue().values()
        if any(shape.distinctive and shape.fits(body) for shape in other.formats.get(part, ()))
    ]
    if others:
        message = f"The {label} looks like one of {' or '.join(others)}, not of {title}."
        return [_finding(part, "other-exchange", message)]
    usual = " or ".join(shape.name for shape in shapes)
    doubt = " (a rule that is not verified)" if all(shape.unverified for shape in shapes) else ""
    message = f"The {label} does not look like one of {title}: usual is {usual}{doubt}."
    return [_finding(part, "format", message)]


def _decodes_to(text: str, length: int) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == length
    except binascii.Error:
        return False
