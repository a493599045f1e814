"""Where nobody has written down what TikTok does, a switch makes it do the one or the other."""

from urllib.parse import urlencode

import pytest

from broker.simulator.apps import LOGIN_SCOPES
from broker.simulator.world import App
from tests.simulator.driver import (
    BASIC,
    KEY,
    NOW,
    REDIRECT_URI,
    SANDBOX_KEY,
    SECRET,
    WEB_KEY,
    WEB_REDIRECT_URI,
    Driver,
    callback,
    refused,
)

DAY = 86_400
WEB = {"client_key": WEB_KEY, "redirect_uri": WEB_REDIRECT_URI}


async def alive(tiktok: Driver, access_token: str) -> bool:
    return (await tiktok.user_info(access_token)).status_code == 200


@pytest.mark.parametrize("rotation", [True, False])
@pytest.mark.parametrize("kills", [True, False])
async def test_a_refresh_may_end_the_old_access_token(tiktok: Driver, kills: bool, rotation: bool) -> None:
    await tiktok.settings(refresh_kills_access_token=kills, rotation=rotation)
    old = await tiktok.sign_in()
    new = (await tiktok.refresh(old["refresh_token"])).json()
    assert await alive(tiktok, new["access_token"])
    assert await alive(tiktok, old["access_token"]) is not kills


@pytest.mark.parametrize("slides", [True, False])
async def test_the_half_year_may_start_anew_or_not(tiktok: Driver, slides: bool) -> None:
    await tiktok.settings(refresh_lifetime_slides=slides)
    old = await tiktok.sign_in()
    tiktok.clock.now = NOW + 100 * DAY
    new = (await tiktok.refresh(old["refresh_token"])).json()
    assert new["refresh_expires_in"] == (180 if slides else 80) * DAY


@pytest.mark.parametrize("ends", [True, False])
async def test_a_refresh_token_used_again_may_end_its_successors(tiktok: Driver, ends: bool) -> None:
    await tiktok.settings(refresh_reuse_ends_tokens=ends)
    old = await tiktok.sign_in()
    new = (await tiktok.refresh(old["refresh_token"])).json()
    for client_key in (SANDBOX_KEY, KEY):
        assert await alive(tiktok, new["access_token"]), "another app cannot do this"
        await tiktok.refresh(old["refresh_token"], client_key=client_key)
    assert await alive(tiktok, new["access_token"]) is not ends
    assert ("error" in (await tiktok.refresh(new["refresh_token"])).json()) is ends
    assert (await tiktok.show(client_key=SANDBOX_KEY)).status_code == 200


async def test_an_answer_that_was_lost_is_not_given_again(tiktok: Driver) -> None:
    """There is no time of grace: who did not hear the answer has lost the pair."""
    old = await tiktok.sign_in()
    await tiktok.fault(endpoint="token", kind="empty", after=True)
    await tiktok.refresh(old["refresh_token"])
    assert refused(await tiktok.refresh(old["refresh_token"]))[0] == "invalid_grant"


@pytest.mark.parametrize("one", [True, False])
async def test_a_new_sign_in_may_end_the_tokens_of_the_one_before(tiktok: Driver, one: bool) -> None:
    await tiktok.settings(one_pair_per_grant=one)
    somebody_else = await tiktok.sign_in("p2")
    first = await tiktok.sign_in()
    second = await tiktok.sign_in()
    assert await alive(tiktok, first["access_token"]) is not one
    assert await alive(tiktok, second["access_token"])
    assert await alive(tiktok, somebody_else["access_token"])


async def test_a_refresh_token_may_outlive_what_the_app_revokes(tiktok: Driver) -> None:
    await tiktok.settings(revoke_kills_refresh_tokens=False)
    body = await tiktok.sign_in()
    await tiktok.revoke(body["access_token"])
    assert not await alive(tiktok, body["access_token"])
    new = (await tiktok.refresh(body["refresh_token"])).json()
    await tiktok.control("webhooks/deliver")
    tiktok.world.grants.consent("p1", KEY, asked=(), ticked=())
    await tiktok.control("people/p1/remove", client_key=KEY)
    assert "error" in (await tiktok.refresh(new["refresh_token"])).json(), (
        "a person's own farewell ends everything"
    )


async def test_the_web_may_require_pkce(tiktok: Driver) -> None:
    await tiktok.settings(web_challenge="required")
    bare = {**WEB, "scope": BASIC, "code_challenge": None, "code_challenge_method": None}
    sent = await tiktok.show(**bare)
    assert "errCode=10007" in sent.headers["location"]
    assert (await tiktok.show(**WEB, scope=BASIC)).status_code == 200


@pytest.mark.parametrize("verifier", [None, "wrong"])
async def test_the_web_may_ignore_pkce(tiktok: Driver, verifier: str | None) -> None:
    await tiktok.settings(web_challenge="ignored")
    sent = await tiktok.press("allow", "p1", (BASIC,), **WEB, scope=BASIC)
    code = callback(sent, WEB_REDIRECT_URI)["code"]
    assert "access_token" in (await tiktok.redeem(code, **WEB, code_verifier=verifier)).json()
    assert "error" in (await tiktok.redeem(await tiktok.code(), code_verifier=verifier)).json()


@pytest.mark.parametrize("by", ["app", "person"])
async def test_user_info_may_be_limited_for_each_person(tiktok: Driver, by: str) -> None:
    await tiktok.settings(user_info_limited_by=by, user_info_per_minute=1, user_info_retry_after=7)
    first, second = await tiktok.sign_in("p1"), await tiktok.sign_in("p2")
    assert await alive(tiktok, first["access_token"])
    assert await alive(tiktok, second["access_token"]) is (by == "person")
    limited = await tiktok.user_info(first["access_token"])
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")


async def test_a_refusal_may_carry_empty_data(tiktok: Driver) -> None:
    assert "data" not in (await tiktok.user_info("act.made-up")).json()
    await tiktok.settings(user_info_error_data=True)
    response = await tiktok.user_info("act.made-up")
    assert (response.status_code, response.json()["data"]) == (401, {})
    assert "retry-after" not in response.headers


async def test_union_id_is_shared_by_the_apps_of_one_developer_alone(tiktok: Driver) -> None:
    """As apps see it: over the wire, for one person in three apps."""
    tiktok.world.add_app(App("aw0sibling", SECRET, [REDIRECT_URI]))
    tiktok.world.add_app(App("aw0stranger", SECRET, [REDIRECT_URI], developer="Another developer"))
    seen = {}
    for key in (KEY, "aw0sibling", "aw0stranger"):
        code = await tiktok.code(client_key=key)
        token = (await tiktok.redeem(code, client_key=key)).json()["access_token"]
        seen[key] = (await tiktok.user_info(token, "open_id,union_id")).json()["data"]["user"]
    assert seen[KEY]["union_id"] == seen["aw0sibling"]["union_id"] != seen["aw0stranger"]["union_id"]
    assert len({user["open_id"] for user in seen.values()}) == 3


async def test_the_client_token_lives_two_hours_whatever_is_switched(tiktok: Driver) -> None:
    await tiktok.settings(legacy=True)
    assert (await tiktok.token(grant_type="client_credentials")).json()["expires_in"] == 7200


async def test_every_answer_of_the_api_host_has_a_log_id(tiktok: Driver) -> None:
    body = await tiktok.sign_in(scopes=LOGIN_SCOPES, scope=",".join(LOGIN_SCOPES))
    content = urlencode({"client_key": KEY, "client_secret": SECRET, "grant_type": "client_credentials"})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answers = [
        await tiktok.http.post("/v2/oauth/token/", content=content, headers=headers),
        await tiktok.user_info(body["access_token"]),
        await tiktok.user_info(body["access_token"], "nothing"),
        await tiktok.revoke(body["access_token"]),
        await tiktok.revoke(body["access_token"]),
    ]
    assert [len(response.headers["x-tt-logid"]) for response in answers] == [34] * len(answers)
