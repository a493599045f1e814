"""An app's registration in RFC 7591 §2 names, read once into a typed value.

Names that RFC 7591 has not are those of the command line: `audience`, `no_pkce`, `registration`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from broker.oauth import redirects, scopes

AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post", "none")
GRANT_TYPES: Final = ("authorization_code", "refresh_token")
ID_TOKEN_ALGS: Final = ("ES256", "RS256", "EdDSA")
_RESOURCE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21\x22\x24-\x7e]+\Z")
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

    @property
    def public(self) -> bool:
        """Whether the app can keep no secret (RFC 6749 §2.1)."""
        return self.token_endpoint_auth_method == "none"  # noqa: S105  # a method's name, not a password

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
    """The registration with its defaults filled in. Raises `BadMetadata` with everything that is wrong."""
    metadata = {**_DEFAULTS, **given}
    faults = tuple(_faults(metadata))
    if faults:
        raise BadMetadata(faults)
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
    )


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """The registration as it is kept and shown: defaults filled in, what was left empty left out."""
    return {name: value for name, value in {**_DEFAULTS, **given}.items() if value not in (None, "", [], False)}


def _faults(metadata: Mapping[str, Any]) -> list[str]:
    faults = [
        f"{name} is not a name this broker knows; leave it out." for name in metadata if name not in _DEFAULTS
    ]
    wrong_types = [name for name, default in _DEFAULTS.items() if not _fits(metadata[name], default)]
    if wrong_types:
        return faults + [f"{name} has a value of the wrong type." for name in wrong_types]
    return faults + _faults_in_choices(metadata) + _faults_in_addresses(metadata)


def _fits(value: object, default: object) -> bool:
    if isinstance(default, list):
        return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    if isinstance(default, bool):
        return isinstance(value, bool)
    return isinstance(value, str) or (default is None and value is None)


def _faults_in_choices(metadata: Mapping[str, Any]) -> list[str]:
    faults = []
    method = metadata["token_endpoint_auth_method"]
    if method not in AUTH_METHODS:
        faults.append(f"token_endpoint_auth_method must be one of {', '.join(AUTH_METHODS)}.")
    if metadata["no_pkce"] and method == "none":
        faults.append("PKCE can be waived for a client with a secret only; leave out no_pkce.")
    faults += [
        f"The grant type {grant} is not offered; choose from {', '.join(GRANT_TYPES)}."
        for grant in metadata["grant_types"]
        if grant not in GRANT_TYPES
    ]
    if "authorization_code" not in metadata["grant_types"]:
        faults.append("grant_types must contain authorization_code.")
    if list(metadata["response_types"]) != ["code"]:
        faults.append("response_types must be code and nothing else.")
    if metadata["application_type"] not in ("web", "native"):
        faults.append("application_type must be web or native.")
    unknown = [scope for scope in metadata["scope"].split() if scope not in scopes.SUPPORTED]
    if unknown or not metadata["scope"].split():
        faults.append(f"scope must be chosen from {' '.join(scopes.SUPPORTED)}.")
    return faults


def _faults_in_addresses(metadata: Mapping[str, Any]) -> list[str]:
    faults = [fault for uri in metadata["redirect_uris"] if (fault := redirects.fault_in(uri))]
    if not metadata["redirect_uris"]:
        faults.append("At least one redirect URI is needed.")
    for uri in metadata["audience"]:
        # RFC 8707 §2: a resource is an absolute URI without a fragment.
        if not _RESOURCE.match(uri):
            faults.append("An audience must be an absolute URI without a fragment.")
    client_uri = metadata["client_uri"]
    if client_uri and (fault := redirects.fault_in(client_uri, what="client URI")):
        faults.append(fault)
    return faults
