"""Refresh tokens, new style and old."""

from tests.simulator.driver import NOW, SANDBOX_KEY, Driver, refused

DEAD = ("invalid_grant", "Refresh token is invalid or expired.")
DAY = 86_400


async def test_a_refresh_kills_the_old_refresh_token_at_once(tiktok: Driver) -> None:
    old = await tiktok.sign_in()
    new = (await tiktok.refresh(old["refresh_token"])).json()
    assert new.keys() == old.keys()
    assert new["refresh_token"] != old["refresh_token"]
    assert new["access_token"] != old["access_token"]
    assert (new["open_id"], new["scope"]) == (old["open_id"], old["scope"])
    assert refused(await tiktok.refresh(old["refresh_token"])) == DEAD
    assert "access_token" in (await tiktok.refresh(new["refresh_token"])).json()


async def test_both_access_tokens_live_until_they_expire(tiktok: Driver) -> None:
    old = await tiktok.sign_in()
    tiktok.clock.now = NOW + 7000
    new = (await tiktok.refresh(old["refresh_token"])).json()
    assert (await tiktok.user_info(old["access_token"])).status_code == 200
    tiktok.clock.now = NOW + 7200
    assert (await tiktok.user_info(old["access_token"])).status_code == 401
    assert (await tiktok.user_info(new["access_token"])).status_code == 200


async def test_the_half_year_starts_anew_with_every_rotation(tiktok: Driver) -> None:
    body = await tiktok.sign_in()
    for _ in range(4):
        tiktok.clock.now += 179 * DAY
        body = (await tiktok.refresh(body["refresh_token"])).json()
        assert body["refresh_expires_in"] == 180 * DAY
    tiktok.clock.now += 180 * DAY
    assert refused(await tiktok.refresh(body["refresh_token"])) == DEAD


async def test_the_old_style_keeps_the_refresh_token_for_its_year(tiktok: Driver) -> None:
    await tiktok.settings(legacy=True)
    first = await tiktok.sign_in()
    assert (first["expires_in"], first["refresh_expires_in"]) == (DAY, 365 * DAY)
    tiktok.clock.now += 100 * DAY
    second = (await tiktok.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] == first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert second["refresh_expires_in"] == 265 * DAY
    await tiktok.settings(legacy=False)
    assert tiktok.world.switches.rotation
    assert tiktok.world.switches.access_token_lifetime == 7200


async def test_rotation_is_a_switch_of_its_own(tiktok: Driver) -> None:
    await tiktok.settings(rotation=False)
    body = await tiktok.sign_in()
    assert body["expires_in"] == 7200
    assert (await tiktok.refresh(body["refresh_token"])).json()["refresh_token"] == body["refresh_token"]


async def test_a_refresh_token_belongs_to_its_app(tiktok: Driver) -> None:
    body = await tiktok.sign_in()
    assert refused(await tiktok.refresh(body["refresh_token"], client_key=SANDBOX_KEY)) == DEAD
    assert "access_token" in (await tiktok.refresh(body["refresh_token"])).json()


async def test_an_access_token_refreshes_nothing(tiktok: Driver) -> None:
    assert refused(await tiktok.refresh((await tiktok.sign_in())["access_token"])) == DEAD
