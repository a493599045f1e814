"""What an attacker brings: clients of every kind to play, JWTs signed at will, and values bent in every way."""

from collections.abc import Iterator
from typing import Any

import httpx
import jwt

from broker import opaque
from broker.claims import Claims
from broker.client_auth.assertion import ASSERTION_TYPE
from broker.keys.signer import Signer
from broker.sealing import Sealer
from broker.store import clients
from tests.client_auth.signing import jwk, key, sign
from tests.keys.made import ring_in
from tests.stage import VERIFIER, WEB, WEB_REDIRECT, WEB_SECRET, Stage

KEYED = "cli_keyed"
MACHINE = "cli_machine"
MACHINE_SECRET = "brs_canary-machine-secret"
NO_PKCE = "cli_no_pkce"


async def register(stage: Stage, client_id: str, secret: str | None = None, **metadata: Any) -> None:
    """Add a client; without a secret it has none."""
    digest = opaque.digest(secret) if secret else None
    await stage.database.transact(clients.add, client_id, metadata, digest, now=stage.clock())


async def register_keyed(stage: Stage) -> None:
    """A client that signs assertions with its own ES256 key and may act in its own name."""
    await register(
        stage,
        KEYED,
        redirect_uris=[WEB_REDIRECT],
        token_endpoint_auth_method="private_key_jwt",
        grant_types=["authorization_code", "refresh_token", "client_credentials"],
        jwks={"keys": [jwk(key("ES256"), kid="es")]},
    )


async def register_machine(stage: Stage) -> None:
    """A client that has a secret and acts in its own name."""
    await register(stage, MACHINE, MACHINE_SECRET, grant_types=["client_credentials"])


async def register_no_pkce(stage: Stage) -> None:
    """A confidential client for which PKCE is waived; its secret is that of the web client."""
    await register(stage, NO_PKCE, WEB_SECRET, redirect_uris=[WEB_REDIRECT], no_pkce=True)


def assertion(stage: Stage, client_id: str = KEYED, *, private: Any = None, **changes: Any) -> str:
    """A client assertion, good but for the changes to its claims; None takes one out."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": stage.issuer,
        "exp": stage.clock() + 60,
        "iat": stage.clock(),
        "jti": opaque.identifier(),
        **changes,
    }
    return sign({"typ": "JWT", "alg": "ES256", "kid": "es"}, claims, private or key("ES256"))


def asserted(text: str) -> dict[str, str]:
    """The form fields that carry an assertion."""
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text}


def proof(
    stage: Stage, path: str, method: str = "POST", *, access_token: str | None = None, **changes: Any
) -> str:
    """A DPoP proof for this endpoint, good but for the changes to its claims."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(key("ES256", "dpop"))}
    claims = {"htm": method, "htu": stage.issuer + path, "iat": stage.clock(), "jti": opaque.identifier()}
    if access_token is not None:
        claims["ath"] = opaque.sha256_base64url(access_token)
    return sign(header, claims | changes, key("ES256", "dpop"))


async def the_brokers_claims(stage: Stage) -> Claims:
    """The broker's own mint: what only a broken check could let through is made with it."""
    keys = await ring_in(stage.database, Sealer(stage.settings.secret_keys), now=stage.clock())
    return Claims(stage.issuer, Signer(keys), "ES256", stage.settings.access_token_ttl)


def unverified(token: str) -> dict[str, Any]:
    """The claims of a JWT, whoever signed it."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def code_form(code: str, **changes: str | None) -> dict[str, str]:
    """The fields that redeem a code of the web client, with changes; None takes one out."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": WEB_REDIRECT,
        "code_verifier": VERIFIER,
        **changes,
    }
    return {name: value for name, value in form.items() if value is not None}


def bent(value: str) -> Iterator[str]:
    """The value truncated, extended, with a bit flipped at several places, in other letters, twice."""
    yield from (value[:-1], value[:-8], value[1:], value[: len(value) // 2])
    yield from (value + "a", value + "A", value + "=", value + value, "a" + value)
    for at in (1, len(value) // 3, len(value) // 2, len(value) - 2, len(value) - 1):
        for bit in (1, 2, 32):
            flipped = chr(ord(value[at]) ^ bit)
            if flipped.isalnum() or flipped in "-_.":
                yield value[:at] + flipped + value[at + 1 :]
    if value.swapcase() != value:
        yield value.swapcase()


def cookie_header(browser: httpx.AsyncClient) -> str:
    """What a browser would send, for a request made by somebody else."""
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


async def signed_in(stage: Stage) -> tuple[httpx.AsyncClient, dict[str, Any]]:
    """A browser with a session, and the tokens of its sign-in at the web client."""
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question())
    tokens: dict[str, Any] = (await stage.redeem(answer["code"])).json()
    return browser, tokens


async def pushed(stage: Stage, **changes: str) -> str:
    """The `request_uri` of a good pushed request of the web client."""
    answer = await stage.http.post("/par", data=stage.question(**changes), auth=(WEB, WEB_SECRET))
    assert answer.status_code == 201, answer.text
    request_uri: str = answer.json()["request_uri"]
    return request_uri
