"""People as they are: names in every script, ids that begin with a dash, permissions left unticked."""

from broker import opaque
from broker.simulator.people import PEOPLE
from broker.store import clients
from tests.stage import WEB_SECRET, HeldClock, Stage, running_stage
from tests.web.front import on_sqlite

PROFILE = ("user.info.basic", "user.info.profile")


async def test_everybody_can_sign_in_under_their_own_name(stage: Stage) -> None:
    for person in PEOPLE:
        told = (await stage.userinfo((await stage.sign_in(person=person.id))["access_token"])).json()
        assert told["name"] == person.display_name
        assert told["open_id"] == person.open_id("aw0example0key01")
        assert told["picture"].startswith("http")


async def test_a_username_is_told_when_it_was_shared_and_kept_when_it_is_not_any_more(
    database_url: str, clock: HeldClock
) -> None:
    """TikTok fails a whole call for one field that was not granted, so only granted ones are asked for."""
    async with running_stage(database_url, clock, BROKER_TIKTOK_SCOPES=",".join(PROFILE)) as stage:
        for ticked, username in ((PROFILE[:1], None), (PROFILE, "ada.moreno"), (PROFILE[:1], "ada.moreno")):
            browser = await stage.browser()
            answer = await stage.come_back(browser, stage.question(), scopes=ticked)
            tokens = (await stage.redeem(answer["code"])).json()
            told = (await stage.userinfo(tokens["access_token"])).json()
            assert told.get("preferred_username") == username
            assert told["tiktok_scopes"] == list(ticked)


@on_sqlite
async def test_an_answer_is_added_to_a_redirect_uri_that_has_a_query(stage: Stage) -> None:
    """RFC 6749 §3.1.2: the query is kept; the state comes back letter by letter."""
    redirect_uri = "https://app.example/back?tenant=a%20b&x="
    metadata = {"redirect_uris": [redirect_uri]}
    digest = opaque.digest(WEB_SECRET)
    await stage.database.transact(clients.add, "cli_query", metadata, digest, now=stage.clock())
    state = "".join(map(chr, range(0x20, 0x7F)))
    question = stage.question("cli_query", redirect_uri=redirect_uri, state=state)
    answer = await stage.come_back(await stage.browser(), question)
    assert set(answer) == {"tenant", "x", "code", "state", "iss"}
    assert (answer["tenant"], answer["x"], answer["state"]) == ("a b", "", state)


@on_sqlite
async def test_an_app_without_refresh_gets_no_refresh_token_and_none_is_redeemed(stage: Stage) -> None:
    metadata = {
        "redirect_uris": ["https://app.example/callback"],
        "grant_types": ["authorization_code"],
        "token_endpoint_auth_method": "none",
    }
    await stage.database.transact(clients.add, "cli_brief", metadata, None, now=stage.clock())
    tokens = await stage.sign_in("cli_brief", redirect_uri="https://app.example/callback")
    assert "refresh_token" not in tokens
    refused = await stage.refresh("brt_" + "a" * 96, "cli_brief")
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
