"""What TikTok tells an app's webhook, and how it signs what it tells.

Source: pages "Webhooks Overview", "Webhook Events" and "Webhook Verification". `content` is JSON written into a
string, with TikTok's own spacing, so that whoever compares texts instead of parsing twice is found out.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker.simulator.answers import encoded

REMOVED = "authorization.removed"

REASONS: Mapping[int, str] = {
    0: "unknown",
    1: "disconnected in the TikTok app",
    2: "account deleted",
    3: "age changed",
    4: "account banned",
    5: "revoked by the developer",
}
"""Why an authorization is gone (page "Webhook Events")."""

DEVELOPER_REVOKED = 5
ACCOUNT_IS_GONE = frozenset({2, 4})
"""Reasons after which the person cannot sign in to TikTok at all."""


@dataclass(frozen=True)
class Event:
    """One thing that happened; `create_time` in epoch seconds, `user_openid` absent from some events."""

    client_key: str
    name: str
    create_time: int
    user_openid: str | None
    content: str

    def body(self) -> bytes:
        """The raw body, with the keys in the documented order."""
        user = {} if self.user_openid is None else {"user_openid": self.user_openid}
        opening = {"client_key": self.client_key, "event": self.name, "create_time": self.create_time}
        return encoded(opening | user | {"content": self.content})


def removed(client_key: str, open_id: str, reason: int, now: int) -> Event:
    """The grant of one person in one app is gone."""
    return Event(client_key, REMOVED, now, open_id, content_of({"reason": reason}))


def content_of(value: Mapping[str, Any]) -> str:
    """`value` as the documentation's sample spaces it: `{"reason": 1 }`."""
    return json.dumps(value, ensure_ascii=False)[:-1] + " }"


def signature(secret: str, time: int, body: bytes) -> str:
    """The value of `TikTok-Signature`: HMAC-SHA256 over the time, a dot and the raw body, in hexadecimal."""
    digest = hmac.new(secret.encode(), f"{time}.".encode() + body, hashlib.sha256)
    return f"t={time},s={digest.hexdigest()}"
