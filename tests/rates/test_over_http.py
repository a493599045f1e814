"""What limits look like from outside: 429 with `Retry-After`, a page for people, JSON for programs."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.stage import WEB, WEB_SECRET, HeldClock
from tests.tiktok import deliveries
from tests.web.conftest import file_url
from tests.web.front import ISSUER, Front, question, running_front

__all__ = ["file_url"]

HERE, THERE = "203.0.113.1", "203.0.113.2"
AMOUNTS = {"BROKER_LIMITS_ADDRESS": "6", "BROKER_LIMITS_CLIENT": "4", "BROKER_LIMITS_FAILURES": "4"}
CREDENTIALS = {"grant_type": "client_credentials"}
REFRESH = {"grant_type": "refresh_token", "refresh_token": "brt_none", "client_id": "cli_public"}


@pytest.fixture
async def front(file_url: str, clock: HeldClock) -> AsyncIterator[Front]:
    async with running_front(file_url, clock, BROKER_LIMITS="on", **AMOUNTS) as ready:
        yield ready


def at(front: Front, address: str = HERE) -> httpx.AsyncClient:
    """Somebody at this address."""
    transport = httpx.ASGITransport(app=front.app, client=(address, 5))
    return httpx.AsyncClient(transport=transport, base_url=ISSUER)


def is_refusal(answer: httpx.Response) -> bool:
    if answer.status_code != 429:
        return False
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers["cache-control"] == "no-store"
    if answer.headers["content-type"] == "application/json":
        assert answer.json()["error"] == "temporarily_unavailable"
        assert answer.json().keys() == {"error", "error_description"}
    return True


async def test_too_many_sign_ins_from_an_address_get_a_page(front: Front) -> None:
    """In the person's language; one app gets half, and what names none counts as well."""
    async with at(front) as here, at(front, THERE) as there:
        for _ in range(3):
            assert (await here.get("/authorize", params=question(WEB))).status_code == 302
        page = await here.get("/authorize", params=question(WEB), headers={"Accept-Language": "es"})
        assert is_refusal(page)
        assert "<h1>Demasiados inicios de sesión a la vez</h1>" in page.text
        assert (await here.get("/authorize", params=question("cli_public"))).status_code == 302
        assert (await here.get("/authorize")).status_code == 400
        refused = await here.get("/authorize", params=question("cli_public"))
        assert is_refusal(refused)
        assert "<h1>Too many sign-ins at once</h1>" in refused.text
        assert is_refusal(await here.post("/authorize", data=question("cli_public")))
        assert (await there.get("/authorize", params=question(WEB))).status_code == 302


async def test_a_public_app_is_counted_where_its_people_are(front: Front) -> None:
    async with at(front) as here, at(front, THERE) as there:
        for _ in range(3):
            assert (await here.post("/token", data=REFRESH)).json()["error"] == "invalid_grant"
        assert is_refusal(await here.post("/token", data=REFRESH))
        assert (await there.post("/token", data=REFRESH)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("path", ["/token", "/par"])
async def test_nobody_chooses_the_address_at_which_they_are_counted(front: Front, path: str) -> None:
    """Nor gets round it where a public app may not ask at all. What a proxy says the server has seen to before."""
    async with at(front) as here:
        for number in range(4):
            given = {"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"}
            answer = await here.post(path, data=REFRESH, headers=given)
            assert is_refusal(answer) == (number == 3)


async def test_an_app_with_a_secret_is_counted_as_itself(front: Front) -> None:
    """At `/token` and `/par` together; nothing else of its own is limited."""
    async with at(front) as here, at(front, THERE) as there:
        for client in (here, there):
            assert (await client.post("/token", data=CREDENTIALS, auth=(WEB, WEB_SECRET))).status_code == 400
            pushed = await client.post("/par", data=question(WEB), auth=(WEB, WEB_SECRET))
            assert pushed.status_code == 201
        assert is_refusal(await here.post("/token", data=CREDENTIALS, auth=(WEB, WEB_SECRET)))
        assert is_refusal(await there.post("/par", data=question(WEB), auth=(WEB, WEB_SECRET)))
        for _ in range(10):
            asked = await here.post("/introspect", data={"token": "x"}, auth=(WEB, WEB_SECRET))
            assert asked.status_code == 200


@pytest.mark.parametrize("path", ["/token", "/par", "/introspect", "/revoke"])
async def test_wrong_secrets_are_soon_not_looked_at_any_more(front: Front, path: str) -> None:
    """From there under that name, right or wrong; from elsewhere the app goes on."""
    form = {**CREDENTIALS, "token": "x"}
    async with at(front) as here, at(front, THERE) as there:
        for _ in range(2):
            answer = await here.post(path, data=form, auth=(WEB, "brs_wrong"))
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert is_refusal(await here.post(path, data=form, auth=(WEB, "brs_wrong")))
        assert is_refusal(await here.post(path, data=form, auth=(WEB, WEB_SECRET)))
        other = await here.post(path, data={**form, "client_id": "cli_public"})
        assert not is_refusal(other)
        assert (await there.post(path, data=form, auth=(WEB, WEB_SECRET))).status_code not in (401, 429)


async def test_forged_webhooks_are_soon_not_read_any_more(front: Front) -> None:
    async with at(front) as here, at(front, THERE) as there:
        for body in (b"{}", b'{"a": 1, "a": 2}'):
            forged = await here.post("/webhooks/tiktok", content=body, headers={"TikTok-Signature": "t=1,s=00"})
            assert forged.status_code in (400, 401)
        assert is_refusal(await here.post("/webhooks/tiktok", content=b"{}"))
        assert (await there.post("/webhooks/tiktok", content=b"{}")).status_code == 401


async def test_what_tiktok_signed_is_never_limited(front: Front, clock: HeldClock) -> None:
    """Not even in a form that this release does not know."""
    odd = deliveries.body(create_time="yesterday")
    async with at(front) as here:
        for _ in range(8):
            answer = await deliveries.post(here, odd, deliveries.signature(odd, at=clock()))
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_what_everybody_may_cache_is_never_limited(front: Front) -> None:
    async with at(front) as here:
        for _ in range(8):
            await here.get("/authorize")
        for path in ("/.well-known/jwks.json", "/.well-known/openid-configuration", "/healthz", "/readyz"):
            for _ in range(8):
                assert (await here.get(path)).status_code == 200


async def test_refusals_are_a_metric_without_anybody_in_it(front: Front) -> None:
    async with at(front) as here, at(front, "127.0.0.1") as operator:
        while not is_refusal(await here.get("/authorize", params=question(WEB))):
            pass
        shown = (await operator.get("http://127.0.0.1/metrics")).text
    assert 'broker_limited_requests_total{limit="client_at_address"}' in shown
    assert HERE not in shown
    # Other metrics name apps.
    assert not any(WEB in line for line in shown.splitlines() if line.startswith("broker_limited"))


@pytest.mark.parametrize(
    ("issuer", "chosen", "limited"),
    [
        (ISSUER, {}, True),
        (ISSUER, {"BROKER_LIMITS": "off"}, False),
        ("http://127.0.0.1:8000", {}, False),
        ("http://127.0.0.1:8000", {"BROKER_LIMITS": "on"}, True),
    ],
)
async def test_limits_are_on_for_others_and_off_on_ones_own_machine(
    file_url: str, clock: HeldClock, issuer: str, chosen: dict[str, str], limited: bool
) -> None:
    """Where everybody has the same address; either can be said otherwise."""
    changes = {"BROKER_LIMITS": "", **AMOUNTS, **chosen}
    async with running_front(file_url, clock, issuer=issuer, **changes) as front, at(front) as here:
        answers = [await here.post(f"{issuer}/token", data=REFRESH) for _ in range(8)]
        assert any(is_refusal(answer) for answer in answers) == limited
