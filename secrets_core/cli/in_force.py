"""Which settings are in force, and where each of them comes from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from secrets_core.cli.session import Session, existing_file
from secrets_core.settings import BACKEND_VARIABLE, FILE_VARIABLE, default_path
from secrets_core.stores.memory import SEED_VARIABLE

SHOWN_VARIABLES = (
    *("MM_ENV", "EXCHANGE_ENV", FILE_VARIABLE, BACKEND_VARIABLE),
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CONFIG_FILE"),
    *("XDG_CONFIG_HOME", "CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE", "TF_BUILD"),
)
HIDDEN_VARIABLES = (
    *(SEED_VARIABLE, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_STS"),
)
"""These hold values, or may (an address with a password): only that they are set is told."""
_POLICY = (
    *("read_only", "rotation_days", "warn_days", "legacy_pairs", "mode", "poll_seconds"),
    *("hold_after_seconds", "ttl_seconds", "max_stale_seconds", "thaw_approvals"),
)
_TEXTS = ("region", "profile", "role_arn", "account_id", "endpoint_url", "kms_key_id", "break_glass_role")


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting in force."""

    key: str
    value: object
    source: str
    """``default``, ``file``, ``variable``, or the option that gives it."""


def settings_path(session: Session) -> str:
    """Tell where the settings file is, or would be."""
    typed, named = session.call.text("--config"), session.variables.get(FILE_VARIABLE)
    file = existing_file(typed or named or str(default_path(session.variables)))
    if file is not None:
        return str(file)
    # Not shown where it was typed for this command: what was typed may be anything.
    return "--config names no file" if typed else f"{named or default_path(session.variables)} (not there)"


def variable_entries(session: Session) -> list[Entry]:
    """Give the variables that are set, without what may be a value."""
    shown = [Entry(name, session.variables[name], "variable") for name in SHOWN_VARIABLES if name in session.variables]
    hidden = [Entry(name, "set", "variable") for name in HIDDEN_VARIABLES if name in session.variables]
    return shown + hidden


def top_entries(session: Session) -> list[Entry]:
    """Give what is not of one environment; raises ``SettingsError``."""
    settings = session.settings
    data = _file(settings.source)
    named = (
        ("theme", settings.theme),
        ("refresh_seconds", settings.refresh_seconds),
        ("keymap", dict(settings.keymap)),
    )
    return [Entry(key, value, "file" if key in data else "default") for key, value in named]


def environment_entries(session: Session, environment: str) -> list[Entry]:
    """Give what is in force in one environment; raises ``SettingsError``."""
    known = session.settings.environment(environment)
    table = _file(session.settings.source).get("environments", {}).get(environment, {})
    values: dict[str, object] = {key: getattr(known, key) for key in _TEXTS}
    values |= {key: getattr(known.policy, key) for key in _POLICY}
    values |= {
        "tags": dict(known.tags),
        "exchanges": sorted(known.exchanges),
        "hooks": sorted(known.hooks),
        "bots": [bot.name for bot in known.bots],
    }
    prefix = f"environments.{environment}"
    return [
        Entry(f"{prefix}.backend", *_backend(session, environment, table)),
        *(Entry(f"{prefix}.{key}", value, "file" if key in table else "default") for key, value in values.items()),
    ]


def _backend(session: Session, environment: str, table: Mapping[str, object]) -> tuple[str, str]:
    backend = session.service(environment).blank(environment).backend
    for option in ("--demo", "--backend"):
        if session.call.has(option) or session.call.text(option):
            return backend, option
    if session.variables.get(BACKEND_VARIABLE):
        return backend, "variable"
    return backend, "file" if "backend" in table else "default"


def _file(source: Path | None) -> dict[str, dict[str, dict[str, object]]]:
    """Read the file once more, as written: which keys it has; it has been checked by then."""
    return {} if source is None else tomllib.loads(source.read_text("utf-8"))
