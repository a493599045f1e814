"""An app that may fetch TikTok tokens, and what it sends to get one."""

from base64 import b64encode
from typing import Any

import httpx

from broker import opaque
from broker.store import client_changes
from tests.stage import VERIFIER, Stage, answer_in

APP = "cli_tokens"
APP_SECRET = "brs_canary-tokens-client-secret"
REDIRECT = "https://tokens.example/callback"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
TIKTOK_CODE = "urn:x-broker:token-type:tiktok-code"
RESOURCE = "https://open.tiktokapis.com/"
TIKTOK_LIFE = 7_200
"""Seconds for which the simulator's access tokens live."""
BASIC = {"Authorization": "Basic " + b64encode(f"{APP}:{APP_SECRET}".encode()).decode()}


async def register(stage: Stage, **changes: Any) -> None:
    """Let the app in."""
    metadata = {"client_name": "Tokens", "redirect_uris": [REDIRECT], "tiktok_tokens": True, **changes}
    await stage.database.transact(client_changes.add, APP, metadata, opaque.digest(APP_SECRET), now=stage.clock())


async def signed_in(stage: Stage, *, person: str = "p1", **changes: str | None) -> dict[str, Any]:
    """A sign-in to the app: the token response."""
    browser = await stage.browser()
    question = stage.question(APP, redirect_uri=REDIRECT, **changes)
    answer = await stage.come_back(browser, question, person=person)
    return await redeemed(stage, answer["code"])


async def redeemed(stage: Stage, code: str) -> dict[str, Any]:
    """The tokens for a code."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    answer = await stage.http.post("/token", data=form, headers=BASIC)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def form(access_token: str, **changes: str | None) -> dict[str, str]:
    """The exchange of this access token for TikTok's, with changes; None takes one out."""
    good: dict[str, str | None] = {
        "grant_type": EXCHANGE,
        "subject_token": access_token,
        "subject_token_type": ACCESS,
        "resource": RESOURCE,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


async def exchange(stage: Stage, access_token: str, **changes: str | None) -> httpx.Response:
    """Ask for the TikTok token."""
    return await stage.http.post("/token", data=form(access_token, **changes), headers=BASIC)


def refreshes(stage: Stage) -> int:
    """How many refreshes TikTok has seen through."""
    return stage.world.counters["token"]["refresh_token"]


__all__ = ["answer_in"]
