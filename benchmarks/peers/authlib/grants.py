"""The two grants, filled in as Authlib's documentation shows: read, check, write, delete."""

import time
from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from sqlalchemy import select

from benchmarks.peers.authlib.database import db
from benchmarks.peers.authlib.models import AuthorizationCode, Client, Token, User

_METHODS = ("client_secret_basic",)


def save_token(token: Mapping[str, Any], request: Any) -> None:
    """Keep the refresh token."""
    db.add(
        Token(
            client_id=request.client.client_id,
            user_id=request.user.id,
            token_type=token["token_type"],
            refresh_token=token["refresh_token"],
            scope=token["scope"],
            expires_in=token["expires_in"],
        )
    )
    db.commit()


class S256(CodeChallenge):
    """PKCE without `plain`."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)


class Codes(AuthorizationCodeGrant):
    """A code to tokens."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def save_authorization_code(self, code: str, request: Any) -> AuthorizationCode:
        asked = request.payload.data
        made = AuthorizationCode(
            code=code,
            client_id=request.client.client_id,
            redirect_uri=request.payload.redirect_uri,
            scope=request.payload.scope,
            user_id=request.user.id,
            nonce=asked.get("nonce"),
            code_challenge=asked.get("code_challenge"),
            code_challenge_method=asked.get("code_challenge_method"),
        )
        db.add(made)
        db.commit()
        return made

    def query_authorization_code(self, code: str, client: Client) -> AuthorizationCode | None:
        asked = select(AuthorizationCode).filter_by(code=code, client_id=client.client_id)
        found = db.scalars(asked).first()
        return found if found and not found.is_expired() else None

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        db.delete(authorization_code)
        db.commit()

    def authenticate_user(self, authorization_code: AuthorizationCode) -> User | None:
        return db.get(User, authorization_code.user_id)


class Refreshes(RefreshTokenGrant):
    """A refresh token to tokens, among them its successor."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        found = db.scalars(select(Token).filter_by(refresh_token=refresh_token)).first()
        return found if found and found.is_refresh_token_active() else None

    def authenticate_user(self, refresh_token: Token) -> User | None:
        return db.get(User, refresh_token.user_id)

    def revoke_old_credential(self, refresh_token: Token) -> None:
        refresh_token.refresh_token_revoked_at = int(time.time())
        db.commit()
