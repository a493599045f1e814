"""A client disabled, or a person blocked, in the middle of anything new: out from the next request on."""

from broker.store import clients
from tests.attacks.attacker import (
    MACHINE,
    MACHINE_SECRET,
    asserted,
    assertion,
    pushed,
    register_keyed,
    register_machine,
    signed_in,
)
from tests.by_hand import execute
from tests.journeys.tables import changed, contents
from tests.stage import WEB, WEB_SECRET, Stage, answer_in


async def disable(stage: Stage, client_id: str = WEB) -> None:
    await stage.database.transact(clients.disable, client_id, now=stage.clock())


async def test_a_disabled_client_gets_no_code_from_a_session_nor_from_a_pushed_request(file_stage: Stage) -> None:
    browser, tokens = await signed_in(file_stage)
    request_uri = await pushed(file_stage)
    # The broker read the client a moment ago, and still holds it as enabled.
    await disable(file_stage)
    before = await contents(file_stage.database)
    for question, error in (
        (file_stage.question(), "unauthorized_client"),
        ({"client_id": WEB, "request_uri": request_uri}, "invalid_request"),
    ):
        answer = await file_stage.authorize(browser, question)
        assert answer_in(answer.headers["location"])["error"] == error
    assert await changed(file_stage.database, before) == [
        ("sign_in.refused", "unauthorized_client"),
        ("sign_in.refused", "invalid_request"),
    ]
    # Once its copy is old, nothing is sent to the app any more.
    file_stage.clock.advance(10)
    page = await file_stage.authorize(browser, file_stage.question())
    assert (page.status_code, "location" in page.headers) == (400, False)
    hinted = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": "https://app.example/"}
    assert (await browser.get(f"{file_stage.issuer}/logout", params=hinted)).status_code == 400


async def test_a_disabled_client_is_refused_at_every_back_channel_endpoint(file_stage: Stage) -> None:
    await register_machine(file_stage)
    await register_keyed(file_stage)
    _, tokens = await signed_in(file_stage)
    machine = (MACHINE, MACHINE_SECRET)
    own = await file_stage.http.post("/token", data={"grant_type": "client_credentials"}, auth=machine)
    for client_id in (WEB, MACHINE, "cli_keyed"):
        await disable(file_stage, client_id)
    file_stage.clock.advance(10)
    form = {"grant_type": "client_credentials", **asserted(assertion(file_stage))}
    answers = [
        await file_stage.http.post("/token", data={"grant_type": "client_credentials"}, auth=machine),
        await file_stage.http.post("/introspect", data={"token": own.json()["access_token"]}, auth=machine),
        await file_stage.http.post("/revoke", data={"token": tokens["refresh_token"]}, auth=(WEB, WEB_SECRET)),
        await file_stage.http.post("/par", data=file_stage.question(), auth=(WEB, WEB_SECRET)),
        await file_stage.http.post("/token", data=form),
        await file_stage.refresh(tokens["refresh_token"]),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await file_stage.userinfo(tokens["access_token"])).status_code == 401


async def test_what_a_disabled_client_holds_is_inactive_to_those_who_ask(file_stage: Stage) -> None:
    await register_machine(file_stage)
    await file_stage.database.transact(
        clients.set_metadata, MACHINE, {"audience": [file_stage.issuer]}, now=file_stage.clock()
    )
    _, tokens = await signed_in(file_stage)

    async def active() -> bool:
        answer = await file_stage.http.post(
            "/introspect", data={"token": tokens["access_token"]}, auth=(MACHINE, MACHINE_SECRET)
        )
        return bool(answer.json()["active"])

    assert await active()
    await disable(file_stage)
    assert not await active()
    await file_stage.database.transact(clients.enable, WEB, now=file_stage.clock())
    assert await active()
    await execute(file_stage.database, "UPDATE users SET blocked_at = 1")
    assert not await active()


async def test_a_blocked_person_is_a_stranger_to_single_sign_on_at_once(file_stage: Stage) -> None:
    browser, tokens = await signed_in(file_stage)
    code = answer_in((await file_stage.authorize(browser, file_stage.question())).headers["location"])["code"]
    request_uri = await pushed(file_stage, prompt="none")
    await execute(file_stage.database, "UPDATE users SET blocked_at = 1")
    before = (await contents(file_stage.database))["grants"]
    for question in (file_stage.question(prompt="none"), {"client_id": WEB, "request_uri": request_uri}):
        answer = await file_stage.authorize(browser, question)
        assert answer_in(answer.headers["location"])["error"] == "login_required"
    sent = await file_stage.authorize(browser, file_stage.question())
    callback = await file_stage.consent(browser, sent.headers["location"])
    assert answer_in((await browser.get(callback)).headers["location"])["error"] == "access_denied"
    assert (await file_stage.redeem(code)).json()["error"] == "invalid_grant"
    for token in (tokens["access_token"], tokens["refresh_token"]):
        answer = await file_stage.http.post("/introspect", data={"token": token}, auth=(WEB, WEB_SECRET))
        assert answer.json() == {"active": False}
    assert (await contents(file_stage.database))["grants"] == before
    # Who is blocked can still be signed out.
    out = await browser.get(f"{file_stage.issuer}/logout", params={"id_token_hint": tokens["id_token"]})
    assert out.status_code == 200
    assert (await contents(file_stage.database))["sessions"][0]["ended_at"] is not None
