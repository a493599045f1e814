"""What the broker can do, for machines: OIDC Discovery 1.0 §3, RFC 8414 §2, and the key set (RFC 7517 §5).

Routes: `/.well-known/openid-configuration`, `/.well-known/oauth-authorization-server`,
`/.well-known/jwks.json`. Each is bytes made beforehand, answered before any routing, and may be shown a little too
old while it is asked for anew (RFC 5861 §3): nobody who asks often ever waits for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from broker.client_auth import public_key
from broker.keys.ring import Ring
from broker.keys.schedule import stale_seconds
from broker.oauth import authorization_request, registration, scopes
from broker.web.documents import Document

JWKS_PATH: Final = "/.well-known/jwks.json"
_METADATA_SECONDS: Final = 3600
# What changes with a release only may be an hour old, and an hour more while somebody asks for it anew.
_METADATA_STALE_SECONDS: Final = 3600
_CLAIMS: Final = (
    "iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "sid",
    "name", "picture", "preferred_username", "union_id", "open_id", "tiktok_scopes",
)  # fmt: skip


def documents(issuer: str, *, languages: Sequence[str]) -> Mapping[str, Document]:
    """The prepared answers by path that never change. `languages` are those of our pages."""
    server = _server_metadata(issuer)
    provider = {**server, **_provider_metadata(issuer, languages)}
    return {
        "/.well-known/openid-configuration": _metadata(provider),
        "/.well-known/oauth-authorization-server": _metadata(server),
    }


def key_set(ring: Ring, *, max_age: int) -> Mapping[str, Document]:
    """The key set by its path, as it is to be answered while this is the ring. `max_age` in seconds.

    The time for which it may be stale is reckoned with before a new key signs (`keys/schedule`).
    """
    stale = stale_seconds(max_age)
    return {JWKS_PATH: _document(ring.jwks(), "application/jwk-set+json", max_age=max_age, stale=stale)}


def _server_metadata(issuer: str) -> dict[str, Any]:
    """RFC 8414 §2."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}{JWKS_PATH}",
        "scopes_supported": list(scopes.SUPPORTED),
        "response_types_supported": ["code"],
        "response_modes_supported": list(authorization_request.RESPONSE_MODES),
        "grant_types_supported": list(registration.GRANT_TYPES),
        **_authentication("token_endpoint"),
        "introspection_endpoint": f"{issuer}/introspect",
        **_authentication("introspection_endpoint"),
        "revocation_endpoint": f"{issuer}/revoke",
        **_authentication("revocation_endpoint"),
        "pushed_authorization_request_endpoint": f"{issuer}/par",
        "require_pushed_authorization_requests": False,
        "dpop_signing_alg_values_supported": list(public_key.ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def _provider_metadata(issuer: str, languages: Sequence[str]) -> dict[str, Any]:
    """OIDC Discovery 1.0 §3."""
    return {
        "userinfo_endpoint": f"{issuer}/userinfo",
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(registration.ID_TOKEN_ALGS),
        "claim_types_supported": ["normal"],
        "claims_supported": list(_CLAIMS),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        # Omitted, this one would mean true.
        "request_uri_parameter_supported": False,
        "prompt_values_supported": list(authorization_request.PROMPTS),
        "end_session_endpoint": f"{issuer}/logout",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "ui_locales_supported": list(languages),
    }


def _authentication(endpoint: str) -> dict[str, Any]:
    return {
        f"{endpoint}_auth_methods_supported": list(registration.AUTH_METHODS),
        f"{endpoint}_auth_signing_alg_values_supported": list(public_key.ALGORITHMS),
    }


def _metadata(content: object) -> Document:
    return _document(content, "application/json", max_age=_METADATA_SECONDS, stale=_METADATA_STALE_SECONDS)


def _document(content: object, media_type: str, *, max_age: int, stale: int) -> Document:
    cache_control = f"public, max-age={max_age}, stale-while-revalidate={stale}"
    return Document.of(orjson.dumps(content), media_type, cache_control)
