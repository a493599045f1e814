"""What holds for one client once defaults and settings are applied: by subject, for people and programs alike."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from broker.configuration.values import duration_text
from broker.login.addresses import callback_address
from broker.oauth.client_metadata import ClientMetadata
from broker.settings import Settings
from broker.store.clients import ClientRow
from broker.upstream import tiktok_redirects

Effective: TypeAlias = Mapping[str, Any]


def effective(row: ClientRow, metadata: ClientMetadata, settings: Settings, *, now: int) -> Effective:
    """Texts, lists of texts, and further mappings; times in words. No secret and no digest is in it."""
    signs_in = "authorization_code" in metadata.grant_types
    refreshes = "refresh_token" in metadata.grant_types
    return {
        "client_id": row.client_id,
        "client_name": metadata.client_name,
        "state": "enabled" if row.disabled_at is None else "disabled",
        "issuer": settings.issuer,
        "grant_types": list(metadata.grant_types),
        "redirect_uris": {uri: _matching(uri, metadata) for uri in metadata.redirect_uris},
        "pkce": "S256 is required" if metadata.pkce_required else "may be left out; what is sent must be S256",
        "pushed_requests": "required" if metadata.require_pushed_authorization_requests else "possible",
        "scopes": list(metadata.scope),
        "authentication": _authentication(row, metadata, now=now),
        "access_token": {
            "audience": _audience(metadata, settings),
            "lives": duration_text(settings.access_token_ttl),
            "bound": "to a DPoP key, always"
            if metadata.dpop_bound_access_tokens
            else "to a DPoP key if one is shown",
        },
        "id_token": {
            "alg": metadata.id_token_signed_response_alg or f"{settings.signing_alg} (BROKER_SIGNING_ALG)",
            "issued": "openid" in metadata.scope and signs_in,
        },
        "code_lives": duration_text(settings.code_ttl) if signs_in else None,
        "refresh_token": _refresh_token(metadata, settings) if refreshes else None,
        "session": {
            "unused": duration_text(settings.session_ttl),
            "at_most": duration_text(settings.session_max_ttl),
        },
        "logout": {
            "post_logout_redirect_uris": list(metadata.post_logout_redirect_uris),
            "backchannel_logout_uri": metadata.backchannel_logout_uri,
        },
        "tiktok": _tiktok(metadata, settings),
    }


def _matching(uri: str, metadata: ClientMetadata) -> str:
    # RFC 8252 §7.3: for IP addresses only, since a name may lead elsewhere (§8.3).
    if metadata.native and uri.startswith(("http://127.0.0.1", "http://[::1]")):
        return "with any port"
    return "character for character"


def _authentication(row: ClientRow, metadata: ClientMetadata, *, now: int) -> Effective:
    method = metadata.token_endpoint_auth_method
    if metadata.public:
        return {"method": method, "proof": "PKCE"}
    if method == "private_key_jwt":
        keys = metadata.jwks_uri or f"{len(metadata.jwks.get('keys', ()))} registered"
        return {"method": method, "proof": "a signed assertion", "keys": keys}
    old = row.previous_secret_digest is not None and (row.previous_secret_until or 0) > now
    count = 0 if row.secret_digest is None else 1 + old
    return {"method": method, "proof": "a secret", "secrets": {0: "none is kept", 1: "one"}.get(count, "two")}


def _audience(metadata: ClientMetadata, settings: Settings) -> list[str]:
    audience = list(metadata.audience) or [settings.issuer]
    if "openid" in metadata.scope and settings.issuer not in audience:
        audience.append(settings.issuer)
    return audience


def _refresh_token(metadata: ClientMetadata, settings: Settings) -> Effective:
    return {
        "lives": f"{duration_text(settings.refresh_token_ttl)}, anew with each use",
        "at_most": duration_text(settings.grant_ttl),
        "after_sign_out": "goes on" if "offline_access" in metadata.scope else "ends",
        "repeated_within": duration_text(settings.refresh_grace),
    }


def _tiktok(metadata: ClientMetadata, settings: Settings) -> Effective:
    found = next((one for one in settings.registrations if one.name == metadata.registration), None)
    uri = callback_address(settings.issuer, metadata.registration)
    return {
        "registration": metadata.registration,
        "environment": found.environment if found else None,
        "client_key": found.client_key if found else None,
        "redirect_uri": uri,
        "platform": tiktok_redirects.advice(uri),
        "scopes": list(found.scopes) if found else [],
        "required_scopes": list(metadata.required_tiktok_scopes),
        "hands_out_tokens": metadata.tiktok_tokens,
    }
