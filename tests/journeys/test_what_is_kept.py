"""What a finished sign-in leaves in the database: the promised rows, nobody twice, and no secret in clear."""

import orjson

from broker import opaque
from broker.sealing import Sealer
from broker.simulator.world import World
from tests.journeys.tables import contents, raw_file, written
from tests.stage import PUBLIC, WEB, WEB_REDIRECT, WEB_SECRET, Stage, answer_in


async def test_a_sign_in_writes_one_row_of_each_kind(stage: Stage) -> None:
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question())
    kept = await contents(stage.database)
    (user,), (account,), (session,), (grant,) = (
        kept[name] for name in ("users", "accounts", "sessions", "grants")
    )
    now = stage.clock()
    person = stage.world.people["p1"]
    assert user["id"].startswith("usr_")
    assert (user["union_id"], user["display_name"]) == (person.union_id("Sample developer"), "Ada Moreno")
    assert (account["user_id"], account["registration"]) == (user["id"], "default")
    assert account["open_id"] == person.open_id("aw0example0key01")
    assert account["granted_scope"] == "user.info.basic"
    assert (account["access_expires_at"], account["refresh_expires_at"]) == (now + 7_200, now + 180 * 86_400)
    assert session["id"].startswith("ses_")
    assert session["cookie_digest"] == opaque.digest(browser.cookies["broker_session"])
    assert (session["auth_time"], session["expires_at"]) == (now, now + 7 * 86_400)
    assert session["max_expires_at"] == now + 30 * 86_400
    assert grant["code_digest"] == opaque.digest(answer["code"])
    assert grant["code_expires_at"] == now + 60
    assert (grant["client_id"], grant["redirect_uri"]) == (WEB, WEB_REDIRECT)
    assert (grant["user_id"], grant["account_id"]) == (user["id"], account["id"])
    assert (grant["session_id"], grant["auth_time"]) == (session["id"], now)
    assert (grant["scope"], grant["nonce"]) == ("openid profile offline_access", "the-nonce")
    assert (grant["offline"], grant["redeemed_at"], grant["ended_at"]) == (1, None, None)
    (event,) = kept["audit_events"]
    assert (event["event"], event["grant_id"], event["at"]) == ("sign_in", grant["id"], now)


async def test_the_same_person_is_the_same_sub_in_every_app(stage: Stage) -> None:
    first, second = await stage.sign_in(), await stage.sign_in(PUBLIC)
    other = await stage.sign_in(person="p2")
    subs = [(await stage.userinfo(tokens["access_token"])).json()["sub"] for tokens in (first, second, other)]
    assert subs[0] == subs[1] != subs[2]
    assert await written(stage.database) == {
        "users": 2,
        "accounts": 2,
        "sessions": 3,
        "grants": 3,
        "audit_events": 3,
    }


async def test_a_changed_name_updates_the_row_and_changes_nobody(stage: Stage) -> None:
    before = (await stage.userinfo((await stage.sign_in())["access_token"])).json()
    stage.world.rename("p1", display_name="Ada Lovelace")
    after = (await stage.userinfo((await stage.sign_in())["access_token"])).json()
    assert (before["name"], after["name"]) == ("Ada Moreno", "Ada Lovelace")
    assert before["sub"] == after["sub"]


async def test_a_name_taken_over_from_somebody_else_identifies_nobody(stage: Stage) -> None:
    mine = (await stage.userinfo((await stage.sign_in(person="p1"))["access_token"])).json()
    stage.world.rename("p2", display_name="Ada Moreno", username="ada.moreno")
    theirs = (await stage.userinfo((await stage.sign_in(person="p2"))["access_token"])).json()
    assert mine["name"] == theirs["name"]
    assert mine["sub"] != theirs["sub"]


async def test_auth_time_is_the_second_in_which_tiktok_vouched(stage: Stage) -> None:
    browser = await stage.browser()
    sent = await stage.authorize(browser, stage.question())
    stage.clock.advance(90)
    callback = await stage.consent(browser, sent.headers["location"])
    accepted = stage.clock()
    answer = answer_in((await browser.get(callback)).headers["location"])
    stage.clock.advance(30)
    tokens = (await stage.redeem(answer["code"])).json()
    claims = orjson.loads(opaque.from_base64url(tokens["id_token"].split(".")[1]) or b"")
    assert claims["auth_time"] == accepted
    assert claims["iat"] == accepted + 30


async def test_the_tiktok_tokens_are_sealed_and_bound_to_their_account(stage: Stage) -> None:
    await stage.sign_in()
    (account,) = (await contents(stage.database))["accounts"]
    row = f"default {account['open_id']}"
    sealer = Sealer(stage.settings.secret_keys)
    opened = orjson.loads(sealer.open(account["sealed_tokens"], purpose="tiktok tokens", row=row))
    assert sorted(opened) == sorted(issued_by(stage.world))


async def test_no_secret_stands_in_any_table_nor_in_the_file(stage: Stage, database_url: str) -> None:
    browser = await stage.browser()
    answer = await stage.come_back(browser, stage.question())
    tokens = (await stage.redeem(answer["code"])).json()
    refreshed = (await stage.refresh(tokens["refresh_token"])).json()
    canaries = [
        WEB_SECRET,
        stage.settings.registrations[0].client_secret.reveal(),
        answer["code"],
        browser.cookies["broker_session"],
        *(found[name] for found in (tokens, refreshed) for name in ("access_token", "id_token", "refresh_token")),
        *issued_by(stage.world),
    ]
    everything = repr(await contents(stage.database)).encode()
    if database_url.startswith("sqlite"):
        everything += raw_file(database_url)
    assert b"usr_" in everything
    for canary in canaries:
        assert canary.encode() not in everything, canary[:12]


def issued_by(world: World) -> list[str]:
    """The tokens that the simulated TikTok has given out."""
    grants = world.grants
    return [*grants._by_access_token, *grants._by_refresh_token]
