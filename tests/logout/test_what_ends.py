"""What a sign-out ends, and what outlives it."""

from tests.journeys.tables import contents
from tests.logout.apps import SPA, change, log_out, sign_in, signed_in
from tests.logout.test_question import ASKED, confirm, question_in
from tests.stage import PUBLIC, WEB, Stage, answer_in

ONLINE = "openid profile"


async def test_what_hangs_on_the_session_ends_with_it_and_offline_access_goes_on(apps: Stage) -> None:
    """OIDC Core §11: `offline_access` is for when the person is not there; everything else needs the session."""
    browser = await apps.browser()
    offline = await sign_in(apps, browser)
    online = await sign_in(apps, browser, SPA, scope=ONLINE)
    unused = await apps.authorize(browser, apps.question(PUBLIC))
    code = answer_in(unused.headers["location"])["code"]
    assert (await apps.userinfo(online["access_token"])).status_code == 200

    await log_out(apps, browser, id_token_hint=offline["id_token"])

    assert not await signed_in(apps, browser)
    redeemed = await apps.redeem(code, PUBLIC)
    assert (redeemed.status_code, redeemed.json()["error"]) == (400, "invalid_grant")
    refreshed = await apps.refresh(online["refresh_token"], SPA)
    assert (refreshed.status_code, refreshed.json()["error"]) == (400, "invalid_grant")
    assert (await apps.userinfo(online["access_token"])).status_code == 401
    assert (await apps.userinfo(offline["access_token"])).status_code == 200
    again = await apps.refresh(offline["refresh_token"])
    assert again.status_code == 200
    assert (await apps.refresh(again.json()["refresh_token"])).status_code == 200


async def test_introspection_knows_at_once(apps: Stage) -> None:
    """RFC 7662 §2.2: `active` is about now."""
    browser = await apps.browser()
    tokens = await sign_in(apps, browser, WEB, scope=ONLINE)
    hint = tokens["id_token"]

    async def active(token: str) -> bool:
        answer = await apps.http.post(
            "/introspect", data={"token": token}, auth=(WEB, "brs_canary-web-client-secret")
        )
        return bool(answer.json()["active"])

    assert [await active(tokens[kind]) for kind in ("access_token", "refresh_token")] == [True, True]
    await log_out(apps, browser, id_token_hint=hint)
    assert [await active(tokens[kind]) for kind in ("access_token", "refresh_token")] == [False, False]


async def test_the_audit_says_which_app_asked_and_in_which_request(one: Stage) -> None:
    """By its hint, or by the question that the person agreed to; a bare visit was nobody's wish but theirs."""
    requests = []
    for asked in ("hint", "client", "nobody"):
        browser = await one.browser()
        tokens = await sign_in(one, browser)
        if asked == "hint":
            answer = await log_out(one, browser, id_token_hint=tokens["id_token"])
        else:
            question = question_in(await log_out(one, browser, **(ASKED if asked == "client" else {})))
            answer = await confirm(one, browser, question)
        requests.append(answer.headers["x-request-id"])
    events = (await contents(one.database))["audit_events"]
    ended = {event["request_id"]: event for event in events if event["event"] == "session.ended"}
    assert [ended[request]["client_id"] for request in requests] == [WEB, WEB, None]
    assert {(event["actor"], event["reason"]) for event in ended.values()} == {("user", "sign_out")}


async def test_a_login_that_is_on_its_way_is_not_held_up(apps: Stage) -> None:
    """Signed out while TikTok asks in another tab: who comes back from there has proven anew who they are."""
    browser = await apps.browser()
    hint = (await sign_in(apps, browser))["id_token"]
    sent = await apps.authorize(browser, apps.question(prompt="login"))
    callback = await apps.consent(browser, sent.headers["location"])
    await log_out(apps, browser, id_token_hint=hint)
    arrived = await browser.get(callback)
    assert (await apps.redeem(answer_in(arrived.headers["location"])["code"])).status_code == 200
    assert await signed_in(apps, browser)


async def test_somebody_else_in_the_same_browser_signs_the_one_before_out(apps: Stage) -> None:
    """One browser, one person: the session before ends as if by sign-out, its apps included."""
    await change(apps, WEB, backchannel_logout_uri="https://app.example/never-reached")
    browser = await apps.browser()
    before = await sign_in(apps, browser, WEB, scope=ONLINE)
    sent = await apps.authorize(browser, apps.question(prompt="select_account"))
    arrived = await browser.get(await apps.consent(browser, sent.headers["location"], person="p2"))
    assert (await apps.redeem(answer_in(arrived.headers["location"])["code"])).status_code == 200
    assert (await apps.userinfo(before["access_token"])).status_code == 401
    assert await signed_in(apps, browser)
