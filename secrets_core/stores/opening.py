"""Choosing and opening the backend of an environment; the guards that apply before any of it is touched."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Mapping
from typing import Literal

from secrets_core.clock import Clock, utc_now
from secrets_core.errors import SettingsError, Unsupported
from secrets_core.policy import ci_refusal
from secrets_core.settings import BACKEND_VARIABLE, BACKENDS, EnvironmentSettings
from secrets_core.stores.base import SecretStore
from secrets_core.stores.memory import SEED_VARIABLE, MemoryStore, load_seed
from secrets_core.stores.metadata_only import MetadataOnlyStore

Patience = Literal["console", "bot"]
"""Whose time-outs: an operator's who looks at a screen, or a program's that had better wait."""


def choose_backend(
    environment: EnvironmentSettings,
    variables: Mapping[str, str],
    argument: str | None = None,
    *,
    named: Collection[str] = (),
) -> str:
    """Give the backend: argument > ``SECRETS_BACKEND`` > settings > memory.

    ``named`` are the environments that the settings file names: where it names some and nothing else chooses, any other
    one is a ``SettingsError``, so that a mistyped name never ends in the memory. So is an unknown backend.
    """
    for source, name in (("--backend", argument), (BACKEND_VARIABLE, variables.get(BACKEND_VARIABLE))):
        if name:
            if name not in BACKENDS:
                raise SettingsError(
                    f"{source} names an unknown backend.", hint=f"Known: {', '.join(BACKENDS)}.", path=source
                )
            return name
    if named and environment.name not in named:
        raise _not_named(environment.name, sorted(named))
    return environment.backend or "memory"


def _not_named(name: str, named: list[str]) -> SettingsError:
    *others, last = named
    nearest = difflib.get_close_matches(name, named, n=1)
    return SettingsError(
        f"The settings name {' and '.join(filter(None, (', '.join(others), last)))}, not {name}.",
        hint=f"Did you mean {nearest[0]}?" if nearest else f"Add [environments.{name}] to the file, or name a backend.",
        path=name,
    )


def open_store(
    environment: EnvironmentSettings,
    *,
    variables: Mapping[str, str] = os.environ,
    backend: str | None = None,
    patience: Patience = "bot",
    clock: Clock = utc_now,
    metadata_only: bool = False,
) -> SecretStore:
    """Open the environment's store; nothing is called yet.

    ``metadata_only`` gives a store that can neither read a credential's value nor change anything: CI may have it of
    prod too. Raises ``Refused`` (CI reaching for prod), ``SettingsError``, ``Unsupported`` (the vault).
    """
    chosen = choose_backend(environment, variables, backend)
    if metadata_only:
        return MetadataOnlyStore(_open(environment, chosen, variables, patience, clock))
    if refusal := ci_refusal(environment.name, chosen, environment.endpoint_url, variables):
        raise refusal
    return _open(environment, chosen, variables, patience, clock)


def _open(
    environment: EnvironmentSettings, chosen: str, variables: Mapping[str, str], patience: Patience, clock: Clock
) -> SecretStore:
    if chosen == "vault":
        raise Unsupported("The embedded vault is not available yet.", hint="Use aws, or memory for a trial.")
    if chosen == "aws":
        return _open_aws(environment, patience)
    store = MemoryStore(clock)
    if seed := variables.get(SEED_VARIABLE):
        load_seed(store, seed, clock)
    return store


def _open_aws(environment: EnvironmentSettings, patience: Patience) -> SecretStore:
    from secrets_core.stores.aws import AwsOptions, AwsStore

    return AwsStore(
        AwsOptions(
            region=environment.region,
            profile=environment.profile,
            role_arn=environment.role_arn,
            account_id=environment.account_id,
            endpoint_url=environment.endpoint_url,
            kms_key_id=environment.kms_key_id,
            tags=environment.tags,
            patience=patience,
        )
    )
