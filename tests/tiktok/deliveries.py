"""Webhook deliveries as TikTok writes and signs them."""

import hashlib
import hmac
from typing import Any

import httpx
import orjson

from tests.stage import CLIENT_KEY, TIKTOK_SECRET

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
