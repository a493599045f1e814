"""What Authlib mints and checks: ES256 access tokens (RFC 9068) and ID tokens."""

from collections.abc import Mapping
from typing import Any

from authlib.common.security import generate_token
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator, JWTBearerTokenValidator, JWTIntrospectionEndpoint
from authlib.oidc.core import OpenIDCode, OpenIDToken, UserInfo
from joserfc.jwk import ECKey, KeySet

from benchmarks.peers.authlib import plan
from benchmarks.peers.authlib.models import Client, User

ALGORITHM = "ES256"
_LIVES = 600

KEYS = KeySet([ECKey.generate_key("P-256", {"alg": ALGORITHM, "use": "sig"}, auto_kid=True)])
"""Made for this run, by its one worker."""


def told(user: User, scope: str) -> UserInfo:
    """What an app hears of a person."""
    claims = UserInfo(sub=user.id)
    if "profile" in scope.split():
        claims.update(name=user.name, picture=user.picture, union_id=user.union_id, open_id=user.open_id)
    return claims


class AccessTokens(JWTBearerTokenGenerator):
    """For the API, and for `/userinfo`."""

    def get_jwks(self) -> KeySet:
        return KEYS

    def get_audiences(self, client: Client, user: User, scope: str) -> list[str]:
        return [plan.API, plan.ISSUER]

    def get_extra_claims(self, client: Client, grant_type: str, user: User, scope: str) -> dict[str, str]:
        return {"union_id": user.union_id}


def access_tokens() -> AccessTokens:
    """With a refresh token beside each."""
    return AccessTokens(
        issuer=plan.ISSUER,
        alg=ALGORITHM,
        refresh_token_generator=lambda *_, **__: generate_token(48),
        expires_generator=lambda *_: _LIVES,
    )


class IdTokenAtRefresh(OpenIDToken):
    """The ID token beside an access token."""

    def resolve_client_private_key(self, client: Client) -> KeySet:
        return KEYS

    def get_client_claims(self, client: Client) -> dict[str, str]:
        return {"iss": plan.ISSUER, "aud": client.client_id}

    def generate_user_info(self, user: User, scope: str) -> UserInfo:
        return told(user, scope)


class IdTokenForCode(IdTokenAtRefresh, OpenIDCode):
    """The first one, with the app's nonce."""

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        # The app compares it with its session's; OpenID Connect has no server remember it.
        return False


class Validator(JWTBearerTokenValidator):
    """Reads an access token that somebody brings."""

    def get_jwks(self) -> KeySet:
        return KEYS


class Introspection(JWTIntrospectionEndpoint):
    """For the token's own app and its backend. The signature answers: there is no row to look at."""

    def get_jwks(self) -> KeySet:
        return KEYS

    def check_permission(self, token: Mapping[str, Any], client: Client, request: Any) -> bool:
        return client.client_id in (token["client_id"], plan.BACKEND["id"])
