"""The one session and client of an AWS store: region, identity, endpoint, and the pinned account.

Nothing here prompts: a profile that wants a code or a login is answered with a sentence. botocore is imported only
inside functions, for it takes a quarter of a second that other backends need not pay.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import urlsplit

from secrets_core.errors import GarbledAnswer, Refused, WrongAccount
from secrets_core.stores.aws_calls import watch
from secrets_core.stores.aws_errors import mfa_wanted
from secrets_core.stores.aws_logging import silence_talking_loggers
from secrets_core.stores.aws_options import AwsOptions
from secrets_core.stores.base import Identity
from secrets_core.stores.memory import local_operator

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.config import Config
    from botocore.credentials import CredentialResolver, Credentials
    from botocore.loaders import Loader
    from botocore.session import Session

DEFAULT_REGION = "us-east-1"
_ENDPOINT_VARIABLES = "AWS_ENDPOINT_URL"
TLS_KEY_LOG = "SSLKEYLOGFILE"
_NOT_IN_SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Caller:
    arn: str
    account: str


@dataclass(slots=True)
class _Connected:
    client: Any
    session: Session
    base: Credentials
    """Before any change of role."""
    acting: Credentials
    region: str
    caller: _Caller | None = None


class AwsConnection:
    """Connects at the first need, once; safe for threads. After an identity problem it connects anew."""

    def __init__(self, options: AwsOptions) -> None:
        """Take the options; nothing is imported, read or connected yet."""
        self._options = options
        self._lock = threading.RLock()
        self._connected: _Connected | None = None
        self._notices: tuple[str, ...] = ()
        self._key_log = ""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of how the store connected; empty before it did."""
        return self._notices

    @property
    def profile(self) -> str | None:
        """The profile by name, from the options or the environment."""
        return self._options.profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")

    def client(self) -> Any:
        """Give the Secrets Manager client, its account checked; raises ``WrongAccount``, and what botocore raises."""
        with self._lock:
            if self._connected is None:
                connected = self._connect()
                self._check_account(connected)
                self._connected = connected
            return self._connected.client

    def identity(self) -> Identity:
        """Tell who acts; asks STS once. Raises what ``client`` does."""
        with self._lock:
            self.client()
            connected = self._connected
            if connected is None:
                raise RuntimeError("a client without a connection")
            caller = self._caller(connected)
            return Identity(
                caller.arn,
                self._options.role_account or caller.account,
                connected.region,
                _expiry(connected.base) or _expiry(connected.acting),
            )

    def forget(self) -> None:
        """Drop the connection, so that the next call reads profile, credentials and account anew."""
        with self._lock:
            self._connected = None

    def _connect(self) -> _Connected:
        from botocore.session import Session

        silence_talking_loggers()
        session = Session(profile=self._options.profile)
        session.register_component("data_loader", _shipped_models())
        session.register("before-send", self._refuse_unencrypted)
        profile = session.get_scoped_config()
        region, notice = _choose_region(self._options, profile)
        ignored = _ignored_endpoints(session.full_config, profile)
        self._key_log = self._key_log or _ignore_key_log()
        self._notices = tuple(text for text in (notice, ignored, _ignored_models(session), self._key_log) if text)
        session.set_default_client_config(self._config(region))
        resolver = session.get_component("credential_provider")
        self._forbid_prompts(session, resolver)
        base = _load(resolver)
        acting = self._take_role(session, base, region)
        session.register_component("credential_provider", _only(acting))
        client = session.create_client(
            "secretsmanager", region_name=region, endpoint_url=self._options.endpoint_url, config=self._config(region)
        )
        watch(client)
        return _Connected(client, session, base, acting, region)

    def _refuse_unencrypted(self, **event: Any) -> None:
        """Stop a request over plain http that the settings did not ask for, wherever its address came from."""
        url = str(event["request"].url)
        if urlsplit(url).scheme == "https" or _origin(url) == _origin(self._options.endpoint_url or ""):
            return
        raise Refused(
            f"A request to {urlsplit(url).hostname} would go over the network unencrypted. It was not sent.",
            guard="unencrypted",
            hint="Look for AWS settings on this machine that lead to another address.",
        )

    def _config(self, region: str) -> Config:
        from botocore.config import Config

        timing = self._options.timing
        settings: dict[str, Any] = {
            "region_name": region,
            "connect_timeout": timing.connect_seconds,
            "read_timeout": timing.read_seconds,
            "retries": {"mode": "standard", "total_max_attempts": timing.attempts},
            "max_pool_connections": 10,
            "ignore_configured_endpoint_urls": True,
            # Without this, HTTP_PROXY would carry a loopback endpoint's plain http to another machine.
            "proxies": {} if self._options.local_endpoint else None,
            "user_agent_extra": "mm-secrets",
        }
        return Config(**settings)

    def _forbid_prompts(self, session: Session, resolver: CredentialResolver) -> None:
        from botocore.exceptions import UnknownCredentialError

        profile = self.profile

        def refuse(_prompt: str) -> NoReturn:
            raise mfa_wanted(profile)

        if _wants_mfa(session.full_config.get("profiles", {}), profile or "default") and (
            self._options.profile or not os.environ.get("AWS_ACCESS_KEY_ID")
        ):
            raise mfa_wanted(profile)
        try:
            provider = resolver.get_provider("assume-role")
        except UnknownCredentialError:
            return
        provider._prompter = refuse  # type: ignore[attr-defined]  # the default chain has no other way to set it

    def _take_role(self, session: Session, base: Credentials, region: str) -> Credentials:
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        if self._options.role_arn is None:
            return base

        def sts(service: str, **keys: Any) -> BaseClient:
            return session.create_client(service, region_name=region, endpoint_url=self._options.local_endpoint, **keys)

        name = _NOT_IN_SESSION_NAME.sub("-", f"mm-secrets-{local_operator()}")[:64]
        fetcher = AssumeRoleCredentialFetcher(sts, base, self._options.role_arn, {"RoleSessionName": name})
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")

    def _check_account(self, connected: _Connected) -> None:
        pinned = self._options.account_id
        if pinned is None:
            return
        # The account of a role is in its ARN; any other identity has to be asked for.
        account = self._options.role_account or self._caller(connected).account
        if account != pinned:
            raise WrongAccount(
                f"This identity belongs to AWS account {account}; the settings pin {pinned}.",
                hint="Use the profile of the pinned account, or correct account_id. Nothing was read or changed.",
                path="account_id",
            )

    def _caller(self, connected: _Connected) -> _Caller:
        if connected.caller is None:
            keys = connected.base.get_frozen_credentials()
            sts: Any = connected.session.create_client(
                "sts",
                region_name=connected.region,
                endpoint_url=self._options.local_endpoint,
                aws_access_key_id=keys.access_key,
                aws_secret_access_key=keys.secret_key,
                aws_session_token=keys.token,
            )
            answer: Mapping[str, object] = sts.get_caller_identity()
            arn, account = answer.get("Arn"), answer.get("Account")
            if not (isinstance(arn, str) and isinstance(account, str) and arn and account):
                raise GarbledAnswer(
                    "AWS answered who this identity is without its ARN and account.",
                    hint="Look for a proxy or a login page between here and AWS.",
                )
            connected.caller = _Caller(arn, account)
        return connected.caller


class _Given:
    METHOD = "given"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load(self) -> Credentials:
        return self._credentials


def _only(credentials: Credentials) -> CredentialResolver:
    from botocore.credentials import CredentialResolver

    return CredentialResolver([cast(Any, _Given(credentials))])


def _load(resolver: CredentialResolver) -> Credentials:
    from botocore.exceptions import NoCredentialsError

    credentials = resolver.load_credentials()
    if credentials is None:
        raise NoCredentialsError
    return credentials


def _shipped_models() -> Loader:
    """Give the loader of botocore's own models and endpoint rules alone.

    Those from elsewhere could send the credentials and values to any address.
    """
    from botocore.loaders import Loader

    return Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)


def _ignored_models(session: Session) -> str:
    """Give the notice that names every place of models, for none but botocore's own counts."""
    from botocore.loaders import Loader

    names = ["AWS_DATA_PATH"] if os.environ.get("AWS_DATA_PATH") else []
    if "data_path" in session.get_scoped_config():
        names.append("data_path of the AWS profile")
    if Path(Loader.CUSTOMER_DATA_PATH).is_dir():
        names.append("~/.aws/models")
    return f"Ignored: {', '.join(names)}. Only the models that come with botocore count." if names else ""


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _ignore_key_log() -> str:
    """Take away the variable that has Python's ssl write the keys of connections into a file; give the notice."""
    if os.environ.pop(TLS_KEY_LOG, None) is None:
        return ""
    return f"Ignored: {TLS_KEY_LOG}, which would let others read what is sent."


def _choose_region(options: AwsOptions, profile: Mapping[str, Any]) -> tuple[str, str]:
    """Give the region, and the notice for one that nobody chose."""
    chosen = (
        options.region
        or os.environ.get("AWS_REGION")
        or os.environ.get("AWS_DEFAULT_REGION")
        or cast("str | None", profile.get("region"))
    )
    if chosen:
        return chosen, ""
    return DEFAULT_REGION, f"No AWS region is set: using {DEFAULT_REGION}. Set region, AWS_REGION or the profile's."


def _ignored_endpoints(config: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
    """Give the notice that names every configured endpoint, for none of them counts."""
    names = [name for name in sorted(os.environ) if name.startswith(_ENDPOINT_VARIABLES)]
    services = config.get("services", {}).get(profile.get("services"), {})
    if "endpoint_url" in profile or any("endpoint_url" in entry for entry in services.values()):
        names.append("endpoint_url of the AWS profile")
    return f"Ignored: {', '.join(names)}. Only endpoint_url in the settings file counts." if names else ""


def _wants_mfa(profiles: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    """Tell whether this profile, or one it takes its role from, asks for a code."""
    seen: set[str] = set()
    while name in profiles and name not in seen:
        seen.add(name)
        profile = profiles[name]
        has_keys = len(seen) > 1 and "aws_access_key_id" in profile
        if has_keys or "role_arn" not in profile or "web_identity_token_file" in profile:
            return False
        if "mfa_serial" in profile:
            return True
        name = profile.get("source_profile", "")
    return False


def _expiry(credentials: Credentials) -> datetime | None:
    """Give the end of a session in UTC; static credentials have none, an unused role none yet."""
    expiry = getattr(credentials, "_expiry_time", None)
    return expiry.astimezone(UTC) if isinstance(expiry, datetime) else None
