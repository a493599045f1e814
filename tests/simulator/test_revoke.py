"""Revoking: the grant ends, not one token."""

import pytest

from tests.simulator.driver import KEY, SANDBOX_KEY, Driver, refused


async def test_every_token_and_the_consent_end(tiktok: Driver) -> None:
    first, second = await tiktok.sign_in(), await tiktok.sign_in()
    pending = await tiktok.code()
    response = await tiktok.revoke(first["access_token"])
    assert response.status_code == 200
    assert response.content == b"{}"
    for body in (first, second):
        assert (await tiktok.user_info(body["access_token"])).status_code == 401
        assert refused(await tiktok.refresh(body["refresh_token"]))[0] == "invalid_grant"
    assert refused(await tiktok.redeem(pending))[0] == "invalid_grant"
    assert (await tiktok.show()).status_code == 200


async def test_other_people_and_other_apps_stay(tiktok: Driver) -> None:
    mine = await tiktok.sign_in()
    theirs = await tiktok.sign_in("p2")
    code = await tiktok.code(client_key=SANDBOX_KEY)
    elsewhere = (await tiktok.redeem(code, client_key=SANDBOX_KEY)).json()
    await tiktok.revoke(mine["access_token"])
    for body in (theirs, elsewhere):
        assert (await tiktok.user_info(body["access_token"])).status_code == 200


@pytest.mark.parametrize("which", ["refresh_token", "made up", "of another app", "missing"])
async def test_a_token_that_cannot_be_revoked(tiktok: Driver, which: str) -> None:
    body = await tiktok.sign_in()
    token = {"refresh_token": body["refresh_token"], "of another app": body["access_token"], "missing": ""}
    client_key = SANDBOX_KEY if which == "of another app" else KEY
    response = await tiktok.revoke(token.get(which, "act.made-up"), client_key)
    assert refused(response)[0] == ("invalid_request" if which == "missing" else "invalid_grant")
    assert (await tiktok.user_info(body["access_token"])).status_code == 200


async def test_revoking_is_as_strict_as_the_token_endpoint(tiktok: Driver) -> None:
    response = await tiktok.http.post("/v2/oauth/revoke/", json={"client_key": KEY})
    assert refused(response) == ("invalid_request", "The request parameters are malformed.")
    await tiktok.settings(oauth_error_status=401)
    assert (await tiktok.http.post("/v2/oauth/revoke/", json={})).status_code == 401
