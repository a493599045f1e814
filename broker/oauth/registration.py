"""What a registration must be before it is kept (RFC 7591 §2, OIDC Registration 1.0 §2): every fault at once."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from broker.oauth import client_metadata, redirects, scopes
from broker.oauth.client_metadata import BadMetadata

AUTH_METHODS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANT_TYPES: Final = ("authorization_code", "refresh_token", "client_credentials", EXCHANGE)
ID_TOKEN_ALGS: Final = ("ES256", "RS256", "PS256", "EdDSA")
_CLIENT_ID: Final = re.compile(r"[!-~]{1,64}")
_RESOURCE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21\x22\x24-\x7e]+\Z")
# Characters; a login keeps what is asked of it in a cookie, beside a `state` of 1,500 that must always fit.
_LONGEST_SCOPE: Final = 400
_TIKTOK_SCOPE: Final = re.compile(r"[a-z][a-z0-9._]{0,99}\Z")
_APPLICATION_TYPES: Final = ("web", "native")
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ADDRESSES: Final = {
    "client_uri": "client URI",
    "logo_uri": "logo URI",
    "tos_uri": "terms-of-service URI",
    "policy_uri": "policy URI",
    "initiate_login_uri": "initiate-login URI",
    "backchannel_logout_uri": "back-channel logout URI",
    "jwks_uri": "JWKS URI",
}


def fault_in_client_id(client_id: str) -> str | None:
    """Why an app cannot have this id, as the rest of a sentence; None when it can."""
    # RFC 6749 §A.1 would allow spaces as well, which no shell, log or configuration file is glad of.
    if _CLIENT_ID.fullmatch(client_id) is None:
        return "is 1 to 64 visible ASCII characters without spaces."
    # RFC 9700 §4.15.1: in a token of its own the id is the `sub`, where backends look for people.
    if client_id.startswith("usr_"):
        return "must not begin with usr_, as the ids of people do; choose another one."
    return None


def check(given: Mapping[str, Any]) -> None:
    """Raise `BadMetadata` with everything that is wrong with a registration."""
    faults = client_metadata.wrong_types(given)
    if not faults:
        metadata = client_metadata.with_defaults(given)
        faults = [*_choices(metadata), *_authentication(metadata), *_addresses(metadata), *_audience(metadata)]
    if faults:
        raise BadMetadata(tuple(faults))


def _choices(metadata: Mapping[str, Any]) -> Iterator[str]:
    for grant in metadata["grant_types"]:
        if grant not in GRANT_TYPES:
            yield f"The grant type {grant} is not offered; choose from {', '.join(GRANT_TYPES)}."
    if not metadata["grant_types"]:
        yield "grant_types must name at least one grant type."
    if "refresh_token" in metadata["grant_types"] and "authorization_code" not in metadata["grant_types"]:
        yield "The grant type refresh_token needs authorization_code beside it."
    types = list(metadata["response_types"])
    # RFC 7591 §2.1: without the code grant there is none.
    if types != ["code"] and (types or "authorization_code" in metadata["grant_types"]):
        yield "response_types must be code and nothing else."
    if metadata["application_type"] not in _APPLICATION_TYPES:
        yield f"application_type must be one of {', '.join(_APPLICATION_TYPES)}."
    alg = metadata["id_token_signed_response_alg"]
    if alg is not None and alg not in ID_TOKEN_ALGS:
        yield f"id_token_signed_response_alg must be one of {', '.join(ID_TOKEN_ALGS)}."
    if not scopes.well_formed(metadata["scope"].strip(" ")):
        yield "scope must be tokens of printable ASCII separated by single spaces."
    if len(metadata["scope"]) > _LONGEST_SCOPE:
        yield f"scope must not be longer than {_LONGEST_SCOPE} characters."
    for scope in metadata["required_tiktok_scopes"]:
        if not _TIKTOK_SCOPE.match(scope):
            yield "required_tiktok_scopes must be names of TikTok scopes, such as user.info.profile."


def _authentication(metadata: Mapping[str, Any]) -> Iterator[str]:
    method = metadata["token_endpoint_auth_method"]
    if method not in AUTH_METHODS:
        yield f"token_endpoint_auth_method must be one of {', '.join(AUTH_METHODS)}."
    if method == "none" and metadata["no_pkce"]:
        yield "PKCE can be waived for a client with a secret only; leave out no_pkce."
    if method == "none" and "client_credentials" in metadata["grant_types"]:
        # RFC 6749 §4.4.
        yield "The grant type client_credentials is for clients that can keep a secret."
    if method == "none" and metadata["require_pushed_authorization_requests"]:
        yield "Requests are pushed by apps that authenticate; leave out require_pushed_authorization_requests."
    keys, uri = metadata["jwks"], metadata["jwks_uri"]
    if keys and uri:
        yield "Give jwks or jwks_uri, not both."
    if method == "private_key_jwt" and not (keys or uri):
        yield "private_key_jwt needs jwks or jwks_uri."
    yield from _keys(keys)


def _keys(jwks: Mapping[str, Any]) -> Iterator[str]:
    if not jwks:
        return
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        yield "jwks must be a JSON Web Key Set with at least one key."
    elif any(_PRIVATE_MEMBERS & key.keys() for key in keys):
        yield "jwks must hold public keys only; make a new key pair, since this one has been shown."


def _addresses(metadata: Mapping[str, Any]) -> Iterator[str]:
    if "authorization_code" in metadata["grant_types"] and not metadata["redirect_uris"]:
        yield "At least one redirect URI is needed."
    for uri in metadata["redirect_uris"]:
        if fault := redirects.fault_in(uri):
            yield fault
    for uri in metadata["post_logout_redirect_uris"]:
        if fault := redirects.fault_in(uri, what="post-logout redirect URI"):
            yield fault
    for name, what in _ADDRESSES.items():
        if metadata[name] and (fault := redirects.fault_in(metadata[name], what=what)):
            yield fault


def _audience(metadata: Mapping[str, Any]) -> Iterator[str]:
    for uri in metadata["audience"]:
        # RFC 8707 §2: a resource is an absolute URI without a fragment.
        if not _RESOURCE.match(uri):
            yield "An audience must be an absolute URI without a fragment."
