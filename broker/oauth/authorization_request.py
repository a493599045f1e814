"""What an app asks of the authorization endpoint, checked in one visible order.

The same rules hold for a request in a query, in a form, and pushed beforehand (RFC 6749 §4.1.1, OIDC Core
§3.1.2.1, RFC 9126 §2.1).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.oauth import pkce, redirects, scopes
from broker.oauth.client_metadata import ClientMetadata
from broker.oauth.errors import (
    OAuthError,
    invalid_request,
    invalid_target,
    unauthorized_client,
    unsupported_response_type,
)
from broker.oauth.parameters import Parameters, is_visible_ascii

RESPONSE_MODES: Final = ("query", "form_post")
PROMPTS: Final = ("none", "login", "consent", "select_account")
_LONGEST_STATE: Final = 1_500
_LONGEST_NONCE: Final = 500
_SECONDS: Final = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z", re.ASCII)
_NOT_SUPPORTED: Final[Mapping[str, str]] = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that may be answered. `max_age` in seconds; `code_jkt` is the DPoP key to bind the code to."""

    scope: tuple[str, ...]
    code_challenge: str | None
    code_jkt: str | None
    nonce: str | None
    resources: tuple[str, ...]
    prompts: frozenset[str]
    max_age: int | None
    id_token_hint: str | None


def redirect_uri(parameters: Parameters, metadata: ClientMetadata) -> str:
    """Where the answer goes, when it is the app's own. Raises `invalid_request`, to be shown, not redirected."""
    # OIDC Core §3.1.2.1: required, also where RFC 6749 could do without.
    presented = parameters.required("redirect_uri")
    if not redirects.matches(presented, metadata.redirect_uris, native=metadata.native):
        raise invalid_request("The redirect_uri is not registered for this app, character for character.")
    return presented


def response_mode(parameters: Parameters) -> str:
    """How the answer travels; the default for one that is no known mode, which `read` refuses."""
    try:
        asked = parameters.get("response_mode", "query")
    except OAuthError:
        return "query"
    return asked if asked in RESPONSE_MODES else "query"


def echoed_state(parameters: Parameters) -> str | None:
    """The `state` for the answer; a repeated one cannot be echoed, and `read` refuses it."""
    try:
        return parameters.get("state")
    except OAuthError:
        return None


def ui_locales(parameters: Parameters) -> str | None:
    """The languages that pages may speak (OIDC Core §3.1.2.1); a wish that cannot be read is none."""
    try:
        return parameters.get("ui_locales")
    except OAuthError:
        return None


def read(parameters: Parameters, metadata: ClientMetadata) -> AuthorizationRequest:
    """Everything else, in this order. Raises `OAuthError`, to be sent to the redirect URI."""
    parameters.refuse_repeated()
    _refuse_unsupported(parameters)
    _refuse_other_response_types(parameters, metadata)
    _refuse_other_response_modes(parameters)
    _refuse_unusable_state(parameters)
    return AuthorizationRequest(
        scope=scopes.granted(parameters.get("scope"), metadata.scope),
        code_challenge=_code_challenge(parameters, metadata),
        code_jkt=_dpop_thumbprint(parameters),
        nonce=_nonce(parameters),
        resources=_resources(parameters, metadata.audience),
        prompts=_prompts(parameters),
        max_age=_max_age(parameters),
        id_token_hint=parameters.get("id_token_hint"),
    )


def _refuse_unsupported(parameters: Parameters) -> None:
    """OIDC Core §6.1, §6.2, §7.2.1: these have errors of their own."""
    for name, code in _NOT_SUPPORTED.items():
        if name in parameters:
            raise OAuthError(code, f"The parameter {name} is not supported.")


def _refuse_other_response_types(parameters: Parameters, metadata: ClientMetadata) -> None:
    if parameters.required("response_type") != "code":
        raise unsupported_response_type("The response_type must be code.")
    if "authorization_code" not in metadata.grant_types:
        raise unauthorized_client("The app is not registered for authorization_code.")


def _refuse_other_response_modes(parameters: Parameters) -> None:
    if parameters.get("response_mode", "query") not in RESPONSE_MODES:
        raise invalid_request(f"The response_mode must be one of {', '.join(RESPONSE_MODES)}.")


def _refuse_unusable_state(parameters: Parameters) -> None:
    state = parameters.get("state")
    if state is not None and not (is_visible_ascii(state) and len(state) <= _LONGEST_STATE):
        raise invalid_request(f"The state must be at most {_LONGEST_STATE} printable ASCII characters.")


def _code_challenge(parameters: Parameters, metadata: ClientMetadata) -> str | None:
    return pkce.read_challenge(
        parameters.get("code_challenge"),
        parameters.get("code_challenge_method"),
        required=metadata.pkce_required,
    )


def _dpop_thumbprint(parameters: Parameters) -> str | None:
    """RFC 9449 §10."""
    thumbprint = parameters.get("dpop_jkt")
    if thumbprint is not None and not _THUMBPRINT.match(thumbprint):
        raise invalid_request("The dpop_jkt must be the base64url SHA-256 thumbprint of a key.")
    return thumbprint


def _nonce(parameters: Parameters) -> str | None:
    nonce = parameters.get("nonce")
    if nonce is not None and not (is_visible_ascii(nonce) and len(nonce) <= _LONGEST_NONCE):
        raise invalid_request(f"The nonce must be at most {_LONGEST_NONCE} printable ASCII characters.")
    return nonce


def _resources(parameters: Parameters, audience: tuple[str, ...]) -> tuple[str, ...]:
    """RFC 8707 §2: only what the client is registered for."""
    asked = tuple(dict.fromkeys(parameters.several("resource")))
    if not set(asked) <= set(audience):
        raise invalid_target("The resource is not registered as an audience of this app.")
    return asked


def _prompts(parameters: Parameters) -> frozenset[str]:
    prompts = frozenset(parameters.get("prompt", "").split())
    if not prompts <= set(PROMPTS) or ("none" in prompts and len(prompts) > 1):
        raise invalid_request("The prompt must be none, or of login, consent and select_account.")
    return prompts


def _max_age(parameters: Parameters) -> int | None:
    max_age = parameters.get("max_age")
    if max_age is None:
        return None
    if not _SECONDS.match(max_age):
        raise invalid_request("The max_age must be a number of seconds.")
    return int(max_age)
