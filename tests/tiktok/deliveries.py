"""Webhook deliveries as TikTok writes and signs them, and what is seen of them afterwards."""

import asyncio
import hashlib
import hmac
from typing import Any

import httpx
import orjson

from broker.telemetry import REGISTRY
from tests.journeys.tables import contents
from tests.stage import CLIENT_KEY, TIKTOK_SECRET, Stage
from tests.web.front import Front

PATH = "/webhooks/tiktok"
REMOVED = "authorization.removed"
OPEN_ID = "-000ExampleOpenIdExampleOpenIdExampl"
REASON_1 = '{"reason": 1 }'


def body(**changes: Any) -> bytes:
    """What the page `webhooks-events` shows, with changes; None takes a member out."""
    good = {
        "client_key": CLIENT_KEY,
        "event": REMOVED,
        "create_time": 1_800_000_000,
        "user_openid": OPEN_ID,
        "content": REASON_1,
    }
    return orjson.dumps({name: value for name, value in (good | changes).items() if value is not None})


def signature(raw: bytes, *, at: int, secret: str = TIKTOK_SECRET) -> str:
    """The value of the header: the page `webhooks-verification`."""
    signed = hmac.new(secret.encode(), b"%d." % at + raw, hashlib.sha256).hexdigest()
    return f"t={at},s={signed}"


async def post(http: httpx.AsyncClient, raw: bytes, header: str | None) -> httpx.Response:
    """Deliver it."""
    headers = {"Content-Type": "application/json"} | ({"Tiktok-Signature": header} if header is not None else {})
    return await http.post(PATH, content=raw, headers=headers)


async def deliver(
    http: httpx.AsyncClient, *, at: int, secret: str = TIKTOK_SECRET, **changes: Any
) -> httpx.Response:
    """Deliver an event that happened at `at`, signed in the same second unless `create_time` says otherwise."""
    raw = body(**({"create_time": at} | changes))
    return await post(http, raw, signature(raw, at=at, secret=secret))


async def rows(stage: Stage | Front, table: str) -> list[dict[str, Any]]:
    return (await contents(stage.database))[table]


async def refused(stage: Stage, tokens: dict[str, Any], *, within: float = 1.0) -> None:
    """Return as soon as the refresh token is refused; raises TimeoutError after `within` real seconds."""
    async with asyncio.timeout(within):
        while True:
            answer = await stage.refresh(tokens["refresh_token"])
            if answer.status_code == 400:
                assert answer.json()["error"] == "invalid_grant"
                return
            tokens = answer.json()


def counted(outcome: str, registration: str = "default") -> float:
    labels = {"registration": registration, "outcome": outcome}
    return REGISTRY.get_sample_value("broker_tiktok_webhooks_total", labels) or 0.0
