"""A `state` of 1,500 and a `nonce` of 500 characters always fit; what does not is refused before TikTok."""

import random
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response

from broker import opaque
from broker.login.browser import LARGEST, Browser
from broker.login.started import Login, new_name, new_verifier
from broker.oauth.errors import OAuthError
from broker.oauth.redirects import LONGEST
from broker.sealing import Sealer, SecretKey, new_secret_key
from broker.simulator.apps import LOGIN_SCOPES
from broker.store import clients
from tests.stage import HeldClock
from tests.web.front import TIKTOK, Front, query_of

BROWSER = Browser(Sealer([SecretKey(new_secret_key())]), secure=True, login_ttl=600, session_max_ttl=3_600)
# RFC 6749 appendix A: VSCHAR, in which `state` is written.
VSCHAR = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
NAME = string.ascii_letters + string.digits + "-_"
LONG_URI = "https://app.example/".ljust(LONGEST, "x")


def login(**changes: Any) -> Login:
    usual: dict[str, Any] = {
        "name": new_name(),
        "verifier_bytes": new_verifier(),
        "started_at": 1_800_000_000,
        "registration": "r" * 40,
        "client_id": opaque.identifier("cli_"),
        "redirect_uri": LONG_URI,
        "response_mode": "form_post",
        "state": "s" * 1_500,
        "code_challenge": "c" * 43,
        "code_jkt": "j" * 43,
        "nonce": "n" * 500,
        "scope": ("openid", "profile", "offline_access"),
        "expected_user": opaque.identifier("usr_"),
        "pushed": "p" * 43,
        "language": "zh",
        "missing": (),
        "resources": (),
    }
    return Login(**(usual | changes))


def kept(begun: Login) -> dict[str, str]:
    """The cookie as the browser would send it back."""
    response = Response()
    BROWSER.keep(response, begun, {})
    name, _, value = response.headers["set-cookie"].partition(";")[0].partition("=")
    assert len(value) <= LARGEST
    return {name: value}


@given(
    state=st.none() | st.text(VSCHAR, min_size=1, max_size=1_500),
    nonce=st.none() | st.text(VSCHAR, min_size=1, max_size=500),
)
def test_what_is_kept_comes_back_as_it_was(state: str | None, nonce: str | None) -> None:
    begun = login(state=state, nonce=nonce)
    assert BROWSER.find(kept(begun), BROWSER.state_for(begun), now=begun.started_at) == begun


@pytest.mark.parametrize("seed", range(20))
def test_the_longest_promised_request_fits_whatever_is_in_it(seed: int) -> None:
    """Every optional field there, each as long as it may be, and nothing in it that compresses."""

    def random_text(length: int, alphabet: str = PRINTABLE) -> str:
        return "".join(chance.choices(alphabet, k=length))

    chance = random.Random(seed)
    begun = login(
        registration=random_text(40, NAME),
        client_id=random_text(64, PRINTABLE[1:]),
        redirect_uri="https://" + random_text(LONGEST - 8, NAME + "/?&=%:@!$'()*+,;"),
        state=random_text(1_500),
        code_challenge=random_text(43, NAME),
        code_jkt=random_text(43, NAME),
        nonce=random_text(500),
        scope=("openid", "profile", "offline_access", random_text(400 - 31, PRINTABLE[1:])),
        pushed=random_text(43, NAME),
        language=random_text(12, NAME),
        # When TikTok's page comes back with nothing ticked.
        missing=LOGIN_SCOPES,
    )
    assert BROWSER.find(kept(begun), begun.name, now=begun.started_at) == begun


def test_a_login_in_the_place_of_another_takes_no_space_from_the_others() -> None:
    chance = random.Random(1)
    first, second = [login(state="".join(chance.choices(PRINTABLE, k=1_500))) for _ in range(2)]
    cookies = kept(first) | kept(second)
    response = Response()
    BROWSER.keep(response, first.anew(now=first.started_at + 1, missing=("user.info.basic",)), cookies)
    assert len(response.headers.getlist("set-cookie")) > 1
    response = Response()
    BROWSER.keep(response, second.anew(now=second.started_at + 1), cookies, in_place_of=second)
    (only,) = response.headers.getlist("set-cookie")
    assert BROWSER.find(cookies, first.name, now=first.started_at) == first
    assert first.name[:8] not in only


@pytest.mark.parametrize("count", [6, 8, 20])
def test_what_is_larger_is_refused(count: int) -> None:
    chance = random.Random(count)
    resources = tuple("".join(chance.choices(PRINTABLE[1:], k=300)) for _ in range(count))
    begun = login(state="".join(chance.choices(PRINTABLE, k=1_500)), resources=resources)
    with pytest.raises(OAuthError) as refused:
        kept(begun)
    assert refused.value.code == "invalid_request"


@pytest.mark.parametrize(("state", "nonce"), [("s", "n"), ("s" * 1_500, "n" * 500), ("%" * 1_500, '"' * 500)])
async def test_over_http_the_longest_promised_request_reaches_tiktok(
    front: Front, clock: HeldClock, state: str, nonce: str
) -> None:
    metadata = {"redirect_uris": [LONG_URI]}
    await front.database.transact(clients.add, "cli_long", metadata, b"x" * 32, now=clock())
    answer = await front.authorize("cli_long", redirect_uri=LONG_URI, state=state, nonce=nonce)
    assert answer.headers["location"].startswith(TIKTOK)


async def test_a_request_that_does_not_fit_never_reaches_tiktok(front: Front, clock: HeldClock) -> None:
    chance = random.Random(1)
    audience = [f"https://api.example/{''.join(chance.choices(NAME, k=480))}" for _ in range(9)]
    metadata = {"redirect_uris": [LONG_URI], "audience": audience}
    await front.database.transact(clients.add, "cli_wide", metadata, b"x" * 32, now=clock())
    answer = await front.authorize("cli_wide", redirect_uri=LONG_URI, resource=audience, state="s" * 1_500)
    assert "set-cookie" not in answer.headers
    told = query_of(answer.headers["location"])
    assert told["error"] == ["invalid_request"]
    assert "too large" in told["error_description"][0]
    assert told["state"] == ["s" * 1_500]
