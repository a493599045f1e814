"""People who disconnect an app, and accounts that TikTok does away with."""

import json

import pytest

from tests.simulator.driver import FORM, KEY, SANDBOX_KEY, Driver, refused


async def reasons(tiktok: Driver) -> list[int]:
    await tiktok.control("webhooks/deliver")
    return [json.loads(json.loads(body)["content"])["reason"] for _, _, body in tiktok.posted]


@pytest.mark.parametrize("reason", [0, 1, 3])
async def test_a_person_leaves_one_app_and_may_come_back(tiktok: Driver, reason: int) -> None:
    elsewhere = await tiktok.code(client_key=SANDBOX_KEY)
    await tiktok.sign_in()
    await tiktok.control("people/p1/remove", client_key=KEY, reason=reason)
    assert await reasons(tiktok) == [reason]
    assert "access_token" in (await tiktok.redeem(elsewhere, client_key=SANDBOX_KEY)).json()
    assert (await tiktok.sign_in())["open_id"]


@pytest.mark.parametrize("reason", [2, 4])
async def test_an_account_that_is_gone_is_gone_everywhere_until_restored(tiktok: Driver, reason: int) -> None:
    elsewhere = await tiktok.code(client_key=SANDBOX_KEY)
    body = await tiktok.sign_in()
    state = await tiktok.control("people/p1/remove", reason=reason)
    assert (state["people"][0]["gone"], state["people"][0]["has_allowed"]) == (True, [])
    assert await reasons(tiktok) == [reason]
    assert (await tiktok.user_info(body["access_token"])).status_code == 401
    assert refused(await tiktok.redeem(elsewhere, client_key=SANDBOX_KEY))[0] == "invalid_grant"
    page = await tiktok.press()
    assert page.status_code == 400
    assert "deleted or banned" in page.text
    assert "deleted or banned" in (await tiktok.show()).text
    await tiktok.control("people/p1/restore")
    assert (await tiktok.sign_in())["open_id"] == body["open_id"]


async def test_a_browser_of_a_gone_account_is_signed_out(tiktok: Driver) -> None:
    await tiktok.sign_in()
    assert (await tiktok.show()).status_code == 302
    await tiktok.control("people/p1/remove", reason=4)
    tiktok.world.grants.consent("p1", KEY, asked=(), ticked=("user.info.basic", "user.info.profile"))
    assert (await tiktok.show()).status_code == 200


async def test_revoking_tells_reason_5_once(tiktok: Driver) -> None:
    body = await tiktok.sign_in()
    for _ in range(2):
        await tiktok.revoke(body["access_token"])
    assert await reasons(tiktok) == [5]


async def test_nobody_leaves_who_does_not_exist(tiktok: Driver) -> None:
    for what in ("remove", "restore"):
        assert (await tiktok.http.post(f"/_simulator/people/p9/{what}", json={})).status_code == 404


async def test_the_page_has_a_form_for_leaving_and_one_for_coming_back(tiktok: Driver) -> None:
    assert "/_simulator/people/p1/remove" not in (await tiktok.http.get("/_simulator/")).text
    await tiktok.sign_in()
    page = (await tiktok.http.get("/_simulator/")).text
    assert "/_simulator/people/p1/remove" in page
    assert "account banned" in page
    done = await tiktok.http.post(
        "/_simulator/people/p1/remove", content=f"client_key={KEY}&reason=2", headers=FORM
    )
    assert done.status_code == 303
    await tiktok.control("webhooks/deliver")
    page = (await tiktok.http.get("/_simulator/")).text
    assert "/_simulator/people/p1/restore" in page
    assert "authorization.removed" in page
    assert "delivered" in page
