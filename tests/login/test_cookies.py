"""The broker's cookies: what their attributes are, and that they never outgrow a header."""

from http.cookies import SimpleCookie

import httpx
import pytest

from broker.login.browser import ALTOGETHER, LARGEST
from tests.stage import HeldClock
from tests.web.front import Front, query_of, running_front

_LOGIN = "__Host-broker_login_"


def cookies_set(answer: httpx.Response) -> SimpleCookie:
    """The cookies that an answer sets, with their attributes."""
    jar = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        jar.load(header)
    return jar


async def test_on_https_the_cookie_is_bound_to_the_host(front: Front) -> None:
    """RFC 6265bis §4.1.3.2: `__Host-` means Secure, Path=/ and no Domain."""
    ((name, cookie),) = cookies_set(await front.authorize()).items()
    assert name.startswith(_LOGIN)
    assert (cookie["path"], cookie["domain"], cookie["secure"]) == ("/", "", True)
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "lax", "600")


async def test_on_http_the_cookie_has_a_plain_name(file_url: str, clock: HeldClock) -> None:
    async with running_front(file_url, clock, issuer="http://127.0.0.1:8000", BROKER_LOGIN_TTL="5m") as front:
        ((name, cookie),) = cookies_set(await front.authorize()).items()
    assert name.startswith("broker_login_")
    assert not cookie["secure"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/", True, "lax")
    assert cookie["max-age"] == "300"


async def test_the_cookie_says_nothing_to_whoever_reads_it(front: Front) -> None:
    answer = await front.authorize(state="canary-state", nonce="canary-nonce")
    ((_, cookie),) = cookies_set(answer).items()
    for told in ("canary", "cli_web", "app.example", query_of(answer.headers["location"])["state"][0]):
        assert told not in cookie.value


@pytest.mark.parametrize("size", [1, 400, 1_500])
async def test_cookies_of_parallel_logins_stay_small_and_the_oldest_goes(
    front: Front, clock: HeldClock, size: int
) -> None:
    begun: list[str] = []
    for _ in range(12):
        answer = await front.authorize(state="s" * size)
        begun.append(next(name for name, cookie in cookies_set(answer).items() if cookie["max-age"] == "600"))
        kept = {name: value for name, value in front.http.cookies.items() if name.startswith(_LOGIN)}
        assert all(len(value) <= LARGEST for value in kept.values())
        assert sum(len(name) + len(value) for name, value in kept.items()) <= ALTOGETHER
        assert set(kept) == set(begun[-len(kept) :])
        clock.advance(1)
    assert len(kept) >= 2


async def test_of_logins_begun_in_one_second_the_first_goes(front: Front) -> None:
    begun = []
    for _ in range(12):
        answer = await front.authorize(state="s" * 800)
        begun.append(next(name for name, cookie in cookies_set(answer).items() if cookie["max-age"] == "600"))
    kept = [name for name in front.http.cookies if name.startswith(_LOGIN)]
    assert kept == begun[-len(kept) :]


async def test_cookies_of_others_are_neither_counted_nor_dropped(front: Front) -> None:
    front.http.cookies.set("theme", "x" * 5_000, domain="id.example")
    front.http.cookies.set("broker_login_of_somebody", "y" * 900, domain="id.example")
    answer = await front.authorize()
    assert len(cookies_set(answer)) == 1


@pytest.mark.parametrize("value", ["", "zz", "-1.x", "ffffffffffffffffffff.x", "٣.x", "." * 3_000])
async def test_a_cookie_that_was_tampered_with_does_not_stop_a_new_login(front: Front, value: str) -> None:
    cookie = f"{_LOGIN}aaaaaaaa={value}; {_LOGIN}bbbbbbbb={'x' * 7_000}".encode()
    address = str((await front.authorize()).request.url)
    answer = await front.http.get(address, headers=[(b"cookie", cookie)])
    assert answer.status_code == 302
    assert cookies_set(answer)[f"{_LOGIN}bbbbbbbb"]["max-age"] == "0"
