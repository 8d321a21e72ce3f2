"""The settings file: TOML with closed vocabularies, read by hand into frozen data.

Not pydantic: the console needs theme and keys before its first paint, and the errors name file, key and the nearest
known key. Precedence: flag > variable > file > default.
"""

from __future__ import annotations

import contextlib
import difflib
import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from secrets_core.errors import InvalidName, SettingsError
from secrets_core.names import check_environment, check_exchange
from secrets_core.policy import EnvironmentPolicy, default_policy, endpoint_problem

FILE_VARIABLE = "MM_SECRETS_CONFIG"
BACKEND_VARIABLE = "SECRETS_BACKEND"
BACKENDS = ("memory", "vault", "aws")
STANDARD_ENVIRONMENTS = ("dev", "shadow", "soak", "prod")
HOOKS = ("halt_quotes", "cancel_orders", "count_open_orders", "stop_bots", "probe_key", "page")
"""What may be run for an operator in an incident, in the order in which it is of use."""


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """What settings say of one exchange (or one account on it) in one environment."""

    rotation_days: int | None = None
    owner: str = ""
    two_factor: str = ""
    """Who can log in there at 3 a.m."""


@dataclass(frozen=True, slots=True)
class BotSettings:
    """One bot of the inventory: what a freeze will and will not stop."""

    name: str
    exchanges: tuple[str, ...] = ()
    holds: str = "process"
    """``watch`` or ``ttl`` (lets go in time), or ``process``: keeps its key until it dies."""


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """What settings say of one environment, with the policy that follows from it."""

    name: str
    policy: EnvironmentPolicy
    backend: str | None = None
    region: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    account_id: str | None = None
    endpoint_url: str | None = None
    kms_key_id: str | None = None
    break_glass_role: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    exchanges: Mapping[str, ExchangeSettings] = field(default_factory=dict)
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bots: tuple[BotSettings, ...] = ()
    named: frozenset[str] = field(default=frozenset(), compare=False)
    """The keys that the settings file names; every other one is a default."""

    def rotation_days(self, exchange: str) -> int:
        """Give the policy's days for ``bybit`` or ``bybit@mm1``: the account's, the exchange's, or the default."""
        for name in (exchange, exchange.partition("@")[0]):
            days = self.exchanges[name].rotation_days if name in self.exchanges else None
            if days is not None:
                return days
        return self.policy.rotation_days

    def owner(self, exchange: str) -> str:
        """Give the owner of ``bybit`` or ``bybit@mm1``, or nothing."""
        for name in (exchange, exchange.partition("@")[0]):
            if name in self.exchanges and self.exchanges[name].owner:
                return self.exchanges[name].owner
        return ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the settings file says; all of it is optional."""

    source: Path | None = None
    """The file it came from, or ``None`` where there is none."""
    theme: str = "dark"
    refresh_seconds: float = 60
    keymap: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, EnvironmentSettings] = field(default_factory=dict)

    def environment(self, name: str) -> EnvironmentSettings:
        """Give an environment's settings, with the defaults where the file does not name it."""
        known = self.environments.get(name)
        return known if known is not None else EnvironmentSettings(name, default_policy(check_environment(name)))


def default_path(variables: Mapping[str, str]) -> Path:
    """Give where the settings file is when nothing names another: under ``XDG_CONFIG_HOME``."""
    base = variables.get("XDG_CONFIG_HOME") or str(Path(variables.get("HOME") or Path.home()) / ".config")
    return Path(base) / "mm-secrets" / "config.toml"


def load_settings(path: str | None = None, variables: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings file that the flag, ``MM_SECRETS_CONFIG`` or the default names.

    A missing default file means defaults; a missing named one, and anything not understood, is a ``SettingsError``
    that names file and key.
    """
    named = path or variables.get(FILE_VARIABLE)
    file = Path(named) if named else default_path(variables)
    with contextlib.suppress(RuntimeError):  # "~somebody" who does not exist: there is no such file then
        file = file.expanduser()
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if named:
            raise SettingsError(f"There is no settings file {file}.", hint="Check the path.", path=str(file)) from None
        return Settings()
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The settings file {file} cannot be read: {type(error).__name__}.", path=str(file)
        ) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is not TOML: {error}.", hint="Mend that line.", path=str(file)) from None
    except RecursionError:
        raise SettingsError(
            f"{file} nests lists or tables too deeply.", hint="Look for a run of brackets.", path=str(file)
        ) from None
    return _settings(_Table(file, "", data))


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of the file; every complaint names the file and the dotted key."""

    file: Path
    where: str
    data: dict[str, Any]

    def complain(self, key: str, problem: str, hint: str = "") -> SettingsError:
        dotted = f"{self.where}.{key}" if self.where else key
        return SettingsError(f"{self.file}: {dotted} {problem}.", hint=hint, path=f"{self.file}:{dotted}")

    def only(self, known: Mapping[str, Any]) -> None:
        for key in self.data:
            if key not in known:
                nearest = difflib.get_close_matches(key, known, n=1)
                hint = f"Did you mean {nearest[0]}?" if nearest else f"Known here: {', '.join(sorted(known))}."
                raise self.complain(key, "is not a known key", hint)

    def get(self, key: str, check: Callable[[Any], bool], wanted: str, default: Any = None) -> Any:
        if key not in self.data:
            return default
        if not check(self.data[key]):
            raise self.complain(key, f"must be {wanted}")
        return self.data[key]

    def table(self, key: str) -> _Table:
        data = self.get(key, lambda value: isinstance(value, dict), "a table", {})
        return _Table(self.file, f"{self.where}.{key}" if self.where else key, data)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _seconds(most: int, least: float = math.ulp(0)) -> tuple[Callable[[Any], bool], str]:
    """Give the check of a time in seconds, and the words for it."""
    wanted = f"a number of seconds from {least} to {most}" if least >= 1 else f"a number of seconds, at most {most}"
    return lambda value: type(value) in (int, float) and least <= value <= most, wanted


def _is_days(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 3650


def _one_of(*words: str) -> Callable[[Any], bool]:
    return lambda value: value in words


_LONGEST = 30 * 24 * 3600
"""Far above any use, far below what a wait cannot take."""
_REFRESH = _seconds(_LONGEST, least=5)
_TEXTS = ("region", "profile", "role_arn", "account_id", "endpoint_url", "kms_key_id", "break_glass_role")
_POLICY_KEYS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "mode": (_one_of("best_effort", "strict"), "best_effort or strict"),
    "poll_seconds": _seconds(3600),
    "hold_after_seconds": _seconds(_LONGEST),
    "ttl_seconds": _seconds(_LONGEST),
    "max_stale_seconds": _seconds(_LONGEST),
    "legacy_pairs": (_one_of("allow", "warn", "refuse"), "allow, warn or refuse"),
    "read_only": (lambda value: isinstance(value, bool), "true or false"),
    "rotation_days": (_is_days, "a whole number of days"),
    "warn_days": (_is_days, "a whole number of days"),
    "thaw_approvals": (lambda value: type(value) is int and value in (1, 2), "1 or 2"),
}
_HOLD_AFTER = {default_policy(name).mode: default_policy(name).hold_after_seconds for name in ("dev", "soak")}
_ENVIRONMENT_KEYS = {*_TEXTS, *_POLICY_KEYS, "backend", "tags", "exchanges", "hooks", "bots"}


def _settings(top: _Table) -> Settings:
    top.only({f.name: None for f in fields(Settings) if f.name != "source"})
    keymap = top.table("keymap")
    for key in keymap.data:
        keymap.get(key, _is_text, "the keys as text")
    environments = top.table("environments")
    named: dict[str, EnvironmentSettings] = {}
    for name in environments.data:
        try:
            check_environment(name)
        except InvalidName as error:
            raise environments.complain(name, "is not an environment's name", error.message) from None
        named[name] = _environment(name, environments.table(name))
    return Settings(
        source=top.file,
        theme=top.get("theme", _is_text, "the name of a theme", "dark"),
        refresh_seconds=top.get("refresh_seconds", *_REFRESH, 60),
        keymap=dict(keymap.data),
        environments=named,
    )


def _environment(name: str, table: _Table) -> EnvironmentSettings:
    table.only(dict.fromkeys(_ENVIRONMENT_KEYS))
    changed = {key: table.get(key, *rule) for key, rule in _POLICY_KEYS.items() if key in table.data}
    if (mode := changed.get("mode")) and mode != default_policy(name).mode:
        # What makes the mode comes with it: how long an unconfirmed freeze record is borne.
        changed.setdefault("hold_after_seconds", _HOLD_AFTER[mode])
    endpoint = table.get("endpoint_url", _is_endpoint, "https, or http on this machine, and an address of a host alone")
    account = table.get("account_id", _is_account, "12 digits, as text")
    texts = {key: table.get(key, _is_text, "a text") for key in _TEXTS if key not in ("endpoint_url", "account_id")}
    tags = table.table("tags")
    exchanges, hooks = table.table("exchanges"), table.table("hooks")
    hooks.only(dict.fromkeys(HOOKS))
    return EnvironmentSettings(
        name=name,
        policy=replace(default_policy(name), **changed),
        backend=table.get("backend", _one_of(*BACKENDS), "memory, vault or aws"),
        endpoint_url=endpoint,
        account_id=account,
        tags={key: tags.get(key, _is_text, "a text") for key in tags.data},
        exchanges={exchange: _exchange(exchange, exchanges) for exchange in exchanges.data},
        hooks={hook: tuple(hooks.get(hook, _is_texts, "a list of texts")) for hook in hooks.data},
        bots=tuple(_bot(entry, table) for entry in table.get("bots", _is_tables, "a list of tables", [])),
        named=frozenset(table.data),
        **texts,
    )


def _is_account(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9]{12}", value) is not None


def _is_endpoint(value: Any) -> bool:
    return _is_text(value) and not endpoint_problem(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _is_exchanges(value: Any) -> bool:
    try:
        return _is_texts(value) and all(check_exchange(name) for name in value)
    except InvalidName:
        return False


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _exchange(name: str, exchanges: _Table) -> ExchangeSettings:
    try:
        check_exchange(name)
    except InvalidName as error:
        raise exchanges.complain(name, "is not an exchange's name", error.message) from None
    table = exchanges.table(name)
    table.only({f.name: None for f in fields(ExchangeSettings)})
    return ExchangeSettings(
        rotation_days=table.get("rotation_days", _is_days, "a whole number of days"),
        owner=table.get("owner", _is_text, "a text", ""),
        two_factor=table.get("two_factor", _is_text, "a text", ""),
    )


def _bot(data: dict[str, Any], environment: _Table) -> BotSettings:
    table = _Table(environment.file, f"{environment.where}.bots", data)
    table.only({f.name: None for f in fields(BotSettings)})
    if "name" not in data:
        raise table.complain("name", "is missing")
    return BotSettings(
        name=table.get("name", _is_text, "a text"),
        exchanges=tuple(table.get("exchanges", _is_exchanges, "a list of exchanges", ())),
        holds=table.get("holds", _one_of("watch", "ttl", "process"), "watch, ttl or process", "process"),
    )
