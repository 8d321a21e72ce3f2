"""What a trading bot calls: credentials by environment and exchange, cached as one object each.

``get_api_credentials`` and its kin use the backend that variables and settings choose; ``SecretProvider`` takes any
store.
"""

from __future__ import annotations

import logging
import os
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import monotonic, sleep
from typing import TYPE_CHECKING

from secrets_core import exchanges, pairs
from secrets_core.clock import Clock, utc_now
from secrets_core.errors import Denied, InvalidValue, Refused
from secrets_core.fingerprints import FingerprintKey, ensure_key
from secrets_core.names import (
    API_KEY,
    API_PASSPHRASE,
    API_SECRET,
    LEADER,
    ROOT,
    CredentialRef,
    PartName,
    check_environment,
    environment_prefix,
    parse_secret_name,
)
from secrets_core.policy import EnvironmentPolicy, binding_refusal, ci_refusal, default_policy
from secrets_core.reader import EnvironmentReader, Ready
from secrets_core.secret import Secret
from secrets_core.settings import load_settings
from secrets_core.standing import Uniform
from secrets_core.stores.base import RECOVERY_DAYS, SecretStore
from secrets_core.stores.opening import choose_backend, open_store
from secrets_core.versions import new_version_id

if TYPE_CHECKING:
    from secrets_core.credentials import APICredentials

_log = logging.getLogger("secrets_core")


class SecretProvider:
    """Credentials of one store, read through a cache that honours the freeze record. Safe for threads."""

    def __init__(
        self,
        store: SecretStore,
        *,
        policies: Mapping[str, EnvironmentPolicy] | None = None,
        variables: Mapping[str, str] = os.environ,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = monotonic,
        sleep: Callable[[float], None] = sleep,
        uniform: Uniform | None = None,
        ready: Ready | None = None,
        only: str | None = None,
    ) -> None:
        """Take the store, and the policies of environments whose rules are not the default ones.

        ``only`` is the one environment that it serves, where settings name this store for that one (default: all).
        ``variables`` bind the process (``MM_ENV``) and tell CI. The rest is for tests, and ``ready`` for a caller that
        looks into it by itself: what may be handed out now.
        """
        self.store = store
        self._policies = policies or {}
        self._variables = variables
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        # The system's generator: it needs no seed, so that two forked bots do not draw the same numbers.
        self._uniform = uniform or random.SystemRandom().uniform
        self._ready: Ready = {} if ready is None else ready
        self._only = only
        self._readers: dict[str, EnvironmentReader] = {}

    def get_api_credentials(self, environment: str, exchange: str) -> APICredentials:
        """Give all parts of a credential, of one version; from memory while that is fresh.

        Raises ``CredentialsOnHold`` (frozen, denied, or the freeze record unconfirmed for too long),
        ``CredentialsDead`` (revoked), ``NotFound``, ``Incomplete``, ``Torn``, ``ScheduledForDeletion``, ``Refused``
        (``MM_ENV``, CI, a legacy pair, an environment that it does not serve), ``InvalidName``, and what the store
        raises when nothing fresh enough is in memory.
        """
        hit = self._ready.get((environment, exchange))
        # The dictionary may be shared with the providers of other environments.
        if hit is not None and self._only in (None, environment) and self._monotonic() < hit[0]:
            return hit[1]
        return self.reader(environment).get(exchange)

    def get_api_key(self, environment: str, exchange: str) -> Secret:
        """Give the API key; raises as ``get_api_credentials``, which gives key and secret of one version."""
        return self.get_api_credentials(environment, exchange).api_key

    def get_api_secret(self, environment: str, exchange: str) -> Secret:
        """Give the API secret; raises as ``get_api_credentials``, which gives key and secret of one version."""
        return self.get_api_credentials(environment, exchange).api_secret

    def for_risk_reduction(self, environment: str, exchange: str) -> APICredentials:
        """Give what is held in memory, also on hold: to cancel orders and to reduce, for nothing else.

        Never reads. Raises ``CredentialsDead``, or ``NotFound`` when nothing is in memory.
        """
        return self.reader(environment).held(CredentialRef(environment, exchange))

    def save_credentials(
        self,
        environment: str,
        exchange: str,
        api_key: str | Secret,
        api_secret: str | Secret,
        api_passphrase: str | Secret | None = None,
    ) -> pairs.Written:
        """Store a credential that does not exist yet.

        Raises ``InvalidValue`` (which never holds the value), ``Refused`` (read-only, ``MM_ENV``, CI, frozen), and as
        ``pairs.create``.
        """
        ref = CredentialRef(environment, exchange)
        values, notices = _checked(ref, api_key, api_secret, api_passphrase)
        change = self._change(ref, "first", notices)
        written = pairs.create(self.store, ref, values, change, sleep=self._sleep)
        self.reader(environment).forget(exchange)
        return replace(written, notices=(*written.notices, *notices))

    def rotate_credentials(
        self,
        environment: str,
        exchange: str,
        api_key: str | Secret,
        api_secret: str | Secret,
        api_passphrase: str | Secret | None = None,
        *,
        why: str = "scheduled",
    ) -> pairs.Written:
        """Replace a credential as one; ``why`` is one of those that ``tags.VersionRecord`` names.

        Raises ``InvalidValue`` (which never holds the value), ``Refused`` (read-only, ``MM_ENV``, CI, frozen, burned),
        and as ``pairs.rotate``.
        """
        ref = CredentialRef(environment, exchange)
        values, notices = _checked(ref, api_key, api_secret, api_passphrase)
        change = self._change(ref, why, notices)
        written = pairs.rotate(self.store, ref, values, change, sleep=self._sleep)
        self.reader(environment).forget(exchange)
        return replace(written, notices=(*written.notices, *notices))

    def list_credentials(self, environment: str | None = None) -> list[CredentialRef]:
        """List what can be read, of one environment or of all that it serves; from metadata alone, no value is read.

        A credential exists when its ``api_key`` has a current version. Raises what the store raises, and ``Refused``.
        """
        if environment is not None:
            self._guard(check_environment(environment))
        wanted = self._only if environment is None else environment
        prefix = f"{ROOT}/" if wanted is None else environment_prefix(wanted)
        named = [
            parsed
            for metadata in self.store.list_metadata(prefix)
            if metadata.deleted_at is None
            and metadata.current is not None
            and isinstance(parsed := parse_secret_name(metadata.name), PartName)
        ]
        refs = {parsed.ref for parsed in named if parsed.part == LEADER and not parsed.emergency}
        return sorted(ref for ref in refs if not binding_refusal(ref.environment, self._variables))

    def delete_credentials(self, environment: str, exchange: str, *, recovery_days: int = RECOVERY_DAYS) -> None:
        """Schedule a credential's deletion after 7 to 30 days.

        Raises ``Refused`` (read-only, ``MM_ENV``, CI, frozen), and as ``pairs.delete``.
        """
        ref = CredentialRef(environment, exchange)
        self._guard_change(environment)
        strict = self._policy(environment).mode == "strict"
        pairs.delete(self.store, ref, recovery_days=recovery_days, strict=strict)
        self.reader(environment).forget(exchange)

    def clear_cache(self) -> None:
        """Let the next call read again; what is in memory stays reachable for ``for_risk_reduction`` alone."""
        for reader in list(self._readers.values()):
            reader.forget()

    def reader(self, environment: str) -> EnvironmentReader:
        """Give what reads one environment, as a watch uses it; raise ``InvalidName``, or ``Refused`` for another one
        than it serves.
        """
        self._require_served(environment)
        known = self._readers.get(environment)
        if known is not None:
            return known
        made = EnvironmentReader(
            self.store,
            self._policy(check_environment(environment)),
            ready=self._ready,
            guard=lambda: self._guard(environment),
            monotonic=self._monotonic,
            sleep=self._sleep,
            uniform=self._uniform,
        )
        return self._readers.setdefault(environment, made)

    def retire(self) -> bool:
        """Forget everything and leave the dictionary it was given, unless a watch is at work; tells whether it did."""
        readers = list(self._readers.values())
        watched = any(reader.watched for reader in readers)
        if not watched:
            self._ready = {}
        for reader in readers:
            reader.forget(ready=self._ready)
        return not watched

    def _policy(self, environment: str) -> EnvironmentPolicy:
        known = self._policies.get(environment)
        return default_policy(environment) if known is None else replace(known, environment=environment)

    def _require_served(self, environment: str) -> None:
        if self._only not in (None, environment):
            check_environment(environment)
            raise Refused(
                f"This provider was opened for {self._only} and does not serve {environment}.",
                guard="bound",
                hint=f'Use get_secret_provider("{environment}").',
                path=environment,
            )

    def _guard(self, environment: str) -> None:
        self._require_served(environment)
        # Only the AWS store has an endpoint, and its class is not imported to ask.
        endpoint = getattr(getattr(self.store, "options", None), "endpoint_url", None)
        for refused in (
            binding_refusal(environment, self._variables),
            ci_refusal(environment, self.store.backend, endpoint, self._variables),
        ):
            if refused:
                raise refused

    def _guard_change(self, environment: str) -> None:
        self._guard(environment)
        if self._policy(environment).read_only and self.store.backend != "memory":
            raise Refused(
                f"{environment} is read-only.",
                guard="read-only",
                hint=f"Change it in the console or the CLI, or set environments.{environment}.read_only to false.",
                path=environment,
            )

    def _change(self, ref: CredentialRef, why: str, notices: list[str]) -> pairs.Change:
        self._guard_change(ref.environment)
        return pairs.Change(
            by=self.store.identity().operator,
            why=why,
            now=self._clock(),
            fingerprint_key=self._fingerprint_key(ref.environment, notices),
            strict=self._policy(ref.environment).mode == "strict",
        )

    def _fingerprint_key(self, environment: str, notices: list[str]) -> FingerprintKey | None:
        try:
            return ensure_key(self.store, environment, new_version_id(self._clock()))
        except Denied:
            notices.append("It could not be fingerprinted: this identity may not read the environment's key.")
            return None


def _checked(
    ref: CredentialRef, api_key: str | Secret, api_secret: str | Secret, api_passphrase: str | Secret | None
) -> tuple[dict[str, Secret], list[str]]:
    """Give the typed parts and what is unusual about them; raise ``InvalidValue``."""
    typed = {API_KEY: api_key, API_SECRET: api_secret, API_PASSPHRASE: api_passphrase}
    values = {
        part: value if isinstance(value, Secret) else Secret(value)
        for part, value in typed.items()
        if value is not None
    }
    findings = exchanges.check_values(ref.exchange, values)
    if blocking := [finding.message for finding in findings if finding.blocking]:
        raise InvalidValue(" ".join(blocking), hint="Nothing was stored.", path=str(ref))
    return values, [finding.message for finding in findings]


_ready: Ready = {}
_providers: dict[tuple[str, str | None], SecretProvider] = {}
_opening = threading.RLock()


def get_api_credentials(environment: str, exchange: str) -> APICredentials:
    """Give a credential from the backend that variables and settings choose, cached.

    Raises as ``SecretProvider.get_api_credentials`` and ``get_secret_provider``.
    """
    hit = _ready.get((environment, exchange))
    if hit is not None and monotonic() < hit[0]:
        return hit[1]
    return get_secret_provider(environment).get_api_credentials(environment, exchange)


async def aget_api_credentials(environment: str, exchange: str) -> APICredentials:
    """Do as ``get_api_credentials``; what has to be read is read in a thread."""
    hit = _ready.get((environment, exchange))
    if hit is not None and monotonic() < hit[0]:
        return hit[1]
    import asyncio  # loaded already by whoever awaits; costly for everybody else

    return await asyncio.to_thread(get_api_credentials, environment, exchange)


def get_secret_provider(environment: str, *, backend: str | None = None) -> SecretProvider:
    """Give the provider of this one environment, opening its backend on first use: ``backend`` > ``SECRETS_BACKEND`` >
    the environment's entry in the settings file > memory.

    Raises ``Refused`` (``MM_ENV``, CI), ``SettingsError`` (an unknown backend, a settings file or seed that cannot be
    understood), ``Unsupported`` (the vault), ``InvalidName``.
    """
    known = _providers.get((environment, backend))
    if known is not None:
        return known
    if refused := binding_refusal(check_environment(environment), os.environ):
        raise refused
    with _opening:
        known = _providers.get((environment, backend))
        if known is None:
            known = _providers[environment, backend] = _open(environment, backend)
    return known


def clear_cache() -> None:
    """Forget values and providers, so that the next call reads variables, settings and values again.

    An environment with a running ``watch`` keeps its store and goes on being watched; only its values are read again.
    """
    with _opening:
        for key, provider in list(_providers.items()):
            if provider.retire():
                del _providers[key]


def _open(environment: str, backend: str | None) -> SecretProvider:
    loaded = load_settings(variables=os.environ)
    settings = loaded.environment(environment)
    chosen = choose_backend(settings, os.environ, backend, named=loaded.environments)
    store = open_store(settings, variables=os.environ, backend=backend, patience="bot")
    if ci_refusal(environment, chosen, settings.endpoint_url, os.environ, markers=("CI",)):
        _log.warning("%s is read in what looks like a CI job (CI is set).", environment)
    return SecretProvider(
        store,
        policies={environment: settings.policy},
        ready=_ready if backend is None else None,
        only=environment,
    )


if hasattr(os, "register_at_fork"):
    # No fork while a backend is being opened, so that the child finds the lock free.
    os.register_at_fork(before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_opening.release)
