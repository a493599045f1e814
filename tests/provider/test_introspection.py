"""`POST /introspect` (RFC 7662): the truth about a token, told to those whom it concerns."""

from typing import Any
from urllib.parse import quote

import httpx
import jwt

from broker.keys import refresh
from broker.keys.making import RefreshKey
from broker.store import clients
from tests.by_hand import execute
from tests.client_auth.signing import jwk, key
from tests.provider.proving import API, API_SECRET, post, proof, refusal, register, register_machine
from tests.stage import PUBLIC, PUBLIC_REDIRECT, WEB, WEB_REDIRECT, WEB_SECRET, Stage

DEAD = {"active": False}
WEB_AUTH = (WEB, WEB_SECRET)


async def told(stage: Stage, token: str, auth: tuple[str, str] | None = WEB_AUTH, **form: str) -> dict[str, Any]:
    answer = await post(stage.http, "/introspect", {"token": token, **form}, auth=auth)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    return body


async def sign_in_for_api(stage: Stage, client_id: str = "cli_shop", **metadata: Any) -> dict[str, Any]:
    """Tokens of a public app whose backend is `API`."""
    registered = {"redirect_uris": [PUBLIC_REDIRECT], "token_endpoint_auth_method": "none", "audience": [API]}
    await register(stage, client_id, **(registered | metadata))
    return await stage.sign_in(client_id)


async def test_the_own_client_hears_every_claim_of_its_access_token(stage: Stage) -> None:
    """§2.2; `token_type` is that of the token response, whatever the hint says."""
    token = (await stage.sign_in())["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    expected = {"active": True, "token_type": "Bearer", **claims}
    for hint in ("", "access_token", "refresh_token", "nonsense"):
        assert await told(stage, token, token_type_hint=hint) == expected
    stage.clock.advance(600)
    assert await told(stage, token) == DEAD


async def test_a_backend_hears_of_tokens_that_name_it_and_nobody_else_does(stage: Stage) -> None:
    """§2.1, §4: whoever may not know cannot tell such a token from one that never was."""
    for client_id, metadata in (
        ("cli_api", {"audience": [API]}),
        (API, {"grant_types": ["client_credentials"]}),
        ("cli_other_api", {"audience": [f"{API}/", "https://other.example"]}),
    ):
        await register(stage, client_id, secret=API_SECRET, redirect_uris=[WEB_REDIRECT], **metadata)
    await register(
        stage, "cli_tab", redirect_uris=[PUBLIC_REDIRECT], token_endpoint_auth_method="none", audience=[API]
    )
    token = (await sign_in_for_api(stage))["access_token"]
    # RFC 6749 §2.3.1: the colons of its id are encoded.
    for backend in ("cli_api", quote(API, safe="")):
        assert (await told(stage, token, (backend, API_SECRET)))["active"] is True, backend
    for stranger in (("cli_other_api", API_SECRET), WEB_AUTH):
        assert await told(stage, token, stranger) == DEAD, stranger
    for public, heard in (("cli_shop", True), ("cli_tab", False), (PUBLIC, False)):
        # A public client can name itself, but anybody could: its own token is all that it hears of.
        assert (await told(stage, token, None, client_id=public))["active"] is heard, public


async def test_who_proves_nothing_is_told_nothing(stage: Stage) -> None:
    token = (await stage.sign_in())["access_token"]
    form = {"token": token}
    for auth in (None, (WEB, "brs_wrong"), ("cli_nobody", WEB_SECRET), (PUBLIC, "")):
        assert refusal(await post(stage.http, "/introspect", form, auth=auth)) == (401, "invalid_client"), auth
    bearer = await stage.http.post("/introspect", data=form, headers={"Authorization": f"Bearer {token}"})
    assert refusal(bearer) == (401, "invalid_client")
    assert refusal(await post(stage.http, "/introspect", {}, auth=WEB_AUTH)) == (400, "invalid_request")
    assert (await stage.http.get("/introspect", params=form, auth=WEB_AUTH)).status_code == 405


async def test_what_is_no_token_of_ours_is_not_active(stage: Stage) -> None:
    tokens = await stage.sign_in()
    access = tokens["access_token"]
    forged = jwt.encode({"iss": stage.issuer, "client_id": WEB}, key("ES256"), "ES256", {"typ": "at+jwt"})
    for odd in (tokens["id_token"], access[:-2], access + "x", forged, "x", "brt_x", "brc_x", WEB_SECRET):
        assert await told(stage, odd) == DEAD, odd


async def test_a_refresh_token_is_active_while_it_is_the_newest(stage: Stage) -> None:
    """The one before is not, even where a repeat would still be forgiven: whoever asks should hold the new one."""
    first = await stage.sign_in()
    about = await told(stage, first["refresh_token"])
    claims = jwt.decode(first["id_token"], options={"verify_signature": False})
    assert about == {
        "active": True,
        "token_type": "refresh_token",
        "iss": stage.issuer,
        "sub": claims["sub"],
        "client_id": WEB,
        "scope": "openid profile offline_access",
        "exp": stage.clock() + 30 * 86_400,
        "union_id": claims["union_id"],
    }
    second = (await stage.refresh(first["refresh_token"])).json()
    assert await told(stage, first["refresh_token"]) == DEAD
    assert (await told(stage, second["refresh_token"]))["active"] is True
    assert await told(stage, second["refresh_token"], None, client_id=PUBLIC) == DEAD
    assert await told(stage, made_by_nobody(second["refresh_token"])) == DEAD
    # Asking is not using: the token works as before.
    assert (await stage.refresh(second["refresh_token"])).status_code == 200
    third = (await stage.sign_in())["refresh_token"]
    stage.clock.advance(30 * 86_400 - 1)
    assert (await told(stage, third))["active"] is True
    stage.clock.advance(1)
    assert await told(stage, third) == DEAD


def made_by_nobody(genuine: str) -> str:
    """The same kind of token under a key that the broker never had."""
    stranger = RefreshKey("00000000", b"s" * 32, 0)
    return refresh.mint(stranger, grant_id=genuine[4:36], generation=0, client_id=WEB)


async def test_what_has_ended_is_not_active_from_the_next_request_on(stage: Stage) -> None:
    """Nothing is remembered of an answer: an ended grant, a blocked person, a client that is disabled."""
    ended = await stage.sign_in()
    blocked = await stage.sign_in(person="p2")
    shop = await sign_in_for_api(stage)
    await register(stage, "cli_api", secret=API_SECRET, redirect_uris=[WEB_REDIRECT], audience=[API])
    api = ("cli_api", API_SECRET)
    for token, auth in ((ended, WEB_AUTH), (blocked, WEB_AUTH), (shop, api)):
        assert (await told(stage, token["access_token"], auth))["active"] is True
    assert (await post(stage.http, "/revoke", {"token": ended["refresh_token"]}, auth=WEB_AUTH)).status_code == 200
    sub = jwt.decode(blocked["id_token"], options={"verify_signature": False})["sub"]
    await execute(stage.database, f"UPDATE users SET blocked_at = 1 WHERE id = '{sub}'")
    await stage.database.transact(clients.disable, "cli_shop", now=stage.clock())
    for tokens in (ended, blocked):
        for kind in ("access_token", "refresh_token"):
            assert await told(stage, tokens[kind]) == DEAD, kind
    assert await told(stage, shop["access_token"], api) == DEAD


async def test_a_machines_token_lives_as_long_as_its_client_is_welcome(stage: Stage) -> None:
    machine = await register_machine(stage, audience=[API])
    auth = (machine, API_SECRET)
    issued = await post(stage.http, "/token", {"grant_type": "client_credentials"}, auth=auth)
    token = issued.json()["access_token"]
    await register(stage, "cli_api", secret=API_SECRET, redirect_uris=[WEB_REDIRECT], audience=[API])
    about = await told(stage, token, ("cli_api", API_SECRET))
    assert (about["active"], about["sub"], about["client_id"], about["scope"]) == (
        True,
        machine,
        machine,
        "read write",
    )
    await stage.database.transact(clients.disable, machine, now=stage.clock())
    assert await told(stage, token, ("cli_api", API_SECRET)) == DEAD
    await stage.database.transact(clients.remove, machine, now=stage.clock())
    assert await told(stage, token, ("cli_api", API_SECRET)) == DEAD


async def test_of_a_bound_token_the_key_is_told(stage: Stage) -> None:
    """RFC 9449 §6.2: a backend compares `cnf` with the proof that it was sent."""
    machine = await register_machine(stage)
    issued: httpx.Response = await post(
        stage.http,
        "/token",
        {"grant_type": "client_credentials"},
        auth=(machine, API_SECRET),
        headers=proof(stage),
    )
    about = await told(stage, issued.json()["access_token"], (machine, API_SECRET))
    assert about["token_type"] == "DPoP"
    assert about["cnf"] == jwt.decode(issued.json()["access_token"], options={"verify_signature": False})["cnf"]
    assert jwk(key("ES256"))["x"] not in str(about)
