"""An app's registration in RFC 7591 §2 names, read once into a typed value.

Names that no RFC has are those of the command line: `audience`, `no_pkce`, `registration`, `tiktok_tokens`,
`required_tiktok_scopes`. What an app says of itself for people to read (`logo_uri`, `contacts`, …) is kept and
shown, and nothing depends on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_NO_AUTHENTICATION: Final = "none"
_DEFAULTS: Final[Mapping[str, Any]] = {
    "client_name": "",
    "redirect_uris": [],
    "token_endpoint_auth_method": "client_secret_basic",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "application_type": "web",
    "scope": "openid profile offline_access",
    "audience": [],
    "no_pkce": False,
    "registration": None,
    "client_uri": None,
    "logo_uri": None,
    "tos_uri": None,
    "policy_uri": None,
    "contacts": [],
    "software_id": None,
    "software_version": None,
    "initiate_login_uri": None,
    "post_logout_redirect_uris": [],
    "backchannel_logout_uri": None,
    "backchannel_logout_session_required": False,
    "id_token_signed_response_alg": None,
    "jwks": {},
    "jwks_uri": None,
    "require_pushed_authorization_requests": False,
    "dpop_bound_access_tokens": False,
    "tiktok_tokens": False,
    "required_tiktok_scopes": [],
}


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """What an app is registered for."""

    client_name: str
    redirect_uris: tuple[str, ...]
    token_endpoint_auth_method: str
    grant_types: tuple[str, ...]
    application_type: str
    scope: tuple[str, ...]
    audience: tuple[str, ...]
    pkce_required: bool
    registration: str
    client_uri: str | None
    initiate_login_uri: str | None
    post_logout_redirect_uris: tuple[str, ...]
    backchannel_logout_uri: str | None
    id_token_signed_response_alg: str | None
    jwks: Mapping[str, Any]
    jwks_uri: str | None
    require_pushed_authorization_requests: bool
    dpop_bound_access_tokens: bool
    tiktok_tokens: bool
    required_tiktok_scopes: tuple[str, ...]

    @property
    def public(self) -> bool:
        """Whether the app can keep no secret (RFC 6749 §2.1)."""
        return self.token_endpoint_auth_method == _NO_AUTHENTICATION

    @property
    def native(self) -> bool:
        """Whether its loopback redirect URIs may come with any port (RFC 8252 §7.3): an app on the device."""
        return self.public or self.application_type == "native"


class BadMetadata(ValueError):
    """The registration cannot be: each of `faults` is a sentence that says what to change."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


def read(given: Mapping[str, Any]) -> ClientMetadata:
    """The registration with its defaults filled in, as `check` has let it pass before it was kept."""
    metadata = {**_DEFAULTS, **given}
    return ClientMetadata(
        client_name=metadata["client_name"],
        redirect_uris=tuple(metadata["redirect_uris"]),
        token_endpoint_auth_method=metadata["token_endpoint_auth_method"],
        grant_types=tuple(metadata["grant_types"]),
        application_type=metadata["application_type"],
        scope=tuple(dict.fromkeys(metadata["scope"].split())),
        audience=tuple(metadata["audience"]),
        pkce_required=not metadata["no_pkce"],
        registration=metadata["registration"] or "default",
        client_uri=metadata["client_uri"],
        initiate_login_uri=metadata["initiate_login_uri"],
        post_logout_redirect_uris=tuple(metadata["post_logout_redirect_uris"]),
        backchannel_logout_uri=metadata["backchannel_logout_uri"],
        id_token_signed_response_alg=metadata["id_token_signed_response_alg"],
        jwks=metadata["jwks"],
        jwks_uri=metadata["jwks_uri"],
        require_pushed_authorization_requests=metadata["require_pushed_authorization_requests"],
        dpop_bound_access_tokens=metadata["dpop_bound_access_tokens"],
        tiktok_tokens=metadata["tiktok_tokens"],
        required_tiktok_scopes=tuple(metadata["required_tiktok_scopes"]),
    )


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """The registration as it is kept and shown: defaults filled in, what was left empty left out."""
    whole = {**_DEFAULTS, **given}
    if "authorization_code" not in whole["grant_types"]:
        # RFC 7591 §2.1: a response type belongs to the code grant.
        whole["response_types"] = []
    return {name: value for name, value in whole.items() if value not in (None, "", [], {}, False)}


def with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every name with its value."""
    return {**_DEFAULTS, **given}


def wrong_types(given: Mapping[str, Any]) -> list[str]:
    """A sentence for each name that is unknown, or whose value is of another type than its default."""
    unknown = [f"{name} is not a name this broker knows; leave it out." for name in given if name not in _DEFAULTS]
    wrong = [
        f"{name} has a value of the wrong type."
        for name, value in given.items()
        if name in _DEFAULTS and not _fits(value, _DEFAULTS[name])
    ]
    return unknown + wrong


def _fits(value: object, default: object) -> bool:
    if isinstance(default, list):
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    if isinstance(default, bool | dict):
        return isinstance(value, type(default))
    return isinstance(value, str) or (default is None and value is None)
