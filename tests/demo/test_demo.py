"""The whole demo over HTTP: the sample app, the real broker and the simulator."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from broker.demo.addresses import Addresses
from broker.demo.browser import Browser, Page
from broker.demo.check import Target, check
from broker.demo.run import running
from broker.demo.servers import CannotServe
from broker.demo.tiktok import TikTokApp
from broker.opaque import Secret
from tests.demo.threads import broker, free_addresses


def tiktok(target: Target) -> str:
    return Addresses(urlsplit(target.app).port or 0).tiktok


@pytest.fixture
async def faults(target: Target) -> AsyncIterator[httpx2.AsyncClient]:
    """The simulator's control endpoint, which forgets every fault after the test."""
    async with httpx2.AsyncClient(base_url=f"{tiktok(target)}/_simulator/", verify=False) as control:
        yield control
        (await control.delete("faults")).raise_for_status()


async def consent(browser: Browser, target: Target, fields: Sequence[tuple[str, str]]) -> Page:
    page = await browser.open(f"{target.app}/login")
    assert page.url.startswith(tiktok(target))
    return await browser.submit(page, page.action, fields)


async def test_the_check_says_every_step_and_the_verified_claims(target: Target) -> None:
    said: list[str] = []
    assert await check(target, said.append)
    steps = [line for line in said if line.startswith("✓ ")]
    assert len(steps) == 10
    assert not [line for line in said if "✗" in line]
    claims = "".join(said)
    assert f'"iss": "{target.issuer}"' in claims
    assert '"name": "Ada Moreno"' in claims
    assert '"union_id"' in claims
    assert "eyJ" not in claims


@pytest.mark.parametrize(
    ("fault", "step", "words"),
    [
        ({"endpoint": "token", "kind": "status", "status": 503, "body": ""}, "Consent", "TikTok is not answering"),
        ({"endpoint": "user_info", "kind": "missing_union_id"}, "Consent", "could not finish"),
        ({"endpoint": "user_info", "kind": "html"}, "Consent", "TikTok is not answering"),
        ({"endpoint": "authorize", "kind": "status", "status": 500, "body": "Oops."}, "To TikTok", "500"),
    ],
)
async def test_the_check_answers_no_and_names_the_step_when_tiktok_is_faulty(
    target: Target, faults: httpx2.AsyncClient, fault: dict[str, Any], step: str, words: str
) -> None:
    (await faults.post("faults", json={**fault, "times": None})).raise_for_status()
    said: list[str] = []
    assert not await check(target, said.append)
    assert said[-1].startswith(f"✗ {step}: ")
    assert words in said[-1]
    assert "\n" not in said[-1]


async def test_the_check_ends_in_time_when_the_app_is_not_there() -> None:
    said: list[str] = []
    nowhere = Target("http://localhost:9", "http://localhost:9", "cli_x", "http://localhost:9/api/me")
    assert not await check(nowhere, said.append)
    assert said[-1].startswith("✗ The app: http://localhost:9/ gave no answer")


async def test_a_person_who_refuses_is_told_so_in_the_app(target: Target) -> None:
    async with Browser() as browser:
        page = await consent(browser, target, [("person", "p2"), ("action", "deny")])
    assert page.url.startswith(f"{target.app}/callback")
    assert "did not get your permission" in page.shown("trouble")
    assert page.shown("error") == "access_denied"


async def test_a_person_who_hides_everything_is_not_signed_in(target: Target) -> None:
    async with Browser() as browser:
        page = await consent(browser, target, [("person", "p2"), ("action", "allow")])
        assert page.shown("error") == "access_denied"
        assert "sign-in" in (await browser.open(f"{target.app}/")).links


async def test_an_awkward_name_arrives_as_it_is_and_harms_nothing(target: Target) -> None:
    fields = [("person", "p4"), ("scope", "user.info.basic"), ("action", "allow")]
    async with Browser() as browser:
        page = await consent(browser, target, fields)
    assert "O'Brien <b>& Sons</b>" in page.shown("display-name")


async def test_the_same_person_is_the_same_user_and_another_is_not(target: Target) -> None:
    seen = []
    for person in ("p2", "p3", "p2"):
        async with Browser() as browser:
            fields = [("person", person), ("scope", "user.info.basic"), ("action", "allow")]
            seen.append((await consent(browser, target, fields)).shown("sub"))
    assert seen[0] == seen[2] != seen[1]


async def test_the_picture_may_be_loaded_and_is_one(target: Target) -> None:
    async with Browser() as browser, httpx2.AsyncClient(verify=False) as http:
        fields = [("person", "p1"), ("scope", "user.info.basic"), ("action", "allow")]
        page = await consent(browser, target, fields)
        response = await browser._http.get(f"{target.app}/")
        assert f"img-src 'self' {target.issuer};" in response.headers["content-security-policy"]
        picture = await http.get(page.images["avatar"])
    assert picture.headers["content-type"].startswith("image/")


async def test_the_real_id_token_does_not_open_the_backend(target: Target) -> None:
    """It is signed by the same key; only its type and audience say what it is for."""
    async with Browser() as browser, httpx2.AsyncClient(verify=False) as http:
        fields = [("person", "p1"), ("scope", "user.info.basic"), ("action", "allow")]
        page = await consent(browser, target, fields)
        for token, status in ((page.shown("raw-access-token"), 200), (page.shown("raw-id-token"), 401)):
            response = await http.get(target.audience, headers={"authorization": f"Bearer {token}"})
            assert response.status_code == status


async def test_live_goes_to_tiktok_itself_with_the_redirect_uri_to_be_pasted() -> None:
    addresses = free_addresses()
    app = TikTokApp("sbaw0123456789", Secret("shhh-0123456789"))
    async with running(addresses, broker, app) as target, httpx2.AsyncClient(verify=False) as http:
        to_broker = await http.get(f"{target.app}/login")
        to_tiktok = await http.get(to_broker.headers["location"])
    asked = urlsplit(to_tiktok.headers["location"])
    assert (asked.scheme, asked.netloc, asked.path) == ("https", "www.tiktok.com", "/v2/auth/authorize/")
    query = parse_qs(asked.query)
    assert query["client_key"] == ["sbaw0123456789"]
    assert query["redirect_uri"] == [addresses.tiktok_redirect_uri]


async def test_a_second_demo_on_the_same_ports_is_refused(target: Target) -> None:
    with pytest.raises(CannotServe, match="--port"):
        async with running(Addresses(urlsplit(target.app).port or 0), broker):
            pytest.fail("the ports are taken")


async def test_a_proxy_that_would_take_localhost_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(CannotServe, match="NO_PROXY=localhost"):
        async with running(free_addresses(), broker):
            pytest.fail("the requests would go to the proxy")
