"""The life of a grant as an app lives it: one code, a chain of refresh tokens, and what misuse costs."""

import asyncio
from typing import Any

import httpx
import jwt
import pytest

from tests.journeys.tables import contents
from tests.stage import PUBLIC, VERIFIER, WEB, HeldClock, Stage, forged, running_stage
from tests.web.front import on_sqlite

OFFLINE = "openid profile offline_access"


def assert_refused(answer: httpx.Response, error: str = "invalid_grant", status: int = 400) -> None:
    """RFC 6749 §5.2, kept by no cache."""
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


async def code_of(stage: Stage, client_id: str = WEB, **changes: str | None) -> str:
    answer = await stage.come_back(await stage.browser(), stage.question(client_id, **changes))
    return answer["code"]


@on_sqlite
async def test_the_token_response_has_what_was_promised(stage: Stage) -> None:
    answer = await stage.redeem(await code_of(stage))
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, OFFLINE)
    access = jwt.decode(body["access_token"], options={"verify_signature": False})
    identity = jwt.decode(body["id_token"], options={"verify_signature": False})
    assert jwt.get_unverified_header(body["access_token"])["typ"] == "at+jwt"
    assert set(access) == {
        *("iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid", "auth_time", "union_id"),
        "status",
    }
    assert access["aud"] == [stage.issuer]
    assert (identity["aud"], identity["azp"], identity["sid"]) == (WEB, WEB, access["sid"])
    assert identity["sub"] == access["sub"]
    assert "email" not in identity


async def test_a_correct_second_use_of_a_code_ends_the_grant_and_userinfo_at_once(stage: Stage) -> None:
    code = await code_of(stage)
    tokens = (await stage.redeem(code)).json()
    assert (await stage.userinfo(tokens["access_token"])).status_code == 200
    assert_refused(await stage.redeem(code))
    assert (await stage.userinfo(tokens["access_token"])).status_code == 401
    assert_refused(await stage.refresh(tokens["refresh_token"]))
    (grant,) = (await contents(stage.database))["grants"]
    assert grant["ended_reason"] == "code_reuse"


async def test_a_wrong_presentation_spends_nothing_and_ends_nothing(stage: Stage) -> None:
    code = await code_of(stage)
    assert_refused(await stage.redeem(code, code_verifier=VERIFIER[::-1]))
    assert_refused(await stage.redeem(code, code_verifier=None))
    assert_refused(await stage.redeem(code, code_verifier="short"))
    assert_refused(await stage.redeem(code, redirect_uri="https://app.example/other"))
    assert_refused(await stage.redeem(code, PUBLIC))
    assert_refused(await stage.redeem(code + "a"))
    assert_refused(await stage.redeem(""), "invalid_request")
    assert_refused(await stage.redeem(code, resource="https://api.example/"), "invalid_target")
    tokens = (await stage.redeem(code)).json()
    assert_refused(await stage.redeem(code, code_verifier=VERIFIER[::-1]))
    assert (await stage.userinfo(tokens["access_token"])).status_code == 200


async def test_a_code_dies_in_the_second_its_time_is_up(stage: Stage) -> None:
    early, late = await code_of(stage), await code_of(stage)
    stage.clock.advance(59)
    assert (await stage.redeem(early)).status_code == 200
    stage.clock.advance(1)
    assert_refused(await stage.redeem(late))


async def test_one_of_many_simultaneous_redemptions_succeeds(stage: Stage) -> None:
    code = await code_of(stage)
    answers = await asyncio.gather(*(stage.redeem(code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


async def test_a_chain_of_refreshes_keeps_the_person_and_the_session(stage: Stage) -> None:
    tokens = await stage.sign_in()
    first = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    for _ in range(4):
        stage.clock.advance(3_600)
        answer = await stage.refresh(tokens["refresh_token"])
        assert answer.status_code == 200
        assert answer.json()["refresh_token"] != tokens["refresh_token"]
        tokens = answer.json()
        again = jwt.decode(tokens["id_token"], options={"verify_signature": False})
        assert "nonce" not in again
        assert {name: again[name] for name in ("sub", "aud", "sid", "auth_time")} == {
            name: first[name] for name in ("sub", "aud", "sid", "auth_time")
        }
    assert (await stage.userinfo(tokens["access_token"])).status_code == 200


async def test_a_repeat_within_the_grace_gets_the_same_successor(stage: Stage) -> None:
    old = (await stage.sign_in())["refresh_token"]
    successors = {(await stage.refresh(old)).json()["refresh_token"] for _ in range(3)}
    stage.clock.advance(59)
    successors.add((await stage.refresh(old)).json()["refresh_token"])
    assert len(successors) == 1
    assert (await stage.refresh(successors.pop())).status_code == 200


async def test_an_old_refresh_token_after_the_grace_ends_everything(stage: Stage) -> None:
    old = (await stage.sign_in())["refresh_token"]
    tokens = (await stage.refresh(old)).json()
    stage.clock.advance(60)
    assert_refused(await stage.refresh(old))
    assert_refused(await stage.refresh(tokens["refresh_token"]))
    assert (await stage.userinfo(tokens["access_token"])).status_code == 401


async def test_a_refresh_may_narrow_once_and_never_widen(stage: Stage) -> None:
    token = (await stage.sign_in())["refresh_token"]
    assert_refused(await stage.refresh(token, scope="openid profile email"), "invalid_scope")
    narrow = (await stage.refresh(token, scope="profile")).json()
    assert narrow["scope"] == "profile"
    assert "id_token" not in narrow
    assert (await stage.refresh(narrow["refresh_token"])).json()["scope"] == OFFLINE


async def test_anothers_refresh_token_harms_nobody(stage: Stage) -> None:
    tokens = await stage.sign_in()
    assert_refused(await stage.refresh(tokens["refresh_token"], PUBLIC))
    for bad in (forged(tokens["refresh_token"]), "brt_", "brt_" + "a" * 96, tokens["access_token"], "ü"):
        assert_refused(await stage.refresh(bad))
    assert (await stage.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize(("grace", "status"), [("0s", 400), ("5m", 200)])
@on_sqlite
async def test_the_grace_is_the_operators(database_url: str, clock: HeldClock, grace: str, status: int) -> None:
    async with running_stage(database_url, clock, BROKER_REFRESH_GRACE=grace) as stage:
        old = (await stage.sign_in())["refresh_token"]
        await stage.refresh(old)
        assert (await stage.refresh(old)).status_code == status
