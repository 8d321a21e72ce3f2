"""Names of environments, exchanges, credentials and secrets; parsing refuses what does not belong.

A secret's name is ``mm-bot/{environment}/{exchange}/{part}``; see ``docs/architecture.md``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from secrets_core.errors import InvalidName

ROOT = "mm-bot"
API_KEY = "api_key"
API_SECRET = "api_secret"  # noqa: S105 - the name of a part, not a value
API_PASSPHRASE = "api_passphrase"  # noqa: S105 - the name of a part, not a value
PARTS = (API_KEY, API_SECRET, API_PASSPHRASE)
"""Every part there is, in the order of the CLI's standard input; the first one is the leader."""
LEADER = API_KEY
EMERGENCY = "emergency"

FREEZE = "_freeze"
FINGERPRINT = "_fingerprint"
REVIEW = "_review"
AUDIT = "_audit"
CONTROL_RECORDS = (FREEZE, FINGERPRINT, REVIEW, AUDIT)

_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,15}")
_EXCHANGE = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


def check_environment(name: str) -> str:
    """Give the environment's name back, or raise ``InvalidName``: ``[a-z][a-z0-9-]{0,15}``."""
    if not _ENVIRONMENT.fullmatch(name):
        raise InvalidName(
            "An environment's name starts with a lower-case letter and has up to 16 of a-z, 0-9 and '-'.",
            hint="The usual ones are dev, shadow, soak and prod.",
        )
    return name


def check_exchange(name: str) -> str:
    """Give ``exchange`` or ``exchange@account`` back, or raise ``InvalidName``.

    Each side is ``[a-z0-9][a-z0-9._-]{0,31}``.
    """
    exchange, at, account = name.partition("@")
    if _EXCHANGE.fullmatch(exchange) and (not at or _EXCHANGE.fullmatch(account)):
        return name
    raise InvalidName(
        "An exchange's name has up to 32 of a-z, 0-9, '.', '_' and '-', with an account as exchange@account.",
        hint="For example bybit, or bybit@mm1.",
    )


@dataclass(frozen=True, slots=True, order=True)
class CredentialRef:
    """Which credential: one exchange account in one environment. Written ``prod/bybit@mm1``."""

    environment: str
    exchange: str
    """With the account, where there is one: ``bybit@mm1``."""

    def __post_init__(self) -> None:
        check_environment(self.environment)
        check_exchange(self.exchange)

    def __str__(self) -> str:
        return f"{self.environment}/{self.exchange}"

    @property
    def venue(self) -> str:
        """The exchange without the account: ``bybit``."""
        return self.exchange.partition("@")[0]

    @property
    def account(self) -> str:
        """The account, or nothing: ``mm1``."""
        return self.exchange.partition("@")[2]

    @property
    def base_name(self) -> str:
        """The names of its secrets without the part: ``mm-bot/prod/bybit@mm1``."""
        return f"{ROOT}/{self.environment}/{self.exchange}"


def parse_ref(text: str) -> CredentialRef:
    """Read ``environment/exchange[@account]``; raise ``InvalidName``."""
    environment, slash, exchange = text.partition("/")
    if not slash:
        raise InvalidName("A credential is written environment/exchange.", hint="For example prod/bybit@mm1.")
    return CredentialRef(environment, exchange)


def environment_prefix(environment: str) -> str:
    """Give the prefix of all secret names of an environment; its slash keeps ``prod`` apart from ``prod2``."""
    return f"{ROOT}/{check_environment(environment)}/"


def secret_name(ref: CredentialRef, part: str, *, emergency: bool = False) -> str:
    """Give the name of the secret that holds one part; raise ``InvalidName`` for an unknown part."""
    if part not in PARTS:
        raise InvalidName(f"A part is one of {', '.join(PARTS)}.")
    return f"{ref.base_name}/{EMERGENCY}/{part}" if emergency else f"{ref.base_name}/{part}"


def control_name(environment: str, record: str) -> str:
    """Give the name of a control record such as ``_freeze``; raise ``InvalidName``."""
    if record not in CONTROL_RECORDS:
        raise InvalidName(f"A control record is one of {', '.join(CONTROL_RECORDS)}.")
    return f"{environment_prefix(environment)}{record}"


@dataclass(frozen=True, slots=True)
class PartName:
    """What a secret's name says when it holds a part of a credential."""

    ref: CredentialRef
    part: str
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class ControlName:
    """What a secret's name says when it holds a control record."""

    environment: str
    record: str


def parse_secret_name(name: str) -> PartName | ControlName | None:
    """Read a secret's name; ``None`` for a foreign one (never an error: listings hold what others put there)."""
    root, *rest = name.split("/")
    if root != ROOT or len(rest) < 2 or not _ENVIRONMENT.fullmatch(rest[0]):
        return None
    environment, *rest = rest
    if len(rest) == 1:
        return ControlName(environment, rest[0]) if rest[0] in CONTROL_RECORDS else None
    exchange, *rest = rest
    emergency = len(rest) == 2 and rest[0] == EMERGENCY
    if not (len(rest) == 1 or emergency) or rest[-1] not in PARTS:
        return None
    try:
        ref = CredentialRef(environment, exchange)
    except InvalidName:
        return None
    return PartName(ref, rest[-1], emergency)
