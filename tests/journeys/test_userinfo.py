"""`/userinfo` for the bearer of an access token (OIDC Core §5.3), and its refusals (RFC 6750 §3)."""

from typing import Any

import jwt
import pytest

from broker import opaque
from broker.store import clients
from tests.stage import WEB, WEB_REDIRECT, WEB_SECRET, Stage
from tests.web.front import on_sqlite

API = "https://api.example/"


async def test_it_tells_the_claims_of_the_id_token(stage: Stage) -> None:
    tokens = await stage.sign_in()
    told = await stage.userinfo(tokens["access_token"])
    assert (told.status_code, told.headers["content-type"]) == (200, "application/json")
    assert told.headers["cache-control"] == "no-store"
    identity = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    claims = told.json()
    assert set(claims) == {"sub", "name", "picture", "union_id", "open_id", "tiktok_scopes"}
    assert claims == {name: identity[name] for name in claims}
    assert claims["tiktok_scopes"] == ["user.info.basic"]


@on_sqlite
async def test_without_profile_it_tells_nothing_but_sub(stage: Stage) -> None:
    tokens = await stage.sign_in(scope="openid")
    assert set((await stage.userinfo(tokens["access_token"])).json()) == {"sub"}


@on_sqlite
async def test_the_token_may_come_in_the_header_or_in_a_form(stage: Stage) -> None:
    """RFC 6750 §2.1, §2.2; never in the query (§2.3), where logs would keep it."""
    token = (await stage.sign_in())["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    good: list[dict[str, Any]] = [
        {"method": "GET", "headers": bearer},
        {"method": "GET", "headers": {"Authorization": f"bearer  {token}"}},
        {"method": "POST", "headers": bearer},
        {"method": "POST", "headers": bearer, "json": {"some": "thing"}},
        {"method": "POST", "data": {"access_token": token}},
        {
            "method": "POST",
            "content": in_pieces(token),
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
    ]
    for request in good:
        answer = await stage.http.request(url="/userinfo", **request)
        assert answer.status_code == 200, request
    unheard: list[dict[str, Any]] = [
        {"method": "GET"},
        {"method": "POST"},
        {"method": "GET", "params": {"access_token": token}},
        {"method": "POST", "json": {"access_token": token}},
        {"method": "GET", "headers": {"Authorization": "Basic Y2xpX3dlYjp4"}},
        {"method": "GET", "headers": {"Authorization": ""}},
    ]
    for request in unheard:
        answer = await stage.http.request(url="/userinfo", **request)
        assert answer.status_code == 401, request
        # §3.1: who sent no token is told of no error.
        bearer_or_dpop = 'Bearer realm="broker", DPoP realm="broker", algs="ES256 PS256 EdDSA"'
        assert answer.headers["www-authenticate"] == bearer_or_dpop
        assert answer.content == b""
    both = await stage.http.post("/userinfo", headers=bearer, data={"access_token": token})
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")


async def in_pieces(token: str) -> Any:
    """A body of unannounced length."""
    yield b"access_token="
    yield token.encode()


@on_sqlite
async def test_a_token_that_is_not_good_is_invalid(stage: Stage) -> None:
    tokens = await stage.sign_in()
    header, payload, signature = tokens["access_token"].split(".")
    forged = [
        "x",
        "a.b.c",
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[::-1]}",
        f"{header}.{payload[:-4]}.{signature}",
        f"{tokens['access_token']}.x",
        f"{tokens['access_token']} x",
        tokens["id_token"],
        tokens["refresh_token"],
        jwt.encode({"sub": "x"}, "", algorithm="none"),
        "é",
    ]
    for token in forged:
        answer = await stage.http.get("/userinfo", headers=[(b"authorization", b"Bearer " + token.encode())])
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token"), token
        assert answer.headers["www-authenticate"].startswith('Bearer realm="broker", error="invalid_token", ')
    empty = await stage.http.get("/userinfo", headers={"Authorization": "Bearer"})
    assert (empty.status_code, empty.json()["error"]) == (400, "invalid_request")


@on_sqlite
async def test_an_access_token_dies_in_the_second_of_its_exp(stage: Stage) -> None:
    """RFC 7519 §4.1.4."""
    token = (await stage.sign_in())["access_token"]
    stage.clock.advance(599)
    assert (await stage.userinfo(token)).status_code == 200
    stage.clock.advance(1)
    assert (await stage.userinfo(token)).status_code == 401


@on_sqlite
async def test_a_token_without_openid_is_of_insufficient_scope(stage: Stage) -> None:
    tokens = await stage.sign_in(scope="profile")
    assert "id_token" not in tokens
    answer = await stage.userinfo(tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(("scope", "status"), [("openid", 200), ("profile", 403)])
@on_sqlite
async def test_a_token_for_another_audience_opens_userinfo_only_with_openid(
    stage: Stage, scope: str, status: int
) -> None:
    metadata = {"redirect_uris": [WEB_REDIRECT], "audience": [API, "https://other.example/"]}
    await stage.database.transact(clients.remove, WEB, now=stage.clock())
    await stage.database.transact(clients.add, WEB, metadata, opaque.digest(WEB_SECRET), now=stage.clock())
    tokens = await stage.sign_in(scope=scope, resource=API)
    audience = jwt.decode(tokens["access_token"], options={"verify_signature": False})["aud"]
    assert audience == ([API, stage.issuer] if scope == "openid" else [API])
    assert (await stage.userinfo(tokens["access_token"])).status_code == status
