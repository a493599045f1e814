"""Signing out with an ID token as hint (OIDC RP-Initiated Logout 1.0 §2, §3)."""

from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from broker.store import clients
from tests.logout.apps import (
    BYE,
    BYE_WITH_QUERY,
    SPA,
    SPA_BYE,
    came_back,
    change,
    log_out,
    sign_in,
    signed_in,
    waiting,
)
from tests.stage import WEB, WEB_REDIRECT, Stage


async def test_the_session_ends_and_the_browser_goes_back_with_the_state(apps: Stage) -> None:
    """§2, §3: at the address registered for that, `state` passed on, whatever else the address has kept."""
    browser = await apps.browser()
    hint = (await sign_in(apps, browser))["id_token"]
    assert await signed_in(apps, browser)
    answer = await log_out(
        apps, browser, id_token_hint=hint, post_logout_redirect_uri=BYE_WITH_QUERY, state="a b&c=%", client_id=WEB
    )
    assert came_back(answer) == f"{BYE_WITH_QUERY}&{urlencode({'state': 'a b&c=%'})}"
    assert "broker_session" not in browser.cookies
    assert not await signed_in(apps, browser)


async def test_an_expired_hint_is_as_good(apps: Stage) -> None:
    """§2: the provider SHOULD accept ID tokens that have expired; here for as long as the key is known."""
    browser = await apps.browser()
    hint = (await sign_in(apps, browser))["id_token"]
    apps.clock.advance(apps.settings.access_token_ttl + 1)
    answer = await log_out(apps, browser, id_token_hint=hint, post_logout_redirect_uri=BYE)
    assert came_back(answer) == BYE
    assert not await signed_in(apps, browser)


async def test_the_hint_names_its_session_without_the_cookie_too(apps: Stage) -> None:
    """A server of the app may call, and a form of another site brings no cookie: `sid` says which session."""
    browser = await apps.browser()
    first = (await sign_in(apps, browser))["id_token"]
    assert came_back(await log_out(apps, await apps.browser(), id_token_hint=first, post_logout_redirect_uri=BYE))
    assert not await signed_in(apps, browser)
    second = (await sign_in(apps, browser))["id_token"]
    form = {"id_token_hint": second, "post_logout_redirect_uri": BYE, "state": "s"}
    posted = await (await apps.browser()).post(f"{apps.issuer}/logout", data=form)
    assert came_back(posted) == f"{BYE}?state=s"
    assert not await signed_in(apps, browser)


async def test_who_is_signed_in_here_stays_when_the_hint_is_of_another_session(apps: Stage) -> None:
    """Else a link with the attacker's own ID token would sign out whoever follows it (§6)."""
    hers, his = await apps.browser(), await apps.browser()
    hint = (await sign_in(apps, hers))["id_token"]
    await sign_in(apps, his, person="p2")
    answer = await log_out(apps, his, id_token_hint=hint, post_logout_redirect_uri=BYE)
    assert came_back(answer) == BYE
    assert "set-cookie" not in answer.headers
    assert await signed_in(apps, his)
    assert not await signed_in(apps, hers)


async def test_another_browser_of_the_same_person_stays_signed_in(apps: Stage) -> None:
    phone, desk = await apps.browser(), await apps.browser()
    hint = (await sign_in(apps, phone))["id_token"]
    await sign_in(apps, desk)
    await log_out(apps, phone, id_token_hint=hint)
    assert not await signed_in(apps, phone)
    assert await signed_in(apps, desk)


async def test_a_second_sign_out_is_quiet(apps: Stage) -> None:
    """It goes back to the app as the first did, and nobody is told again."""
    await change(apps, WEB, backchannel_logout_uri="https://app.example/never-reached")
    browser = await apps.browser()
    hint = (await sign_in(apps, browser))["id_token"]
    parameters = {"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "s"}
    first = await log_out(apps, browser, **parameters)
    told = [row["id"] for row in await waiting(apps.database)]
    second = await log_out(apps, browser, **parameters)
    assert came_back(first) == came_back(second) == f"{BYE}?state=s"
    assert [row["id"] for row in await waiting(apps.database)] == told
    assert len(told) == 1


async def test_without_an_address_a_page_says_that_it_is_done(one: Stage) -> None:
    browser = await one.browser()
    hint = (await sign_in(one, browser))["id_token"]
    answer = await log_out(one, browser, id_token_hint=hint, state="unused")
    assert answer.status_code == 200
    assert "You are signed out" in answer.text
    assert not await signed_in(one, browser)


async def test_the_page_does_not_claim_that_this_browser_is_signed_out_when_it_is_not(one: Stage) -> None:
    hers, his = await one.browser(), await one.browser()
    hint = (await sign_in(one, hers))["id_token"]
    await sign_in(one, his, person="p2")
    answer = await log_out(one, his, id_token_hint=hint)
    assert answer.status_code == 200
    assert "This browser itself is still signed in." in answer.text
    assert "You are signed out" not in answer.text


def forged(token: str, **changes: object) -> str:
    """The token's header and changed claims under a key of somebody else's."""
    claims = jwt.decode(token, options={"verify_signature": False}) | changes
    header = jwt.get_unverified_header(token)
    return jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), header["alg"], headers=header)


async def test_a_bad_hint_gets_a_page_and_ends_nothing(apps: Stage) -> None:
    """§3 with §2: what we did not issue as an ID token, or not to the app that asks, is no hint."""
    browser = await apps.browser()
    tokens = await sign_in(apps, browser)
    hint = tokens["id_token"]
    header, payload, signature = hint.split(".")
    wrong = [
        {"id_token_hint": "garbage"},
        {"id_token_hint": "a.b.c"},
        {"id_token_hint": tokens["access_token"]},
        {"id_token_hint": tokens["refresh_token"]},
        {"id_token_hint": forged(hint)},
        {"id_token_hint": forged(hint, iss="https://other.example")},
        {"id_token_hint": jwt.encode({"sub": "x"}, "", "none")},
        {"id_token_hint": f"{header}.{payload}."},
        {"id_token_hint": f"{header}.{payload}.{signature[:-2]}"},
        {"id_token_hint": hint, "client_id": SPA},
        {"id_token_hint": hint, "client_id": SPA, "post_logout_redirect_uri": SPA_BYE},
    ]
    for parameters in wrong:
        answer = await log_out(apps, browser, **({"post_logout_redirect_uri": BYE} | parameters))
        assert answer.status_code == 400, parameters
        assert "This sign-out link does not work" in answer.text
        assert "set-cookie" not in answer.headers
        assert "location" not in answer.headers
    assert await signed_in(apps, browser)


@pytest.mark.parametrize("known_by", ["id_token_hint", "client_id"])
async def test_an_address_that_is_not_registered_gets_a_page_and_ends_nothing(one: Stage, known_by: str) -> None:
    """§3.1: compared character by character with what this app registered."""
    browser = await one.browser()
    hint = (await sign_in(one, browser))["id_token"]
    app = {"id_token_hint": hint} if known_by == "id_token_hint" else {"client_id": WEB}
    for address in (
        f"{BYE}/",
        f"{BYE}?",
        f"{BYE}#",
        f"{BYE}?state=x",
        BYE.replace("https", "http"),
        BYE.replace("app", "App"),
        BYE.replace("//", "//user@"),
        BYE.replace("example/", "example.evil/"),
        BYE.replace("example/", "example:443/"),
        BYE.replace("bye", "%62ye"),
        BYE + "/../bye",
        SPA_BYE,
        "https://app.example/callback",
        "//app.example/bye",
        "/bye",
        "javascript:alert(1)",
        one.issuer,
    ):
        answer = await log_out(one, browser, **app, post_logout_redirect_uri=address)
        assert answer.status_code == 400, address
        assert "location" not in answer.headers
    twice = f"{urlencode(app)}&{urlencode({'post_logout_redirect_uri': BYE})}&post_logout_redirect_uri=x"
    assert (await browser.get(f"{one.issuer}/logout?{twice}")).status_code == 400
    assert await signed_in(one, browser)


async def test_an_address_registered_a_second_ago_counts(one: Stage) -> None:
    """A copy of the client is kept for longer, and nobody is refused because of it."""
    browser = await one.browser()
    hint = (await sign_in(one, browser))["id_token"]
    registered = {"redirect_uris": [WEB_REDIRECT], "post_logout_redirect_uris": [f"{BYE}/now"]}
    await one.database.transact(clients.set_metadata, WEB, registered, now=one.clock())
    one.clock.advance(1)
    assert came_back(await log_out(one, browser, id_token_hint=hint, post_logout_redirect_uri=f"{BYE}/now"))


async def test_a_disabled_app_can_be_signed_out_of_but_not_gone_back_to(one: Stage) -> None:
    browser = await one.browser()
    hint = (await sign_in(one, browser))["id_token"]
    await one.database.transact(clients.disable, WEB, now=one.clock())
    one.clock.advance(5)
    refused = await log_out(one, browser, id_token_hint=hint, post_logout_redirect_uri=BYE)
    assert refused.status_code == 400
    assert (await log_out(one, browser, id_token_hint=hint)).status_code == 200
    assert "broker_session" not in browser.cookies
