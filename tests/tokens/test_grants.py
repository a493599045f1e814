"""What `/token` gives: the answers of both grants, and the ends of a grant."""

import asyncio
from collections import Counter

from tests.stage import WEB, Stage
from tests.tokens.apps import code_for, error, redeem, register, said

GRANT = (400, "invalid_grant")


async def test_an_answer_has_the_members_of_the_rfc_and_nobody_keeps_it(stage: Stage) -> None:
    """RFC 6749 §5.1, OIDC Core §3.1.3.3."""
    answer = await stage.come_back(await stage.browser(), stage.question())
    response = await stage.redeem(answer["code"])
    assert (response.headers["cache-control"], response.headers["pragma"]) == ("no-store", "no-cache")
    assert response.headers["content-type"] == "application/json"
    tokens = response.json()
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    access, identity = said(tokens["access_token"]), said(tokens["id_token"])
    assert access["exp"] - access["iat"] == tokens["expires_in"]
    assert access["sub"] == identity["sub"]
    assert access["sid"] == identity["sid"]
    assert access["auth_time"] == identity["auth_time"] == stage.clock()
    assert (access["client_id"], identity["aud"], identity["nonce"]) == (WEB, WEB, "the-nonce")


async def test_the_scope_is_returned_in_the_order_in_which_it_was_asked_for(stage: Stage) -> None:
    tokens = await stage.sign_in(scope="offline_access email profile openid")
    assert tokens["scope"] == said(tokens["access_token"])["scope"] == "offline_access profile openid"
    refreshed = (await stage.refresh(tokens["refresh_token"], scope="profile offline_access")).json()
    assert refreshed["scope"] == said(refreshed["access_token"])["scope"] == "profile offline_access"


async def test_without_openid_there_is_no_id_token(stage: Stage) -> None:
    tokens = await stage.sign_in(scope="profile")
    assert "id_token" not in tokens
    assert (await stage.userinfo(tokens["access_token"])).status_code == 403


async def test_an_app_without_the_refresh_grant_gets_no_refresh_token(stage: Stage) -> None:
    await register(stage, "cli_once", grant_types=["authorization_code"])
    tokens = (await redeem(stage, "cli_once", await code_for(stage, "cli_once"))).json()
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "openid profile offline_access"


async def test_an_app_with_the_refresh_grant_always_gets_one(stage: Stage) -> None:
    tokens = await stage.sign_in(scope="openid")
    assert tokens["refresh_token"].startswith("brt_")


async def test_a_refresh_keeps_who_and_when_and_has_no_nonce(stage: Stage) -> None:
    """OIDC Core §12.2."""
    tokens = await stage.sign_in()
    before = said(tokens["id_token"])
    stage.clock.advance(100)
    refreshed = (await stage.refresh(tokens["refresh_token"])).json()
    after = said(refreshed["id_token"])
    for name in ("iss", "sub", "aud", "azp", "auth_time", "sid"):
        assert after[name] == before[name], name
    assert "nonce" not in after
    assert after["iat"] == before["iat"] + 100
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    same = [said(each["access_token"])["jti"].partition(".")[0] for each in (tokens, refreshed)]
    assert same[0] == same[1]


async def test_a_refresh_narrows_one_access_token_and_the_grant_keeps_its_own(stage: Stage) -> None:
    """RFC 6749 §6."""
    tokens = await stage.sign_in()
    narrowed = (await stage.refresh(tokens["refresh_token"], scope="profile")).json()
    assert (narrowed["scope"], "id_token" in narrowed) == ("profile", False)
    whole = (await stage.refresh(narrowed["refresh_token"])).json()
    assert whole["scope"] == "openid profile offline_access"


async def test_a_code_used_twice_ends_everything_that_came_of_it(stage: Stage) -> None:
    answer = await stage.come_back(await stage.browser(), stage.question())
    tokens = (await stage.redeem(answer["code"])).json()
    assert (await stage.userinfo(tokens["access_token"])).status_code == 200
    assert error(await stage.redeem(answer["code"])) == GRANT
    assert error(await stage.refresh(tokens["refresh_token"])) == GRANT
    assert (await stage.userinfo(tokens["access_token"])).status_code == 401


async def test_a_repeat_within_the_grace_gets_the_same_refresh_token(stage: Stage) -> None:
    token = (await stage.sign_in())["refresh_token"]
    first = (await stage.refresh(token)).json()
    stage.clock.advance(59)
    again = (await stage.refresh(token)).json()
    assert first["refresh_token"] == again["refresh_token"]
    assert first["access_token"] != again["access_token"]
    assert (await stage.refresh(first["refresh_token"])).status_code == 200


async def test_a_token_older_than_the_grace_ends_everything(stage: Stage) -> None:
    tokens = await stage.sign_in()
    newer = (await stage.refresh(tokens["refresh_token"])).json()
    stage.clock.advance(60)
    assert error(await stage.refresh(tokens["refresh_token"])) == GRANT
    assert error(await stage.refresh(newer["refresh_token"])) == GRANT
    assert (await stage.userinfo(newer["access_token"])).status_code == 401


async def test_tabs_that_refresh_at_once_all_go_on(stage: Stage) -> None:
    token = (await stage.sign_in())["refresh_token"]
    answers = await asyncio.gather(*(stage.refresh(token) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 20}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


async def test_a_code_raced_at_the_endpoint_is_redeemed_once(stage: Stage) -> None:
    answer = await stage.come_back(await stage.browser(), stage.question())
    answers = await asyncio.gather(*(stage.redeem(answer["code"]) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 19}


async def test_a_code_lives_a_minute(stage: Stage) -> None:
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question())
    stage.clock.advance(60)
    assert error(await stage.redeem(answer["code"])) == GRANT
