"""Turns what botocore raises into our errors, by type and error code; messages are never parsed, and never shown.

Codes: Secrets Manager API reference (errors of each operation, common errors) and STS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from secrets_core.errors import (
    CoreError,
    Denied,
    GarbledAnswer,
    IdentityProblem,
    InvalidValue,
    OutcomeUnknown,
    Refused,
    SettingsError,
    Throttled,
    Unreachable,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class Verdict(Enum):
    """AWS understood the request and says no because of the state it found: what it means depends on the operation."""

    NOT_FOUND = "ResourceNotFoundException"
    EXISTS = "ResourceExistsException"
    INVALID_REQUEST = "InvalidRequestException"
    INVALID_PARAMETER = "InvalidParameterException"


@dataclass(frozen=True, slots=True)
class Attempted:
    """What was asked of AWS."""

    operation: str
    """As the API names it: ``PutSecretValue``."""
    about: str
    """The secret's name, or a prefix of names."""
    changing: bool
    profile: str | None

    @property
    def sentence(self) -> str:
        """The operation and what it was about, for a sentence."""
        return f"{self.operation} for {self.about}" if self.about else self.operation


_DENIED = {"AccessDeniedException", "AccessDenied", "AuthorizationError", "UnauthorizedOperation"}
_KMS = {"DecryptionFailure", "EncryptionFailure"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN_KEY = {
    "AuthFailure",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "UnrecognizedClientException",
}
_SIGNATURE = {"InvalidSignatureException", "SignatureDoesNotMatch"}
_THROTTLED = {
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
}
_VERDICTS = {verdict.value: verdict for verdict in Verdict}


def renewal(profile: str | None) -> str:
    """Tell how an AWS identity is renewed."""
    return (
        f"Renew it, for example with: aws sso login --profile {profile}"
        if profile
        else "Renew it, for example with: aws sso login --profile NAME, and name that profile in the settings."
    )


def mfa_wanted(profile: str | None) -> IdentityProblem:
    """Give the error for a profile that wants a code typed."""
    return IdentityProblem(
        f"{_named(profile)} wants an MFA code, which cannot be typed here.",
        hint="Use a profile of AWS IAM Identity Center, or make a session with: aws sts get-session-token",
        path=profile or "",
    )


def outcome_unknown(attempted: Attempted) -> OutcomeUnknown:
    """Give the error for a change whose answer was lost."""
    return OutcomeUnknown(
        f"{attempted.sentence} was sent, but no answer came that can be believed: it may or may not have happened.",
        hint="Look at the state first, then repeat: a repeat of the same change does no harm.",
        path=attempted.about,
    )


def overdue(attempted: Attempted, seconds: float) -> Unreachable:
    """Give the error for a call that had no effect yet when its deadline passed."""
    return Unreachable(
        f"AWS did not answer {attempted.sentence} within {seconds:g} seconds.",
        hint="Check the network, VPN or proxy, then try again.",
        path=attempted.about,
    )


def translate(error: Exception, attempted: Attempted, *, may_have_happened: bool) -> CoreError | Verdict:
    """Give our error for botocore's, or the verdict that the operation has to interpret.

    ``may_have_happened``: a request of this call was sent and its answer lost, so that a change is in doubt unless
    AWS judged the state afterwards.
    """
    from botocore.exceptions import ClientError

    outcome = _from_answer(error, attempted) if isinstance(error, ClientError) else _without_answer(error, attempted)
    if attempted.changing and may_have_happened and not isinstance(outcome, Verdict):
        return outcome_unknown(attempted)
    return outcome


def from_code(code: str, attempted: Attempted, status: int = 0) -> CoreError | Verdict:
    """Give our error for an error code of Secrets Manager, or the verdict that the operation has to interpret."""
    if code in _VERDICTS:
        return _VERDICTS[code]
    if code in _DENIED:
        return Denied(
            f"AWS denies {attempted.sentence}.",
            hint=f"The identity needs secretsmanager:{attempted.operation} there; a freeze or a policy may forbid it.",
            path=attempted.about,
        )
    if code in _KMS:
        return Denied(
            f"The KMS key of {attempted.about} cannot be used.",
            hint="It may be disabled, or the identity lacks kms:Decrypt or kms:GenerateDataKey on it.",
            path=attempted.about,
        )
    if code in _THROTTLED or status == 429:
        return Throttled(
            f"AWS asks to slow down ({attempted.sentence}).", hint="Try again in a moment.", path=attempted.about
        )
    return _identity_refused(code, attempted.profile) or _other_answer(code, status, attempted)


def _from_answer(error: ClientError, attempted: Attempted) -> CoreError | Verdict:
    response: Mapping[str, Any] = error.response
    code = str(response.get("Error", {}).get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if error.operation_name == attempted.operation:
        return from_code(code, attempted, status)
    # Another operation than the one asked for: botocore was taking on the identity.
    outcome = from_code(code, replace(attempted, operation=error.operation_name), status)
    if isinstance(outcome, (Verdict, Denied)):
        return IdentityProblem(
            f"AWS denies {error.operation_name}, by which the identity is taken on.",
            hint="Check role_arn in the settings or the profile, and the role's trust policy.",
        )
    return outcome


def _identity_refused(code: str, profile: str | None) -> IdentityProblem | None:
    if code in _EXPIRED:
        return IdentityProblem("The AWS session has expired.", hint=renewal(profile))
    if code in _UNKNOWN_KEY:
        return IdentityProblem("AWS does not accept this access key or session.", hint=renewal(profile))
    if code in _SIGNATURE:
        return IdentityProblem(
            "AWS does not accept the signature: the secret access key is wrong, or this machine's clock is off.",
            hint="Check the time first, then the access key.",
        )
    return None


def _other_answer(code: str, status: int, attempted: Attempted) -> CoreError:
    if status >= 500 or code == "InternalServiceError":
        return Unreachable(
            f"AWS failed to do {attempted.sentence} (HTTP {status}).",
            hint="Try again in a moment.",
            path=attempted.about,
        )
    if code == "LimitExceededException":
        return Refused(
            f"{attempted.sentence} would exceed a quota of AWS Secrets Manager.",
            guard="aws-quota",
            hint="See Service Quotas in the AWS console.",
            path=attempted.about,
        )
    if code == "ValidationException":
        return InvalidValue(f"AWS cannot take what {attempted.sentence} was given.", path=attempted.about)
    shown = code if code.isidentifier() else f"HTTP {status}"
    return CoreError(f"AWS refused {attempted.sentence} ({shown}).", path=attempted.about)


def _without_answer(error: Exception, attempted: Attempted) -> CoreError:
    from botocore import exceptions, parsers

    if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
        reason = _reason(error)
        return Unreachable(
            f"AWS did not answer {attempted.sentence}: {reason}{_where(error)}.",
            hint="Check the network, VPN or proxy, then try again.",
            path=attempted.about,
        )
    if isinstance(error, exceptions.ParamValidationError):
        return InvalidValue(
            f"{attempted.sentence} cannot be asked: a name, id or tag is not valid.", path=attempted.about
        )
    if isinstance(error, (exceptions.InvalidRegionError, exceptions.UnknownRegionError)):
        return SettingsError("The AWS region is not one that exists.", hint="For example eu-west-1.", path="region")
    if problem := _identity_missing(error, attempted.profile):
        return problem
    kind = type(error).__name__
    # botocore's parsers trip in all these ways over what is not an answer of AWS: a web page, a list, a number.
    if isinstance(error, (parsers.ResponseParserError, AttributeError, LookupError, TypeError, ValueError)):
        return GarbledAnswer(
            f"The answer to {attempted.sentence} cannot be read ({kind}).",
            hint="Look for a proxy or a login page between here and AWS.",
            path=attempted.about,
        )
    return CoreError(f"{attempted.sentence} failed unexpectedly ({kind}).", path=attempted.about)


def _reason(error: Exception) -> str:
    from botocore import exceptions

    reasons: Sequence[tuple[type[Exception], str]] = (
        (exceptions.ConnectTimeoutError, "no connection in time"),
        (exceptions.ReadTimeoutError, "no answer in time"),
        (exceptions.ProxyConnectionError, "the proxy cannot be reached"),
        (exceptions.SSLError, "the TLS connection failed"),
        (exceptions.EndpointConnectionError, "no connection"),
    )
    return next((text for kind, text in reasons if isinstance(error, kind)), "the connection broke")


def _where(error: Exception) -> str:
    """Name the host that was tried; nothing else of its address, which a proxy's may hold a password in."""
    address = getattr(error, "kwargs", {}).get("endpoint_url")
    host = urlsplit(address).hostname if isinstance(address, str) else None
    return f" ({host})" if host else ""


def _identity_missing(error: Exception, profile: str | None) -> IdentityProblem | None:
    from botocore import exceptions

    if isinstance(error, exceptions.ProfileNotFound):
        return IdentityProblem(
            f"There is no AWS profile {profile}.",
            hint="Those there are: aws configure list-profiles",
            path=profile or "",
        )
    if isinstance(error, (exceptions.SSOError, exceptions.TokenRetrievalError, exceptions.LoginError)):
        return IdentityProblem(
            f"{_named(profile)} is not logged in, or its login has expired.", hint=renewal(profile), path=profile or ""
        )
    if isinstance(error, exceptions.NoCredentialsError):
        return IdentityProblem(
            "There is no AWS identity: no profile, no environment variables, no role of this machine.",
            hint="Name a profile in the settings, then: aws sso login --profile NAME",
        )
    if isinstance(
        error,
        (
            exceptions.PartialCredentialsError,
            exceptions.CredentialRetrievalError,
            exceptions.MetadataRetrievalError,
            exceptions.InvalidConfigError,
            exceptions.ConfigParseError,
            exceptions.ConfigNotFound,
            exceptions.UnknownCredentialError,
            exceptions.MissingDependencyException,
        ),
    ):
        return IdentityProblem(
            f"{_named(profile)} gives no AWS identity ({type(error).__name__}).",
            hint="See what it says itself: aws sts get-caller-identity" + (f" --profile {profile}" if profile else ""),
            path=profile or "",
        )
    return None


def _named(profile: str | None) -> str:
    return f"The AWS profile {profile}" if profile else "The default AWS profile"
