"""The secrets themselves, and the rules of staging labels: one label sits on one version, and AWSPREVIOUS follows."""

from __future__ import annotations

import secrets
import string
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.aws_server.answers import AwsError, without_nothing
from tests.aws_server.listing import LaggingView

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"
MAX_LABELS = 20
KEPT_VERSIONS = 100
DAY = 86_400


@dataclass(slots=True)
class Version:
    """One immutable value of a secret; times are seconds since the epoch, UTC."""

    version_id: str
    created: float
    text: str | None = field(repr=False)
    binary: str | None = field(repr=False)  # base64, as it travels
    accessed: float | None = None


@dataclass(slots=True)
class Secret:
    """One secret with its versions in order of creation and its labels, each naming the version it sits on."""

    arn: str
    name: str
    created: float
    changed: float
    description: str | None = None
    kms_key_id: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    deleted: float | None = None
    accessed: float | None = None
    policy: str | None = None

    def stages(self, version_id: str) -> list[str]:
        """Give the labels of a version, sorted as AWS sorts them."""
        return sorted(label for label, holder in self.labels.items() if holder == version_id)

    def attach(self, label: str, version_id: str) -> None:
        """Put a label on a version; AWSPREVIOUS goes where AWSCURRENT came from.

        Raises:
            AwsError: ``LimitExceededException`` for more than 20 labels over all versions.
        """
        before = self.labels.get(label)
        if before == version_id:
            return
        follows = {PREVIOUS} if label == CURRENT and before is not None else set()
        if len(self.labels.keys() | {label} | follows) > MAX_LABELS:
            raise AwsError(
                "LimitExceededException", f"A secret can have {MAX_LABELS} staging labels over all its versions."
            )
        self.labels[label] = version_id
        if follows and before is not None:
            self.labels[PREVIOUS] = before

    def prune(self, now: float, *, at_once: bool) -> None:
        """Drop unlabelled versions: beyond the 100 newest those older than 24 hours, or all of them if ``at_once``.

        Source: PutSecretValue, "keeps 100 of the most recent versions, but it keeps all secret versions created in
        the last 24 hours".
        """
        labelled = set(self.labels.values())
        spare = len(self.versions) - (0 if at_once else KEPT_VERSIONS)
        doomed: list[str] = []
        for version in self.versions.values():
            if len(doomed) >= spare or not (at_once or now - version.created > DAY):
                break
            if version.version_id not in labelled:
                doomed.append(version.version_id)
        for version_id in doomed:
            del self.versions[version_id]

    def details(self) -> dict[str, Any]:
        """Give what DescribeSecret and ListSecrets have in common; unlabelled versions are not shown."""
        return without_nothing(
            ARN=self.arn,
            Name=self.name,
            Description=self.description,
            KmsKeyId=self.kms_key_id,
            CreatedDate=self.created,
            LastChangedDate=self.changed,
            LastAccessedDate=self.accessed,
            DeletedDate=self.deleted,
            Tags=[{"Key": key, "Value": value} for key, value in self.tags.items()],
        )

    def labelled_versions(self) -> dict[str, list[str]]:
        """Give the versions that have labels, each with its labels."""
        return {version_id: self.stages(version_id) for version_id in dict.fromkeys(self.labels.values())}


@dataclass(slots=True)
class Settings:
    """What tests change at run time; the defaults are AWS's own behaviour, and no enforcement of IAM."""

    listing_lag_seconds: float = 0.0
    clock_offset_seconds: float = 0.0
    prune_at_once: bool = False
    enforce: bool = False


@dataclass(slots=True)
class Region:
    """The secrets of one account in one region."""

    account: str
    name: str
    view: LaggingView = field(default_factory=LaggingView)
    secrets: dict[str, Secret] = field(default_factory=dict)

    def new_arn(self, name: str) -> str:
        """Make an ARN for a new secret; its six random characters differ even for a name used before."""
        suffix = "".join(secrets.choice(string.ascii_letters) for _ in range(6))
        return f"{self.arn_of(name)}-{suffix}"

    def arn_of(self, name: str) -> str:
        """Give the ARN of a name without the random characters."""
        return f"arn:aws:secretsmanager:{self.name}:{self.account}:secret:{name}"

    def find(self, secret_id: str) -> Secret | None:
        """Look a secret up by name, ARN, or ARN without the random characters."""
        if not secret_id.startswith("arn:"):
            return self.secrets.get(secret_id)
        name = secret_id.removeprefix(self.arn_of(""))
        partial = self.secrets.get(name)
        full = self.secrets.get(name[:-7])
        return full if full is not None and full.arn == secret_id else partial

    def publish(self, secret: Secret) -> None:
        """Let listings know of a secret's new state, or of its end."""
        row = None
        if self.secrets.get(secret.name) is secret:
            row = secret.details() | without_nothing(SecretVersionsToStages=secret.labelled_versions())
        self.view.publish(secret.name, row)


@dataclass(slots=True)
class World:
    """Everything the server knows, behind one lock: AWS's operations on one secret are atomic."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    settings: Settings = field(default_factory=Settings)
    _regions: dict[tuple[str, str], Region] = field(default_factory=dict)

    def region(self, account: str, name: str) -> Region:
        """Give one account's region, empty at first."""
        with self.lock:
            found = self._regions.get((account, name))
            if found is None:
                view = LaggingView(self.settings.listing_lag_seconds)
                found = self._regions[account, name] = Region(account, name, view)
            return found

    def now(self) -> float:
        """Give the time with the resolution of AWS's dates, a millisecond."""
        return round(time.time() + self.settings.clock_offset_seconds, 3)

    def change(self, settings: Settings) -> None:
        """Put new settings in force."""
        with self.lock:
            self.settings = settings
            for region in self._regions.values():
                # What is due under the old lag is shown first, so that a longer lag hides nothing again.
                region.view.catch_up()
                region.view.lag = settings.listing_lag_seconds

    def clear(self) -> None:
        """Forget all secrets and settings."""
        with self.lock:
            self._regions.clear()
            self.settings = Settings()
