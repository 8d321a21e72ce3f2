"""AssumeRoleWithWebIdentity with its trust conditions; moto takes any token for any role, even one that is not there.

The token's signature is not checked: there is no identity provider here that could have made it.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.sts.exceptions import STSClientError
from moto.sts.responses import TokenResponse

from tests.aws_server import policy
from tests.aws_server.enforcement import NOBODY
from tests.aws_server.policy import Caller, Verdict

ACTION = "sts:AssumeRoleWithWebIdentity"


def _claims(token: str) -> dict[str, Any]:
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise STSClientError("InvalidIdentityToken", "The web identity token is not a JSON web token.")
    return claims


def _check_trust(account: str, role_arn: str, token: str) -> None:
    claims = _claims(token)
    backend = iam_backends[account]["aws"]
    host = str(claims.get("iss", "")).removeprefix("https://")
    provider_arn = f"arn:aws:iam::{account}:oidc-provider/{host}"
    provider = backend.open_id_providers.get(provider_arn)
    verdict = Verdict.SILENT
    if provider is not None and claims.get("aud") in provider.client_id_list:
        context = {f"{host}:{name}": str(value) for name, value in claims.items()}
        try:
            document = backend.get_role_by_arn(role_arn).assume_role_policy_document
        except NotFoundException:
            document = NOBODY
        statements = policy.parse(document, has_principal=True)
        caller = Caller(frozenset(), "", federated=provider_arn)
        verdict = policy.evaluate(statements, ACTION, role_arn, context, caller)
    if verdict is not Verdict.ALLOW:
        raise STSClientError("AccessDenied", f"Not authorized to perform {ACTION}")


def install() -> None:
    """Put the check in front of moto's answer."""
    unchecked = TokenResponse.assume_role_with_web_identity

    def assume(response: Any) -> Any:
        _check_trust(
            str(response.current_account),
            str(response._get_param("RoleArn")),
            str(response._get_param("WebIdentityToken")),
        )
        return unchecked(response)

    TokenResponse.assume_role_with_web_identity = assume
