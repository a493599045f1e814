"""A storm of tokens of keys that nobody knows, and of backends that look for them, costs the database nothing."""

from typing import Any

import orjson

from broker import opaque
from broker.keys import refresh
from broker.keys.signer import Signer
from tests.keys.made import refresh_key, ring
from tests.provider.proving import proof
from tests.stage import PUBLIC, WEB, WEB_SECRET, Stage
from tests.store.watching import Statements

STORM = 10
KEYS = "/.well-known/jwks.json"
AUTH = (WEB, WEB_SECRET)


def claims_of(token: str) -> dict[str, Any]:
    raw = opaque.from_base64url(token.split(".")[1])
    assert raw is not None
    claims: dict[str, Any] = orjson.loads(raw)
    return claims


async def test_no_token_of_an_unknown_key_reaches_the_database(statements: Statements, stage: Stage) -> None:
    """Everything in it is as it should be, but that its key is not ours."""
    tokens = await stage.sign_in()
    now = stage.clock()
    genuine, hint = claims_of(tokens["access_token"]), claims_of(tokens["id_token"])
    # Both apps are known, and their registrations kept for a few seconds.
    for client in (WEB, PUBLIC):
        assert (await stage.refresh("brt_x", client)).status_code == 400
    statements.clear()
    for number in range(STORM):
        stranger = Signer(ring("ES256"))
        access = await stranger.sign(genuine, typ="at+jwt", alg="ES256", now=now)
        id_token = await stranger.sign(hint, typ="JWT", alg="ES256", now=now)
        presented = tokens["refresh_token"].removeprefix("brt_")
        raw = opaque.decode(presented)
        assert raw is not None
        unknown = refresh.mint(refresh_key(number), grant_id=opaque.encode(raw[:20]), generation=1, client_id=WEB)
        assert (await stage.userinfo(access)).status_code == 401
        bound = {"Authorization": f"DPoP {access}", **proof(stage, "/userinfo", method="GET", token=access)}
        assert (await stage.http.get("/userinfo", headers=bound)).status_code == 401
        for token in (access, unknown):
            asked = await stage.http.post("/introspect", data={"token": token}, auth=AUTH)
            assert asked.json() == {"active": False}
            assert (await stage.http.post("/revoke", data={"token": token}, auth=AUTH)).status_code == 200
        # An app that proves itself first is refused with an audit event, whatever it brings: that is no stranger.
        assert (await stage.refresh(unknown, PUBLIC)).json()["error"] == "invalid_grant"
        left = await stage.http.get("/logout", params={"id_token_hint": id_token})
        assert left.status_code == 400
        asked = await stage.authorize(stage.http, stage.question(id_token_hint=id_token, prompt="none"))
        assert "error=" in asked.headers["location"]
    assert statements == []


async def test_backends_that_look_for_an_unknown_key_cost_the_database_nothing(
    statements: Statements, stage: Stage
) -> None:
    first = await stage.http.get(KEYS)
    statements.clear()
    for number in range(STORM):
        wanted = {"kid": f"unknown-{number}"}
        for headers in (
            {"Cache-Control": "no-cache", "Pragma": "no-cache"},
            {"If-None-Match": first.headers["etag"]},
            {"If-None-Match": f'"{number}"', "Accept-Encoding": "identity"},
        ):
            answer = await stage.http.get(KEYS, params=wanted, headers=headers)
            assert answer.status_code in (200, 304)
        assert (await stage.http.head(KEYS, params=wanted)).status_code == 200
    assert statements == []
