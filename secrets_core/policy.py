"""The rules of each environment: what its bots may rely on, what its operators must confirm, how old a key may get."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

from secrets_core.errors import Refused

Mode = Literal["best_effort", "strict"]
LegacyRule = Literal["allow", "warn", "refuse"]

CI_VARIABLES = ("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE", "TF_BUILD")
"""Each is set by its CI system in every job (their documentation of default variables)."""


@dataclass(frozen=True, slots=True)
class EnvironmentPolicy:
    """The rules of one environment; times in seconds where not said otherwise."""

    environment: str
    mode: Mode = "best_effort"
    """``strict``: what cannot be confirmed is held; ``best_effort``: it is used, with a warning."""
    poll_seconds: float = 30
    """How often a watching reader looks at the freeze record."""
    warn_after_seconds: float | None = None
    hold_after_seconds: float | None = None
    """How long the freeze record may stay unconfirmed before a watching reader holds; ``None``: for ever."""
    ttl_seconds: float = 300
    max_stale_seconds: float = 24 * 3600
    """How old a cached value may get while the backend fails and the freeze record is confirmed."""
    legacy_pairs: LegacyRule = "allow"
    read_only: bool = False
    typed_confirmation: bool = False
    """A changing act wants the environment's name typed."""
    rotation_days: int = 90
    warn_days: int = 14
    freeze_approvals: int = 1
    thaw_approvals: int = 1


_DEFAULTS = {
    "dev": EnvironmentPolicy("dev"),
    "shadow": EnvironmentPolicy("shadow", poll_seconds=15, warn_after_seconds=60, legacy_pairs="warn"),
    "soak": EnvironmentPolicy(
        "soak",
        mode="strict",
        poll_seconds=10,
        hold_after_seconds=120,
        max_stale_seconds=4 * 3600,
        legacy_pairs="refuse",
        typed_confirmation=True,
        thaw_approvals=2,
    ),
}
_DEFAULTS["prod"] = replace(_DEFAULTS["soak"], environment="prod", read_only=True)


def default_policy(environment: str) -> EnvironmentPolicy:
    """Give the rules of an environment before settings; one that is not dev or shadow gets soak's strict rules."""
    return replace(_DEFAULTS.get(environment, _DEFAULTS["soak"]), environment=environment)


def is_loopback(endpoint_url: str | None) -> bool:
    """Tell whether an endpoint is on this machine: a test server, never the real AWS."""
    try:
        host = urlsplit(endpoint_url or "").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def endpoint_problem(url: str) -> str:
    """Tell what is wrong with an endpoint, for a sentence; empty for one that may be used.

    https goes anywhere, plain http only to this machine; a user, a query or a fragment has no place in an endpoint.
    """
    try:
        parts = urlsplit(url)
        complete = bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        parts, complete = urlsplit(""), False
    # urlsplit drops some control characters that others who read the address keep.
    plain = url.isprintable() and not set(url) & set(" ?#")
    if not (complete and plain and parts.scheme in ("http", "https")):
        return "is not an http or https address of a host alone"
    if parts.scheme == "http" and not is_loopback(url):
        return "would send credentials over the network unencrypted"
    return ""


def ci_refusal(
    environment: str,
    backend: str,
    endpoint_url: str | None,
    variables: Mapping[str, str],
    markers: Sequence[str] = CI_VARIABLES,
) -> Refused | None:
    """Give the refusal of a CI job that reaches for prod on a real backend, or ``None``.

    The CLI also counts a bare ``CI`` among the markers; the library does not. A seat belt: the barrier is an AWS role
    that CI cannot assume.
    """
    if environment != "prod" or backend in ("memory", "demo") or (backend == "aws" and is_loopback(endpoint_url)):
        return None
    marker = next((name for name in markers if variables.get(name)), None)
    if marker is None:
        return None
    return Refused(
        f"prod is never reached from CI ({marker} is set).",
        guard="ci",
        hint=f"Run this from an operator's machine; unset {marker} if this is one.",
        path=environment,
    )


def binding_refusal(environment: str, variables: Mapping[str, str]) -> Refused | None:
    """Give the refusal of a process that ``MM_ENV`` binds to another environment, or ``None``."""
    bound = variables.get("MM_ENV")
    if not bound or bound == environment:
        return None
    return Refused(
        f"This process is bound to {bound} by MM_ENV and may not touch {environment}.",
        guard="bound",
        hint="Unset MM_ENV, or name that environment.",
        path=environment,
    )
