"""A small OpenID provider for testing the sample app alone: everybody is signed in at once, as one person.

It exists because a good broker cannot be made to answer wrongly; this one can.
"""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from broker import opaque

CLIENT_ID = "cli_sample"


@dataclass
class Provider:
    """Change a field to change how the next request is answered."""

    issuer: str
    audience: str = ""
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    metadata: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, str] | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    refusal: str = ""
    token_body: bytes | None = None
    jwks_body: bytes | None = None
    nonce: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    redeemed: list[dict[str, str]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discovery),
                Route("/.well-known/jwks.json", self.jwks),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/revoke", self.revoke, methods=["POST"]),
                Route("/logout", self.logout),
            ]
        )

    def sign(self, claims: dict[str, Any], typ: str, **header: Any) -> str:
        return jwt.encode(claims, self.key, "ES256", headers={"kid": "k1", "typ": typ, **header})

    def access_claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.issuer,
            "sub": "usr_1",
            "aud": [self.audience, self.issuer],
            "iat": now,
            "exp": now + 600,
            "jti": f"g.{opaque.identifier()}",
            "client_id": CLIENT_ID,
            **changes,
        }

    def discovery(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
                "id_token_signing_alg_values_supported": ["ES256"],
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            }
        )

    def jwks(self, request: Request) -> Response:
        if self.jwks_body is not None:
            return Response(self.jwks_body)
        key = json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(self.key.public_key()))
        return JSONResponse({"keys": [{**key, "kid": "k1", "use": "sig", "alg": "ES256"}]})

    def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        self.nonce = asked["nonce"]
        answer = {"code": "brc_1"} if self.answer is None else self.answer
        sent = {"state": asked["state"], "iss": self.issuer, **answer}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(sent)}", 302)

    async def token(self, request: Request) -> Response:
        self.redeemed.append(dict(parse_qsl((await request.body()).decode())))
        if self.token_body is not None:
            return Response(self.token_body)
        if self.refusal:
            return JSONResponse({"error": self.refusal, "error_description": "<b>because</b>"}, 400)
        access_token = self.sign(self.access_claims(), "at+jwt")
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "usr_1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 600,
            "auth_time": now - 90,
            "at_hash": opaque.half_digest_base64url(access_token, "sha256"),
            "name": 'Ada <script>alert("x")</script> & Co',
            "picture": f"{self.issuer}/avatar.jpg?a=1&b=2",
            "union_id": "u-1",
            **({"nonce": self.nonce} if self.redeemed[-1]["grant_type"] == "authorization_code" else {}),
            **self.claims,
        }
        return JSONResponse(
            {
                "access_token": access_token,
                "id_token": self.sign(claims, "JWT"),
                "refresh_token": f"brt_{len(self.redeemed)}",
                "token_type": "Bearer",
                "expires_in": 600,
                "scope": "openid profile offline_access",
            }
        )

    async def revoke(self, request: Request) -> Response:
        self.revoked.append(dict(parse_qsl((await request.body()).decode()))["token"])
        return Response()

    def logout(self, request: Request) -> Response:
        sent = request.query_params
        self.revoked.append(sent["id_token_hint"])
        return RedirectResponse(f"{sent['post_logout_redirect_uri']}?state={sent['state']}", 302)
