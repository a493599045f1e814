"""Registers the clients that the documents promise to serve, and makes the requests that they promise to take."""

from dataclasses import dataclass
from typing import Any

import httpx

from broker import opaque
from broker.client_auth.assertion import ASSERTION_TYPE
from broker.store import clients
from tests.client_auth.signing import jwk, key, sign
from tests.conformance.relying_party import CALLBACK
from tests.stage import VERIFIER, Stage

SECRET = "brs_secret-of-a-discovering-client"
AUDIENCE = "https://api.example/"


@dataclass(frozen=True)
class Discovering:
    """A client that knows no more than the documents say."""

    stage: Stage
    provider: dict[str, Any]
    client_id: str
    method: str
    alg: str = "ES256"

    @classmethod
    async def register(
        cls, stage: Stage, provider: dict[str, Any], method: str, alg: str = "ES256", **metadata: Any
    ) -> "Discovering":
        """A new client with this way of authentication."""
        client_id = opaque.identifier("cli_")
        by_keys = {"jwks": {"keys": [jwk(key(alg))]}} if method == "private_key_jwt" else {}
        full = {
            "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": method,
            "audience": [AUDIENCE],
            **by_keys,
            **metadata,
        }
        digest = opaque.digest(SECRET) if method.startswith("client_secret") else None
        await stage.database.transact(clients.add, client_id, full, digest, now=stage.clock())
        return cls(stage, provider, client_id, method, alg)

    async def post(
        self, endpoint: str, form: dict[str, str], *, alg: str | None = None, dpop: str | None = None
    ) -> httpx.Response:
        """POST to the endpoint of this name, authenticated; `dpop` is the algorithm of a proof to send along."""
        address = self.provider[endpoint]
        headers = {"DPoP": self.proof("POST", address, alg=dpop)} if dpop else {}
        match self.method:
            case "client_secret_basic":
                auth = (self.client_id, SECRET)
                return await self.stage.http.post(address, data=form, headers=headers, auth=auth)
            case "client_secret_post":
                form = {**form, "client_id": self.client_id, "client_secret": SECRET}
            case "private_key_jwt":
                assertion = self.assertion(alg or self.alg)
                form = {**form, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
            case _:
                form = {**form, "client_id": self.client_id}
        return await self.stage.http.post(address, data=form, headers=headers)

    def assertion(self, alg: str) -> str:
        """RFC 7523 §3, for the issuer that discovery names."""
        now = self.stage.clock()
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.provider["issuer"],
            "iat": now,
            "exp": now + 60,
            "jti": opaque.identifier(),
        }
        return sign({"alg": alg, "typ": "JWT"}, claims, key(self.alg))

    def proof(self, method: str, address: str, *, alg: str, access_token: str | None = None) -> str:
        """RFC 9449 §4.2."""
        name = "PS256" if alg.startswith(("RS", "PS")) else alg
        claims = {"jti": opaque.identifier(), "htm": method, "htu": address, "iat": self.stage.clock()}
        if access_token is not None:
            claims["ath"] = opaque.sha256_base64url(access_token)
        return sign({"typ": "dpop+jwt", "alg": alg, "jwk": jwk(key(name))}, claims, key(name))

    def question(self, **changes: str) -> dict[str, str]:
        """An authorization request with PKCE."""
        return self.stage.question(self.client_id, redirect_uri=CALLBACK, **changes)

    async def tokens(self, *, dpop: str | None = None, **changes: str) -> dict[str, Any]:
        """A whole sign-in."""
        browser = await self.stage.browser()
        answer = await self.stage.come_back(browser, self.question(**changes))
        response = await self.redeem(answer["code"], dpop=dpop)
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens

    async def redeem(self, code: str, *, dpop: str | None = None) -> httpx.Response:
        """Trade the code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return await self.post("token_endpoint", {**form, "code_verifier": VERIFIER}, dpop=dpop)
