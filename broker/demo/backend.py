"""A backend that trusts nothing but the broker's key set: how any API verifies the access tokens it receives.

`GET /api/me` answers the verified claims of the bearer token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ALGORITHMS = ("ES256", "RS256", "PS256", "EdDSA")
"""Every algorithm the broker may be set to sign with. Never taken from the token itself (RFC 8725 §3.1)."""

_TYPES = ("at+jwt", "application/at+jwt")
_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "jti", "client_id")
_LONGEST = 8192


class Refused(Exception):
    """The token proves nothing; the text is a sentence for whoever sent it."""


class KeysAway(Exception):
    """The broker's key set cannot be fetched, so nothing can be said about any token."""


_SENTENCES: tuple[tuple[type[jwt.InvalidTokenError], str], ...] = (
    (jwt.ExpiredSignatureError, "The access token has expired; refresh it."),
    (jwt.InvalidSignatureError, "The access token was not signed by the broker."),
    (jwt.InvalidIssuerError, "The access token was issued by somebody else."),
    (jwt.InvalidAudienceError, "The access token is for another API."),
    (jwt.InvalidAlgorithmError, "The access token is signed with an algorithm that is not accepted here."),
    (jwt.MissingRequiredClaimError, "The access token lacks a claim that RFC 9068 requires."),
)


class AccessTokens:
    """Verifies access tokens of one issuer for one audience (RFC 9068 §4)."""

    def __init__(self, issuer: str, audience: str, jwks_uri: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = jwt.PyJWKClient(jwks_uri, timeout=5)

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a good token. Raises `Refused` and `KeysAway`; fetches the key set when it must."""
        if len(token) > _LONGEST:
            raise Refused("The access token is too long.")
        try:
            header = jwt.get_unverified_header(token)
            self._check_header(header)
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(str(header.get("kid", ""))),
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                options={"require": list(_REQUIRED)},
            )
        except jwt.InvalidTokenError as fault:
            raise Refused(_sentence(fault)) from fault
        return claims

    def _check_header(self, header: Mapping[str, Any]) -> None:
        # RFC 9068 §4: an ID token, or any other JWT of the broker, is not an access token.
        if str(header.get("typ", "")).lower() not in _TYPES:
            raise Refused("The token is not an access token.")

    def _key(self, kid: str) -> jwt.PyJWK:
        try:
            return self._keys.get_signing_key(kid)
        except jwt.PyJWKClientConnectionError as failure:
            raise KeysAway from failure
        except jwt.PyJWKClientError as unknown:
            raise Refused("The access token is signed with a key the broker does not publish.") from unknown
        except (jwt.PyJWKSetError, ValueError) as failure:
            raise KeysAway from failure


def _sentence(fault: jwt.InvalidTokenError) -> str:
    for kind, sentence in _SENTENCES:
        if isinstance(fault, kind):
            return sentence
    return "The access token is not valid."


@dataclass(frozen=True)
class Backend:
    """The API. Its handler is a plain function, run in a thread: fetching keys may wait."""

    tokens: AccessTokens

    def routes(self) -> list[Route]:
        return [Route("/api/me", self.me)]

    def me(self, request: Request) -> Response:
        """The claims of the bearer token, or RFC 6750 §3's challenge."""
        credentials = request.headers.getlist("authorization")
        if len(credentials) != 1 or not credentials[0].lower().startswith("bearer "):
            return _challenge("Send one access token: Authorization: Bearer …")
        try:
            claims = self.tokens.verify(credentials[0][len("bearer ") :])
        except Refused as refusal:
            return _challenge(str(refusal), "invalid_token")
        except KeysAway:
            sentence = "The broker's keys cannot be fetched at the moment; try again."
            return JSONResponse({"error": "temporarily_unavailable", "error_description": sentence}, 503)
        return JSONResponse({"verified": True, "claims": claims}, headers={"Cache-Control": "no-store"})


def _challenge(sentence: str, error: str = "") -> Response:
    # RFC 6750 §3.1: a request without credentials learns no error code.
    detail = f' error="{error}", error_description="{sentence}"' if error else ""
    body = {"error": error or "unauthorized", "error_description": sentence}
    return JSONResponse(body, 401, headers={"WWW-Authenticate": f"Bearer{detail}"})
