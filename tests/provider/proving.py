"""Clients that prove themselves with keys, on the stage: their assertions, their DPoP proofs, their requests."""

import itertools
from collections.abc import Mapping
from typing import Any

import httpx

from broker import opaque
from broker.keys.jwk import PrivateKey
from broker.store import clients
from tests.client_auth.signing import jwk, key, sign
from tests.stage import Stage

API = "https://api.example"
API_SECRET = "brs_canary-api-client-secret"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_names = itertools.count()


async def register(stage: Stage, client_id: str, *, secret: str | None = None, **metadata: Any) -> str:
    """Add a client as an operator does; its id."""
    digest = None if secret is None else opaque.digest(secret)
    assert await stage.database.transact(clients.add, client_id, metadata, digest, now=stage.clock())
    return client_id


async def register_machine(stage: Stage, client_id: str = "cli_machine", **metadata: Any) -> str:
    """A client that asks for tokens in its own name, with the secret `API_SECRET`."""
    registered = {"grant_types": ["client_credentials"], "scope": "read write"}
    return await register(stage, client_id, secret=API_SECRET, **(registered | metadata))


def assertion(stage: Stage, client_id: str, private: PrivateKey | None = None, **changes: Any) -> dict[str, str]:
    """The form of `private_key_jwt` (RFC 7523 §2.2), good but for the changes; None takes a claim out."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": stage.issuer,
        "exp": stage.clock() + 60,
        "iat": stage.clock(),
        "jti": f"assertion-{next(_names)}",
        **changes,
    }
    header = {"alg": "ES256", "typ": "JWT"}
    signed = sign(header, claims, private or key("ES256"))
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}


def proof(
    stage: Stage,
    path: str = "/token",
    *,
    method: str = "POST",
    private: PrivateKey | None = None,
    token: str | None = None,
    **changes: Any,
) -> dict[str, str]:
    """A `DPoP` header (RFC 9449 §4.2), good but for the changes; None takes a claim out."""
    private = private or key("ES256")
    claims = {
        "htm": method,
        "htu": f"{stage.issuer}{path}",
        "iat": stage.clock(),
        "jti": f"proof-{next(_names)}",
        "ath": None if token is None else opaque.sha256_base64url(token),
        **changes,
    }
    return {"DPoP": sign({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk(private)}, claims, private)}


async def post(
    http: httpx.AsyncClient,
    path: str,
    form: Mapping[str, str],
    *,
    auth: tuple[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """POST a form; `auth` are the id and secret of HTTP Basic; without it, nothing is sent by itself."""
    return await http.request("POST", path, data=dict(form), auth=auth, headers=headers)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and error code."""
    return answer.status_code, answer.json()["error"]
