"""A person blocked in the middle of a journey: no code, no token, no refresh, no userinfo from then on."""

from broker.store import clients
from tests.by_hand import execute
from tests.journeys.tables import contents, written
from tests.stage import WEB, Stage, answer_in

BLOCK = "UPDATE users SET blocked_at = 1"
UNBLOCK = "UPDATE users SET blocked_at = NULL"


async def test_a_blocked_person_gets_access_denied_and_no_session(stage: Stage) -> None:
    await stage.sign_in()
    before = await contents(stage.database)
    await execute(stage.database, BLOCK)
    stage.world.rename("p1", display_name="Somebody Else")
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question())
    assert (answer["error"], answer["state"]) == ("access_denied", "the-state")
    assert "blocked" in answer["error_description"]
    assert [name for name in browser.cookies if name.startswith("broker_")] == []
    after = await contents(stage.database)
    for table in ("accounts", "sessions", "grants"):
        assert after[table] == before[table]
    assert [event["event"] for event in after["audit_events"]] == ["sign_in", "sign_in.refused"]
    # Others come and go as before.
    assert "code" in await stage.come_back(await stage.browser(), stage.question(), person="p2")


async def test_what_a_blocked_person_holds_is_void_and_a_pardon_gives_it_back(stage: Stage) -> None:
    tokens = await stage.sign_in()
    code = (await stage.come_back(await stage.browser(), stage.question()))["code"]
    await execute(stage.database, BLOCK)
    assert (await stage.userinfo(tokens["access_token"])).status_code == 401
    for refused in (await stage.refresh(tokens["refresh_token"]), await stage.redeem(code)):
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    await execute(stage.database, UNBLOCK)
    assert (await stage.userinfo(tokens["access_token"])).status_code == 200
    assert (await stage.refresh(tokens["refresh_token"])).status_code == 200
    assert (await stage.redeem(code)).status_code == 200


async def test_a_disabled_client_is_out_at_once_and_comes_back_when_enabled(stage: Stage) -> None:
    tokens = await stage.sign_in()
    code = (await stage.come_back(await stage.browser(), stage.question()))["code"]
    await stage.database.transact(clients.disable, WEB, now=stage.clock())
    # The broker's copy of the client is seconds old; that lets nobody in.
    for refused in (await stage.refresh(tokens["refresh_token"]), await stage.redeem(code)):
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert (await stage.userinfo(tokens["access_token"])).status_code == 401
    await stage.database.transact(clients.enable, WEB, now=stage.clock())
    assert (await stage.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_removed_client_leaves_no_grant_behind(stage: Stage) -> None:
    tokens = await stage.sign_in()
    await stage.database.transact(clients.remove, WEB, now=stage.clock())
    assert (await stage.userinfo(tokens["access_token"])).status_code == 401
    assert (await stage.refresh(tokens["refresh_token"])).json()["error"] == "invalid_client"
    assert "grants" not in await written(stage.database)


async def test_a_person_who_is_blocked_while_at_tiktok_is_refused_at_the_callback(stage: Stage) -> None:
    await stage.sign_in()
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    callback = await stage.consent(browser, sent.headers["location"])
    await execute(stage.database, BLOCK)
    assert answer_in((await browser.get(callback)).headers["location"])["error"] == "access_denied"
