"""OpenID Foundation, plan "Back-Channel Logout OP": what arrives at an app, checked as §2.6 has the app do it.

OIDC Back-Channel Logout 1.0.
"""

from typing import Any

import jwt
import pytest

from tests.conformance.conftest import AFTER_LOGOUT, Suite
from tests.conformance.relying_party import FIRST, SECOND, RelyingParty, SignedIn

pytestmark = pytest.mark.asyncio(loop_scope="session")
EVENT = "http://schemas.openid.net/event/backchannel-logout"


async def sign_out(rp: RelyingParty, signed_in: SignedIn) -> None:
    asked = {"id_token_hint": signed_in.tokens["id_token"], "post_logout_redirect_uri": AFTER_LOGOUT}
    response = await rp.browser.get(rp.provider["end_session_endpoint"], params=asked)
    assert response.headers["location"] == AFTER_LOGOUT


async def notice(suite: Suite, client_id: str, sid: str) -> tuple[str, dict[str, Any]]:
    """The logout token that this app got about this session, and its claims, not yet verified."""
    while True:
        told = await suite.notices.next(client_id)
        assert (told.method, told.content_type) == ("POST", "application/x-www-form-urlencoded")
        assert told.cookies == {}
        # §2.5: the one parameter we send.
        (encoded,) = told.form.values()
        assert set(told.form) == {"logout_token"}
        claims: dict[str, Any] = jwt.decode(encoded, options={"verify_signature": False})
        if claims["sid"] == sid:
            return encoded, claims


async def test_discovery_says_what_is_sent(suite: Suite) -> None:
    """§2.1."""
    assert suite.provider["backchannel_logout_supported"] is True
    assert suite.provider["backchannel_logout_session_supported"] is True


async def test_the_app_hears_of_a_sign_out_by_a_token_that_verifies(suite: Suite, rp: RelyingParty) -> None:
    """§2.4, §2.5, §2.6."""
    signed_in = await rp.sign_in()
    assert signed_in.claims["sid"]
    await sign_out(rp, signed_in)
    encoded, claims = await notice(suite, FIRST.client_id, signed_in.claims["sid"])

    header = jwt.get_unverified_header(encoded)
    # §2.6 rule 2: verified as the client's ID tokens are, with the algorithm that it registered for those.
    assert header["alg"] == "RS256"
    assert header["kid"] == jwt.get_unverified_header(signed_in.tokens["id_token"])["kid"]
    # §2.4: the recommended type, which keeps it apart from every other token.
    assert header["typ"] == "logout+jwt"
    jwt.decode(
        encoded,
        suite.keys[header["kid"]],
        algorithms=["RS256"],
        audience=FIRST.client_id,
        issuer=suite.provider["issuer"],
        options={"verify_exp": False, "verify_iat": False, "require": ["iss", "aud", "iat", "exp", "jti"]},
    )
    now = suite.stage.clock()
    # §2.4: at most two minutes are recommended.
    assert claims["iat"] <= now < claims["exp"] <= now + 120
    assert claims["sub"] == signed_in.claims["sub"]
    assert claims["events"] == {EVENT: {}}
    # §2.4: prohibited, so that it cannot pass for an ID token.
    assert "nonce" not in claims


async def test_every_app_of_the_session_hears_once_and_no_app_of_another(suite: Suite) -> None:
    """§2.5: all apps that the person is signed in to through this session."""
    first = await suite.relying_party(FIRST)
    second = RelyingParty(suite.stage, first.browser, suite.provider, suite.keys, SECOND)
    elsewhere = await suite.relying_party(SECOND)
    signed_in = await first.sign_in()
    assert (await second.sign_in()).claims["sid"] == signed_in.claims["sid"]
    apart = await elsewhere.sign_in()
    await sign_out(first, signed_in)
    heard = {}
    for client in (FIRST, SECOND):
        _, heard[client.client_id] = await notice(suite, client.client_id, signed_in.claims["sid"])
        assert heard[client.client_id]["aud"] == client.client_id
    assert len({claims["jti"] for claims in heard.values()}) == 2
    assert suite.notices.waiting(FIRST.client_id) == suite.notices.waiting(SECOND.client_id) == 0
    # The same person's other browser goes on.
    assert (await elsewhere.sign_in(prompt="none")).claims["sid"] == apart.claims["sid"]


async def test_a_refused_logout_tells_nobody(suite: Suite, rp: RelyingParty) -> None:
    """RP-Initiated Logout §4: nothing ended, nothing sent; the next true sign-out is the first that is heard."""
    signed_in = await rp.sign_in()
    bad = {"id_token_hint": signed_in.tokens["id_token"], "post_logout_redirect_uri": "https://evil.example/"}
    refused = await rp.browser.get(suite.provider["end_session_endpoint"], params=bad)
    assert refused.status_code == 400
    assert (await rp.ask(prompt="none")).keys() == {"code"}
    await sign_out(rp, signed_in)
    await notice(suite, FIRST.client_id, signed_in.claims["sid"])
    assert suite.notices.waiting(FIRST.client_id) == 0
