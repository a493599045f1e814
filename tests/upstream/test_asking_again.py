"""What is tried a second time, after which pause, and what never is."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import pytest
import respx

from broker.opaque import Secret
from broker.upstream.connector import Approval, SignedIn, Unavailable, UpstreamError
from broker.upstream.tiktok import TikTok
from tests.upstream.payloads import PERSON, TOKENS

TOKEN_URL = "https://open.tiktokapis.com/v2/oauth/token/"
INFO_URL = "https://open.tiktokapis.com/v2/user/info/"
DOWN = httpx.Response(500, json={"error": {"code": "internal_error"}})


class Waited(list[float]):
    """A pause that takes no time and remembers how long it should have been."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waited() -> Waited:
    return Waited()


@pytest.fixture
def patient(make_tiktok: Callable[..., TikTok], waited: Waited) -> TikTok:
    return make_tiktok(pause=waited)


async def sign_in(tiktok: TikTok) -> SignedIn:
    approval = Approval(Secret("c"), ("user.info.basic",))
    return await tiktok.sign_in(approval, verifier="v", redirect_uri="https://b.example/callback/tiktok")


class Unconnected:
    """A server to which there is no connection for the first `times`."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, _: httpx.Request) -> httpx.Response:
        self.times -= 1
        if self.times < 0:
            return httpx.Response(200, json=TOKENS)
        key: Any = None
        raise aiohttp.ClientConnectorError(key, OSError("refused"))


def disconnected(_: httpx.Request) -> httpx.Response:
    """The connection is lost under the request."""
    raise aiohttp.ServerDisconnectedError


async def test_who_it_was_is_asked_once_more_after_a_short_pause(
    patient: TikTok, waited: Waited, router: respx.Router
) -> None:
    router.post(TOKEN_URL).respond(json=TOKENS)
    call = router.get(INFO_URL).mock(side_effect=[DOWN, httpx.Response(200, json=PERSON)])
    assert (await sign_in(patient)).identity.union_id == "u"
    assert call.call_count == 2
    assert len(waited) == 1
    assert 0.1 <= waited[0] <= 0.3


async def test_the_pauses_of_many_do_not_end_together(
    patient: TikTok, waited: Waited, router: respx.Router
) -> None:
    router.get(INFO_URL).mock(return_value=DOWN)
    for _ in range(20):
        with pytest.raises(Unavailable):
            await patient.who_is(Secret("act.a"), ("user.info.basic",))
    assert len(set(waited)) > 10


@pytest.mark.parametrize(
    ("answer", "pauses"),
    [
        (httpx.Response(429, headers={"Retry-After": "1"}), [1]),
        (httpx.Response(429, headers={"Retry-After": "2"}), [2]),
        (httpx.Response(503, headers={"Retry-After": "0"}), [0]),
        (httpx.Response(429, headers={"Retry-After": "3"}), []),
        (httpx.Response(503, headers={"Retry-After": "60"}), []),
        (httpx.Response(429), []),
        (httpx.Response(429, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), []),
        (httpx.Response(200, json={"error": {"code": "rate_limit_exceeded"}}), []),
        (httpx.Response(401, json={"error": {"code": "scope_not_authorized"}}), []),
        (httpx.Response(401, json={"error": {"code": "access_token_invalid"}}), []),
        (httpx.Response(400, json={"error": {"code": "invalid_params"}}), []),
    ],
)
async def test_a_wait_that_tiktok_asks_for_is_kept_when_short_and_else_not_begun(
    patient: TikTok, waited: Waited, router: respx.Router, answer: httpx.Response, pauses: list[float]
) -> None:
    """And no refusal is asked for again."""
    tokens = router.post(TOKEN_URL).respond(json=TOKENS)
    call = router.get(INFO_URL).mock(return_value=answer)
    with pytest.raises(UpstreamError):
        await sign_in(patient)
    assert waited == pauses
    assert (tokens.call_count, call.call_count) == (1, 1 + len(pauses))


CALLS: dict[str, Callable[[TikTok], Any]] = {
    "token": sign_in,
    "refresh": lambda tiktok: tiktok.refresh(Secret("rft.a")),
    "revoke": lambda tiktok: tiktok.revoke(Secret("act.a")),
    "client_credentials": lambda tiktok: tiktok.prove_credentials(),
}
POSTS = re.compile("/v2/oauth/(token|revoke)/$")


@pytest.mark.parametrize("place", CALLS)
async def test_a_call_of_which_nothing_was_sent_is_made_once_more(
    patient: TikTok, waited: Waited, router: respx.Router, place: str
) -> None:
    call = router.post(url=POSTS).mock(side_effect=Unconnected(1))
    router.get(INFO_URL).respond(json=PERSON)
    await CALLS[place](patient)
    assert (call.call_count, len(waited)) == (2, 1)


@pytest.mark.parametrize("place", CALLS)
async def test_but_only_once(patient: TikTok, router: respx.Router, place: str) -> None:
    call = router.post(url=POSTS).mock(side_effect=Unconnected(3))
    with pytest.raises(Unavailable) as caught:
        await CALLS[place](patient)
    assert caught.value.nothing_sent
    assert call.call_count == 2


FAILURES: dict[str, Any] = {
    "disconnected": disconnected,
    "slow": httpx.ReadTimeout("slow"),
    "no cause": httpx.ConnectTimeout("without a cause it says nothing"),
    "timeout": TimeoutError(),
    "503": [httpx.Response(503)],
    "503 for a second": [httpx.Response(503, headers={"Retry-After": "1"})],
    "429 for a second": [httpx.Response(429, headers={"Retry-After": "1"})],
    "HTML": [httpx.Response(404, text="<html>")],
}


@pytest.mark.parametrize("place", CALLS)
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_a_call_that_may_have_arrived_is_not_made_again(
    patient: TikTok, waited: Waited, router: respx.Router, place: str, failure: Any
) -> None:
    call = router.post(url=POSTS).mock(side_effect=failure)
    with pytest.raises(Unavailable) as caught:
        await CALLS[place](patient)
    assert not caught.value.nothing_sent
    assert (call.call_count, waited) == (1, [])


@pytest.mark.parametrize(("took", "attempts"), [(7.0, 2), (7.45, 1), (9.0, 1)])
async def test_a_second_attempt_fits_into_the_time_of_the_call(
    make_tiktok: Callable[..., TikTok], waited: Waited, router: respx.Router, took: float, attempts: int
) -> None:
    """Eight seconds for a call are eight seconds with its repetition; with too little left there is none."""
    call = router.get(INFO_URL).mock(return_value=DOWN)
    readings = itertools.chain([0.0, 0.0], itertools.repeat(took))
    tiktok = make_tiktok(pause=waited, stopwatch=lambda: next(readings))
    with pytest.raises(Unavailable):
        await tiktok.who_is(Secret("act.a"), ("user.info.basic",))
    assert call.call_count == attempts
