"""What an app asks of the authorization endpoint, checked in one visible order."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from broker.client_auth import Client, ClientDirectory
from broker.oauth import pkce, redirects, scopes
from broker.oauth.errors import (
    OAuthError,
    invalid_request,
    invalid_target,
    login_required,
    unsupported_response_type,
)
from broker.oauth.parameters import Parameters, is_visible_ascii

_LONGEST_STATE: Final = 1_500
_LONGEST_NONCE: Final = 500
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_SECONDS: Final = re.compile(r"[0-9]{1,9}\Z")
_NOT_SUPPORTED: Final[Mapping[str, str]] = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """A client and a redirect URI known to be its own: from here on refusals may be redirected."""

    client: Client
    redirect_uri: str
    state: str | None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that may go to TikTok."""

    reply_to: ReplyTo
    scope: tuple[str, ...]
    code_challenge: str | None
    nonce: str | None
    resources: tuple[str, ...]
    force_consent: bool


async def read_reply_to(parameters: Parameters, directory: ClientDirectory) -> ReplyTo:
    """Who asks, and where the answer goes (RFC 6749 §4.1.2.1: before this is known, nothing is redirected).

    Raises `OAuthError`, to be shown as a page, and `DatabaseUnavailable`.
    """
    client = await _client(parameters, directory)
    redirect_uri = _redirect_uri(parameters, client)
    return ReplyTo(client, redirect_uri, _echoed_state(parameters))


def read(parameters: Parameters, reply_to: ReplyTo) -> AuthorizationRequest:
    """Everything else, in this order. Raises `OAuthError`, to be redirected."""
    metadata = reply_to.client.metadata
    parameters.refuse_repeated()
    _refuse_unsupported(parameters)
    _refuse_other_response_types(parameters)
    _refuse_other_response_modes(parameters)
    _refuse_unusable_state(parameters)
    return AuthorizationRequest(
        reply_to=reply_to,
        scope=scopes.granted(parameters.get("scope"), metadata.scope),
        code_challenge=pkce.read_challenge(
            parameters.get("code_challenge"),
            parameters.get("code_challenge_method"),
            required=metadata.pkce_required,
        ),
        nonce=_nonce(parameters),
        resources=_resources(parameters, metadata.audience),
        force_consent=_asks_anew(parameters),
    )


async def _client(parameters: Parameters, directory: ClientDirectory) -> Client:
    client_id = parameters.get("client_id")
    if client_id is None:
        raise invalid_request("The request has no client_id.")
    client = await directory.find(client_id)
    if client is None or client.disabled:
        raise OAuthError("invalid_client", "No app is registered under this client_id.")
    return client


def _redirect_uri(parameters: Parameters, client: Client) -> str:
    # OIDC Core §3.1.2.1: required, also where RFC 6749 could do without.
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None:
        raise invalid_request("The request has no redirect_uri.")
    if not redirects.matches(redirect_uri, client.metadata.redirect_uris, native=client.metadata.native):
        raise invalid_request("The redirect_uri is not registered for this app, character for character.")
    return redirect_uri


def _echoed_state(parameters: Parameters) -> str | None:
    try:
        return parameters.get("state")
    except OAuthError:
        # A repeated state cannot be echoed; the request itself is refused a few lines on.
        return None


def _refuse_unsupported(parameters: Parameters) -> None:
    """OIDC Core §6.1, §6.2, §7.2.1: these have errors of their own."""
    for name, code in _NOT_SUPPORTED.items():
        if name in parameters:
            raise OAuthError(code, f"The parameter {name} is not supported.")


def _refuse_other_response_types(parameters: Parameters) -> None:
    response_type = parameters.get("response_type")
    if response_type is None:
        raise invalid_request("The request has no response_type.")
    if response_type != "code":
        raise unsupported_response_type("The response_type must be code.")


def _refuse_other_response_modes(parameters: Parameters) -> None:
    if parameters.get("response_mode", "query") != "query":
        raise invalid_request("The response_mode must be query.")


def _refuse_unusable_state(parameters: Parameters) -> None:
    state = parameters.get("state")
    if state is not None and not (is_visible_ascii(state) and len(state) <= _LONGEST_STATE):
        raise invalid_request(f"The state must be at most {_LONGEST_STATE} printable ASCII characters.")


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


def _asks_anew(parameters: Parameters) -> bool:
    """Whether TikTok shall ask again instead of answering from its own session (OIDC Core §3.1.2.1)."""
    prompts = set(parameters.get("prompt", "").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise invalid_request("The prompt must be none, or of login, consent and select_account.")
    if "none" in prompts:
        raise login_required("Nobody is signed in, and the app asked not to show a sign-in page.")
    max_age = parameters.get("max_age")
    if max_age is not None and not _SECONDS.match(max_age):
        raise invalid_request("The max_age must be a number of seconds.")
    return bool(prompts)
