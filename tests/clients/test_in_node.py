"""Libraries that we did not write do all that an app does: openid-client and oauth4webapi, in Node.js.

They verify the ID token, `iss` in the answer (RFC 9207), `nonce`, `state` and the signature by themselves.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from broker import opaque
from broker.store import clients
from tests.client_auth.signing import jwk, key
from tests.clients.node import converse, missing
from tests.stage import Stage

AWAY = "https://app.example/"
CLIENT = "cli_npm"
SECRET = "brs_a secret: with %characters& that+have=to be encoded"
AUDIENCE = "https://api.example/"

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@dataclass(frozen=True)
class Kind:
    """A kind of app: how it authenticates, and what of the newer protections it uses."""

    method: str
    par: bool = False
    dpop: bool = False
    more: dict[str, Any] = field(default_factory=dict)


KINDS = {
    "a server with a secret": Kind("client_secret_basic"),
    "a server with a secret that pushes": Kind("client_secret_post", par=True),
    "a server with a key that pushes and binds": Kind(
        "private_key_jwt",
        par=True,
        dpop=True,
        more={"require_pushed_authorization_requests": True, "dpop_bound_access_tokens": True},
    ),
    "an app without a secret": Kind("none"),
    "an app without a secret that binds": Kind("none", dpop=True, more={"id_token_signed_response_alg": "PS256"}),
}


@pytest.mark.parametrize("script", ["openid_client.mjs", "oauth4webapi.mjs"])
async def test_an_app_of_every_kind_lives_its_whole_life(stage: Stage, script: str) -> None:
    for number, (name, kind) in enumerate(KINDS.items()):
        found = await converse(script, await registered(stage, f"{CLIENT}{number}", kind), stage, away=AWAY)
        person = found.pop("person")
        assert person.keys() >= {"sub", "name", "picture", "union_id"}, name
        assert found.pop("type") == ("dpop" if kind.dpop else "bearer"), name
        assert found.pop("refused") == "invalid_token", name
        assert found.pop("unrefreshed") == "invalid_grant", name
        assert found.pop("revoked") is False, name
        # What is left is what must have come out well.
        assert found
        assert all(found.values()), (name, found)


async def registered(stage: Stage, client_id: str, kind: Kind) -> dict[str, Any]:
    """Register it: what the script has to know."""
    task: dict[str, Any] = {
        "issuer": stage.issuer,
        "client_id": client_id,
        "method": kind.method,
        "par": kind.par,
        "dpop": kind.dpop,
        "redirect_uri": f"{AWAY}callback",
        "after_logout": f"{AWAY}signed-out",
        "audience": AUDIENCE,
    }
    metadata: dict[str, Any] = {
        "redirect_uris": [task["redirect_uri"]],
        "post_logout_redirect_uris": [task["after_logout"]],
        "token_endpoint_auth_method": kind.method,
        "audience": [AUDIENCE],
        **kind.more,
    }
    digest = None
    if kind.method == "private_key_jwt":
        metadata["jwks"] = {"keys": [jwk(key("ES256"))]}
        task["private_jwk"] = jwk(key("ES256"), secret=True)
    elif kind.method != "none":
        task["secret"] = SECRET
        digest = opaque.digest(SECRET)
    await stage.database.transact(clients.add, client_id, metadata, digest, now=stage.clock())
    return task
