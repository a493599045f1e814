"""Visits of a person's browser to the front door, and what an app can tell from the answers."""

from typing import Any

import httpx
import jwt

from broker import opaque
from tests.stage import PUBLIC_REDIRECT, WEB, WEB_REDIRECT, Stage, answer_in

SESSION = "broker_session"


def told(tokens: dict[str, Any]) -> dict[str, Any]:
    """The claims of the ID token."""
    claims: dict[str, Any] = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    return claims


async def enter(
    stage: Stage, browser: httpx.AsyncClient, client_id: str = WEB, *, person: str = "p1", **changes: str | None
) -> dict[str, Any]:
    """Sign in through TikTok: the token response."""
    answer = await stage.come_back(browser, stage.question(client_id, **changes), person=person)
    return await _redeem(stage, answer, client_id, changes)


async def resume(
    stage: Stage, browser: httpx.AsyncClient, client_id: str = WEB, **changes: str | None
) -> dict[str, Any]:
    """Sign in without TikTok, which must not be asked: the token response."""
    answer = await at_once(stage, browser, client_id, **changes)
    assert "code" in answer, answer
    return await _redeem(stage, answer, client_id, changes)


async def at_once(
    stage: Stage, browser: httpx.AsyncClient, client_id: str = WEB, **changes: str | None
) -> dict[str, str]:
    """What the app hears when it is answered without TikTok: a code or an error."""
    return to_app(stage, await stage.authorize(browser, stage.question(client_id, **changes)))


def to_app(stage: Stage, response: httpx.Response) -> dict[str, str]:
    """The answer in a redirect to one of the apps, which is always signed by name (RFC 9207)."""
    location = response.headers["location"]
    assert location.startswith((f"{WEB_REDIRECT}?", f"{PUBLIC_REDIRECT}?")), location
    answer = answer_in(location)
    assert answer["iss"] == stage.issuer
    return answer


def to_tiktok(stage: Stage, response: httpx.Response) -> httpx.QueryParams:
    """The question in a redirect to TikTok."""
    location = response.headers["location"]
    assert location.startswith(f"{stage.simulator}/v2/auth/authorize/?"), location
    return httpx.URL(location).params


async def asks_tiktok(
    stage: Stage, browser: httpx.AsyncClient, client_id: str = WEB, **changes: str | None
) -> httpx.QueryParams:
    """What TikTok is asked."""
    return to_tiktok(stage, await stage.authorize(browser, stage.question(client_id, **changes)))


async def with_cookie(stage: Stage, value: str) -> httpx.AsyncClient:
    """A browser that brings this session cookie."""
    browser = await stage.browser()
    browser.headers["cookie"] = f"{SESSION}={value}"
    return browser


def digest_of(browser: httpx.AsyncClient) -> bytes:
    """What the database keeps of a browser's session cookie."""
    return opaque.digest(browser.cookies[SESSION])


async def _redeem(
    stage: Stage, answer: dict[str, str], client_id: str, changes: dict[str, str | None]
) -> dict[str, Any]:
    response = await stage.redeem(answer["code"], client_id, redirect_uri=changes.get("redirect_uri"))
    assert response.status_code == 200, response.text
    tokens: dict[str, Any] = response.json()
    return tokens
