"""`id_token_hint` names who must be signed in: anybody else is refused, from a session and after TikTok alike.

OIDC Core §3.1.2.1, §3.1.2.2.
"""

import jwt
import pytest

from tests.attacks.attacker import the_brokers_claims
from tests.client_auth.signing import key, sign
from tests.journeys.tables import changed, contents
from tests.provider.proving import register
from tests.provider.visiting import SESSION, asks_tiktok, at_once, enter, resume, told
from tests.stage import PUBLIC, VERIFIER, WEB_REDIRECT, WEB_SECRET, Stage

YEARS = 5 * 365 * 86_400


async def test_the_right_person_goes_on_from_the_session_and_after_tiktok(file_stage: Stage) -> None:
    stage, browser = file_stage, await file_stage.browser()
    tokens = await enter(stage, browser)
    hint = tokens["id_token"]
    assert "code" in await at_once(stage, browser, id_token_hint=hint, prompt="none")
    fresh = await stage.browser()
    again = await enter(stage, fresh, id_token_hint=hint)
    assert told(again)["sub"] == told(tokens)["sub"]
    # Any token of the same person and app: the hint names somebody, it does not name a session.
    assert "code" in await at_once(stage, browser, id_token_hint=again["id_token"], prompt="none")


async def test_an_expired_token_is_as_good_a_hint(file_stage: Stage) -> None:
    stage, browser = file_stage, await file_stage.browser()
    hint = (await enter(stage, browser))["id_token"]
    stage.clock.advance(YEARS)
    assert "code" in await stage.come_back(browser, stage.question(id_token_hint=hint))
    assert "code" in await at_once(stage, browser, id_token_hint=hint, prompt="none")


async def test_every_algorithm_an_app_may_choose_makes_good_hints(file_stage: Stage) -> None:
    stage, browser = file_stage, await file_stage.browser()
    await enter(stage, browser)
    for alg in ("RS256", "PS256", "EdDSA"):
        name = await register(
            stage, f"cli_{alg}", secret=WEB_SECRET, redirect_uris=[WEB_REDIRECT], id_token_signed_response_alg=alg
        )
        code = (await at_once(stage, browser, name, redirect_uri=WEB_REDIRECT))["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": WEB_REDIRECT}
        redeemed = await stage.http.post(
            "/token", data={**form, "code_verifier": VERIFIER}, auth=(name, WEB_SECRET)
        )
        hint = redeemed.json()["id_token"]
        assert jwt.get_unverified_header(hint)["alg"] == alg
        hinted = {"redirect_uri": WEB_REDIRECT, "id_token_hint": hint, "prompt": "none"}
        assert "code" in await at_once(stage, browser, name, **hinted)


async def test_somebody_else_in_the_session_is_login_required_and_nothing_else_is_written(stage: Stage) -> None:
    hint = (await enter(stage, await stage.browser(), person="p2"))["id_token"]
    browser = await stage.browser()
    await enter(stage, browser)
    before = await contents(stage.database)
    for changes in ({}, {"prompt": "none"}, {"max_age": "600"}):
        answer = await at_once(stage, browser, id_token_hint=hint, **changes)
        assert (answer["error"], answer["state"]) == ("login_required", "the-state")
    assert await changed(stage.database, before) == [("sign_in.refused", "login_required")] * 3
    # The session is not the hinted person's to lose.
    assert "code" in await at_once(stage, browser)


async def test_somebody_else_after_tiktok_is_login_required_and_nothing_else_is_written(stage: Stage) -> None:
    hint = (await enter(stage, await stage.browser(), person="p2"))["id_token"]
    stranger, signed_in = await stage.browser(), await stage.browser()
    await enter(stage, signed_in)
    cookie, before = signed_in.cookies[SESSION], await contents(stage.database)
    stage.world.rename("p1", display_name="Somebody Else")
    for browser in (stranger, signed_in):
        answer = await stage.come_back(browser, stage.question(id_token_hint=hint, prompt="login"))
        assert (answer["error"], answer["state"]) == ("login_required", "the-state")
    # A person never seen before does not become a user by it either.
    answer = await stage.come_back(stranger, stage.question(id_token_hint=hint), person="p3")
    assert answer["error"] == "login_required"
    assert await changed(stage.database, before) == [("sign_in.refused", "somebody_else")] * 3
    assert SESSION not in stranger.cookies
    assert signed_in.cookies[SESSION] == cookie


async def test_the_hinted_person_may_take_over_the_browser_at_tiktok(file_stage: Stage) -> None:
    """With a prompt the one in the session is no obstacle: TikTok is asked who is there."""
    stage, browser = file_stage, await file_stage.browser()
    hint = (await enter(stage, await stage.browser(), person="p2"))["id_token"]
    await enter(stage, browser)
    await enter(stage, browser, person="p2", prompt="login", id_token_hint=hint)
    assert (
        told(await resume(stage, browser))["sub"] == jwt.decode(hint, options={"verify_signature": False})["sub"]
    )


async def test_what_is_no_id_token_of_ours_for_this_app_is_an_invalid_request(file_stage: Stage) -> None:
    """A hint nobody can trust decides nothing: neither a session nor TikTok is asked."""
    stage, browser = file_stage, await file_stage.browser()
    tokens = await enter(stage, browser)
    good, claims = tokens["id_token"], told(tokens)
    header = jwt.get_unverified_header(good)
    mint = await the_brokers_claims(stage)
    logout = {"client_id": "cli_web", "sub": claims["sub"], "sid": claims["sid"], "now": stage.clock()}
    bad = [
        "x",
        "a.b.c",
        "eyJhbGciOiJub25lIn0.e30.",
        "é",
        good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
        good.rpartition(".")[0] + ".",
        "x" * 9_000,
        sign(header, claims, key("ES256")),
        jwt.encode(claims, "", algorithm="none", headers={"typ": "JWT"}),
        tokens["access_token"],
        tokens["refresh_token"],
        await mint.logout_token(**logout),
        await mint.signer.sign(
            claims | {"iss": "https://other.example"}, typ="JWT", alg="ES256", now=stage.clock()
        ),
        (await resume(stage, browser, PUBLIC))["id_token"],
    ]
    before = await contents(stage.database)
    for hint in bad:
        for prompt in (None, "none", "login"):
            answer = await at_once(stage, browser, id_token_hint=hint, prompt=prompt)
            assert answer["error"] == "invalid_request", hint[:60]
            assert hint not in str(answer)
    assert await contents(stage.database) == before


@pytest.mark.parametrize("hint", [None, ""])
async def test_no_hint_is_no_expectation(file_stage: Stage, hint: str | None) -> None:
    browser = await file_stage.browser()
    await asks_tiktok(file_stage, browser, id_token_hint=hint)
