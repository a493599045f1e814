"""`broker doctor --online` behind a proxy that spoils something: each is found, and told with what to do."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from broker.cli.doctor import online
from broker.cli.doctor.findings import Finding
from broker.clock import system_clock
from broker.keys.schedule import SIGN
from broker.store import clients, keys
from tests.cli.examining import by_check
from tests.web.front import ISSUER, Front, on_sqlite, running_front

pytestmark = on_sqlite

Ask = Callable[[httpx.Request], Awaitable[httpx.Response]]
Proxy = Callable[[httpx.Request, Ask], Awaitable[httpx.Response]]
PLAIN = "__Host-broker_login_"


class Through(httpx.AsyncBaseTransport):
    """The way to the broker through a proxy; of others nobody is to be reached, or all answer with one status."""

    def __init__(self, front: Front, proxy: Proxy, elsewhere: int | None) -> None:
        self._inside = httpx.ASGITransport(app=front.app)
        self._proxy = proxy
        self._elsewhere = elsewhere

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if str(request.url.copy_with(raw_path=b"/")) != f"{ISSUER}/":
            if self._elsewhere is None:
                raise httpx.ConnectError("only the broker is here")
            return httpx.Response(self._elsewhere)
        return await self._proxy(request, self._inside.handle_async_request)


async def examined(
    database_url: str, proxy: Proxy, change: str | None = None, elsewhere: int | None = None, **settings: str
) -> dict[str, Finding]:
    """The findings from outside. `change`: `no app`, or a flag to set in each app's registration."""
    async with running_front(database_url, system_clock, **settings) as front:
        rows = await front.database.read(keys.every)
        apps = await front.database.read(clients.every)
        if change == "no app":
            apps = [replace(app, disabled_at=1) for app in apps]
        elif change is not None:
            apps = [replace(app, metadata={**app.metadata, change: True}) for app in apps]
        known = online.Known(frozenset(row.kid for row in rows if row.use == SIGN), tuple(apps))
        way = Through(front, proxy, elsewhere)
        findings = [each async for each in online.findings(way, front.settings, known, system_clock)]
    return by_check(findings)


async def as_it_is(request: httpx.Request, ask: Ask) -> Any:
    return await ask(request)


def answering(spoil: Callable[[httpx.Headers, str], None]) -> Proxy:
    """A proxy that changes the answers' headers; told the path, too."""

    async def proxy(request: httpx.Request, ask: Ask) -> Any:
        answer = await ask(request)
        spoil(answer.headers, request.url.path)
        return answer

    return proxy


def dropping(headers: httpx.Headers, _path: str) -> None:
    headers.pop("set-cookie", None)


def replacing(text: str, by: str, header: str = "set-cookie") -> Proxy:
    def spoil(headers: httpx.Headers, _path: str) -> None:
        if header in headers:
            headers[header] = headers[header].replace(text, by)

    return answering(spoil)


def refusing(path: str, status: int) -> Proxy:
    async def proxy(request: httpx.Request, ask: Ask) -> Any:
        return httpx.Response(status) if request.url.path == path else await ask(request)

    return proxy


async def without_cookies(request: httpx.Request, ask: Ask) -> Any:
    request.headers.pop("cookie", None)
    return await ask(request)


def publishing(change: Callable[[list[Any]], list[Any]]) -> Proxy:
    """A cache in front that has other keys."""

    async def proxy(request: httpx.Request, ask: Ask) -> Any:
        answer = await ask(request)
        if not request.url.path.endswith("jwks.json"):
            return answer
        await answer.aread()
        return httpx.Response(200, json={"keys": change(answer.json()["keys"])})

    return proxy


async def deaf(request: httpx.Request, ask: Ask) -> Any:
    if request.url.path in ("/authorize", "/webhooks/tiktok", "/metrics"):
        raise httpx.ReadError("nothing")
    return await ask(request)


async def test_through_a_good_proxy_all_is_well_and_nothing_was_written(database_url: str) -> None:
    found = await examined(database_url, as_it_is)
    good = {check: each.found for check, each in found.items() if each.outcome == "ok"}
    assert good.keys() >= {
        "issuer from outside",
        "key set from outside",
        "key set's caching",
        "webhooks from outside",
        "metrics from outside",
        "sign-in from outside",
        "cookies from outside",
    }
    assert {check for check, each in found.items() if each.outcome != "ok"} <= {
        "TikTok's API",
        "TikTok's authorize page",
    }, "which are not here"
    async with running_front(database_url, system_clock) as front:
        for table in ("sessions", "grants", "audit_events", "webhook_deliveries"):
            assert await count(front, table) == 0, table


async def count(front: Front, table: str) -> int:
    from tests.store.rows import row

    return int((await row(front.database, f"SELECT count(*) AS n FROM {table}"))["n"])


@pytest.mark.parametrize(
    ("proxy", "check", "words", "remedy"),
    [
        (answering(dropping), "cookies", "does not get through", "Set-"),
        (
            replacing("__Host-", "__Renamed-"),
            "cookies",
            "changed: its name is __Renamed-broker_login_",
            "no other name",
        ),
        (replacing("; Secure", ""), "cookies", "changed: without Secure", "as they are"),
        (replacing("; HttpOnly", ""), "cookies", "changed: without HttpOnly", "as they are"),
        (replacing("Path=/", "Path=/login"), "cookies", "changed: with path /login", "path"),
        (replacing("Path=/", "Path=/; Domain=example"), "cookies", "changed: with domain example", "domain"),
        (replacing("SameSite=lax", "SameSite=strict"), "cookies", "with SameSite=strict", "attribute"),
        (
            without_cookies,
            "cookies",
            "does not come back to the broker: the callback answers with 400",
            "Cookie on",
        ),
        (refusing("/callback/tiktok", 403), "cookies", "the callback answers with 403", "BROKER_SECRET_KEYS"),
        (refusing("/authorize", 404), "sign-in", "/authorize answers with status 404", "hands the whole query on"),
        (
            replacing("id.example%2Fcallback", "id.example%2Fother", "location"),
            "sign-in",
            "TikTok is told to send people back to https://id.example/other/tiktok",
            "Start every process with the settings",
        ),
        (publishing(lambda keys: keys[1:]), "key set", "1 key differs from those in", "clear any cache"),
        (publishing(lambda keys: [*keys, {"kid": "gone"}]), "key set", "1 key differs from those in", "restart"),
        (deaf, "sign-in", "gives no answer (ReadError)", "hands it on"),
        (deaf, "webhooks", "gives no answer (ReadError)", "Let POST requests to"),
        (refusing("/webhooks/tiktok", 405), "webhooks", "with 405, and not 401", "Let POST requests to"),
    ],
)
async def test_what_a_proxy_breaks_is_a_fault(
    database_url: str, proxy: Proxy, check: str, words: str, remedy: str
) -> None:
    finding = (await examined(database_url, proxy))[f"{check} from outside"]
    assert finding.outcome == "fault"
    assert words in finding.found
    assert remedy in (finding.remedy or "")


async def test_a_tiktok_that_answers_with_errors_of_its_own_is_a_warning(database_url: str) -> None:
    found = await examined(database_url, as_it_is, elsewhere=503)
    for check in ("TikTok's API", "TikTok's authorize page"):
        assert (found[check].outcome, found[check].remedy) == ("warning", "Try again in some minutes.")
        assert found[check].found.endswith(" answers with status 503")


@pytest.mark.parametrize("header", ["no-store", "public, max-age=31536000", "s-max-age=300", ""])
async def test_a_key_set_that_is_kept_for_another_time_is_a_warning(database_url: str, header: str) -> None:
    def spoil(headers: httpx.Headers, path: str) -> None:
        if path.endswith("jwks.json"):
            headers["cache-control"] = header

    finding = (await examined(database_url, answering(spoil)))["key set's caching"]
    assert finding.outcome == "warning"
    assert f"Cache-Control is {header or 'missing'}, which is not the 5m of BROKER_JWKS_MAX_AGE" in finding.found
    assert "hand Cache-Control on" in (finding.remedy or "")


async def test_more_in_the_header_beside_the_time_is_well(database_url: str) -> None:
    proxy = replacing("max-age=300", "max-age=300, stale-while-revalidate=60", "cache-control")
    assert (await examined(database_url, proxy))["key set's caching"].outcome == "ok"


async def test_metrics_that_the_world_can_read_are_a_warning(database_url: str) -> None:
    async def rewriting(request: httpx.Request, ask: Ask) -> Any:
        request.headers["host"] = "localhost:8000"
        return await ask(request)

    finding = (await examined(database_url, rewriting))["metrics from outside"]
    assert (finding.outcome, "to whoever asks" in finding.found) == ("warning", True)
    assert "Set BROKER_METRICS_TOKEN" in (finding.remedy or "")
    with_token = await examined(database_url, rewriting, BROKER_METRICS_TOKEN="canary-of-at-least-16")
    assert with_token["metrics from outside"].outcome == "ok"
    assert (await examined(database_url, deaf))["metrics from outside"].outcome == "ok"


@pytest.mark.parametrize("change", ["no app", "require_pushed_authorization_requests"])
async def test_without_an_app_for_it_no_sign_in_is_begun(database_url: str, change: str) -> None:
    found = await examined(database_url, as_it_is, change)
    finding = found["sign-in from outside"]
    assert (finding.outcome, "no app takes a request" in finding.found) == ("warning", True)
    assert f"begins with {PLAIN}" in (finding.remedy or "")
    assert "cookies from outside" not in found


async def test_an_app_that_is_answered_at_once_is_a_warning(database_url: str) -> None:
    async def away(request: httpx.Request, ask: Ask) -> Any:
        if request.url.path != "/authorize":
            return await ask(request)
        back = f"{request.url.params['redirect_uri']}?error=temporarily_unavailable"
        return httpx.Response(302, headers={"location": back})

    finding = (await examined(database_url, away))["sign-in from outside"]
    assert finding.outcome == "warning"
    assert "is told temporarily_unavailable at once" in finding.found
