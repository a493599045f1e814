"""OpenID Foundation, plan "RP-Initiated Logout OP": every check of its list. OIDC RP-Initiated Logout 1.0."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from broker import opaque
from tests.conformance.conftest import AFTER_LOGOUT
from tests.conformance.relying_party import Form, RelyingParty, SignedIn

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def log_out(rp: RelyingParty, *, post: bool = False, **asked: str) -> httpx.Response:
    """Send the browser to the end-session endpoint, and past a POST that is answered by a GET."""
    address = rp.provider["end_session_endpoint"]
    if not post:
        return await rp.browser.get(address, params=asked)
    response = await rp.browser.post(address, data=asked)
    if response.headers.get("location", "").startswith(address):
        response = await rp.browser.get(response.headers["location"])
    return response


async def still_signed_in(rp: RelyingParty) -> bool:
    """What the suite looks at afterwards: OIDC Core §3.1.2.1, prompt=none."""
    answer = await rp.ask(prompt="none")
    assert set(answer) & {"code", "error"}
    assert answer.get("error", "login_required") == "login_required"
    return "code" in answer


def is_page(response: httpx.Response) -> bool:
    """Whether it is something for the person to read."""
    return response.headers["content-type"].startswith("text/html") and "location" not in response.headers


def hint(signed_in: SignedIn) -> str:
    token: str = signed_in.tokens["id_token"]
    return token


async def test_discovery_names_the_endpoint(rp: RelyingParty) -> None:
    """§2.1."""
    assert rp.provider["end_session_endpoint"].startswith(rp.provider["issuer"])


@pytest.mark.parametrize("post", [False, True])
@pytest.mark.parametrize("with_client_id", [False, True])
async def test_a_logout_with_everything_ends_the_session_and_returns(
    rp: RelyingParty, post: bool, with_client_id: bool
) -> None:
    """§2, §3: by GET and by POST; the state comes back."""
    token, state = hint(await rp.sign_in()), opaque.secret()
    client = {"client_id": rp.client.client_id} if with_client_id else {}
    response = await log_out(
        rp, post=post, id_token_hint=token, post_logout_redirect_uri=AFTER_LOGOUT, state=state, **client
    )
    assert response.status_code in (302, 303)
    where = urlsplit(response.headers["location"])
    assert response.headers["location"].startswith(f"{AFTER_LOGOUT}?")
    assert parse_qs(where.query) == {"state": [state]}
    assert not await still_signed_in(rp)


async def test_a_logout_without_state_returns_without_one(rp: RelyingParty) -> None:
    """§2, §3."""
    token = hint(await rp.sign_in())
    response = await log_out(rp, id_token_hint=token, post_logout_redirect_uri=AFTER_LOGOUT)
    assert response.headers["location"] == AFTER_LOGOUT
    assert not await still_signed_in(rp)


async def test_a_logout_without_an_address_ends_the_session_on_a_page(rp: RelyingParty) -> None:
    """§2: the address is optional."""
    response = await log_out(rp, id_token_hint=hint(await rp.sign_in()))
    assert response.status_code == 200
    assert is_page(response)
    assert not await still_signed_in(rp)


async def test_a_hint_is_good_after_it_has_expired(rp: RelyingParty) -> None:
    """§2: the provider should accept ID tokens whose exp has passed."""
    signed_in = await rp.sign_in()
    rp.clock.advance(signed_in.claims["exp"] - rp.clock() + 1)
    response = await log_out(rp, id_token_hint=hint(signed_in), post_logout_redirect_uri=AFTER_LOGOUT)
    assert response.headers["location"] == AFTER_LOGOUT
    assert not await still_signed_in(rp)


@pytest.mark.parametrize(
    "address",
    [
        "https://suite.example/not/registered",
        f"{AFTER_LOGOUT}?foo=bar",
        f"{AFTER_LOGOUT}/",
        "https://evil.example/",
    ],
)
async def test_an_address_that_is_not_registered_is_never_redirected_to(rp: RelyingParty, address: str) -> None:
    """§3: the provider must not redirect to it; also with only a query added."""
    token = hint(await rp.sign_in())
    response = await log_out(rp, id_token_hint=token, post_logout_redirect_uri=address, state="s")
    assert is_page(response)
    assert response.status_code == 400


@pytest.mark.parametrize("change", ["payload", "signature", "no token at all"])
async def test_a_hint_that_we_did_not_sign_moves_nothing(rp: RelyingParty, change: str) -> None:
    """§4: an invalid hint must not end in a redirect to the app, nor in a logout."""
    token = hint(await rp.sign_in())
    head, body, signature = token.split(".")
    changed = {
        "payload": f"{head}.{body[:-4]}AAAA.{signature}",
        "signature": f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        "no token at all": "bad",
    }[change]
    response = await log_out(rp, id_token_hint=changed, post_logout_redirect_uri=AFTER_LOGOUT, state="s")
    assert is_page(response)
    assert response.status_code == 400
    assert await still_signed_in(rp)


@pytest.mark.parametrize(
    "asked", [{}, {"state": "only-state"}, {"client_id": "cli_suite_1", "post_logout_redirect_uri": AFTER_LOGOUT}]
)
async def test_without_a_hint_the_person_is_asked_and_decides(rp: RelyingParty, asked: dict[str, Any]) -> None:
    """§2, §6: must ask when it cannot be sure who wants it; asking alone ends nothing."""
    await rp.sign_in()
    response = await log_out(rp, **asked)
    assert response.status_code == 200
    assert is_page(response)
    page = Form()
    page.feed(response.text)
    assert await still_signed_in(rp)
    done = await rp.browser.post(f"{rp.provider['issuer']}{page.action}", data=page.fields)
    # §3: back to the app after the person agreed, and only to an address of this app.
    assert done.headers.get("location") == asked.get("post_logout_redirect_uri")
    assert not await still_signed_in(rp)


async def test_without_hint_and_client_id_no_address_is_anybodys(rp: RelyingParty) -> None:
    """§2, §3: the address cannot be checked, so it is not used."""
    await rp.sign_in()
    response = await log_out(rp, post_logout_redirect_uri=AFTER_LOGOUT, state="s")
    assert is_page(response)
    assert await still_signed_in(rp)
