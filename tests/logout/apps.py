"""Apps that sign out and are told: one with a secret, two on devices, each with an ear for logout tokens."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
from sqlalchemy import text
from starlette.types import Receive, Scope, Send

from broker.oauth import client_metadata
from broker.store import clients
from broker.store.database import Database, Row, Transaction
from tests.stage import PUBLIC_REDIRECT, WEB, Stage, answer_in

BYE = "https://app.example/bye"
BYE_WITH_QUERY = "https://app.example/bye?from=broker"
SPA = "cli_spa"
SPA_BYE = "https://spa.example/bye"


@dataclass
class Ear:
    """An app's back-channel logout address: keeps what it hears, answers `statuses` in turn and then 200."""

    statuses: list[int] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        assert scope["method"] == "POST"
        assert (b"content-type", b"application/x-www-form-urlencoded") in scope["headers"]
        form = parse_qs(body.decode(), strict_parsing=True)
        assert list(form) == ["logout_token"]
        self.heard += form["logout_token"]
        self._news.set()
        status = self.statuses.pop(0) if self.statuses else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def hears(self, count: int, *, within: float = 1.0) -> list[str]:
        """All it has heard as soon as that is `count` tokens. Raises TimeoutError after `within` real seconds."""
        async with asyncio.timeout(within):
            while len(self.heard) < count:
                self._news.clear()
                await self._news.wait()
        return self.heard


async def register(stage: Stage) -> None:
    """Tell the broker where the apps may be gone to after a sign-out, and add the third one."""
    await change(stage, WEB, post_logout_redirect_uris=[BYE, BYE_WITH_QUERY])
    spa = {
        "redirect_uris": [PUBLIC_REDIRECT],
        "post_logout_redirect_uris": [SPA_BYE],
        "token_endpoint_auth_method": "none",
        "scope": "openid profile",
    }
    await stage.database.transact(clients.add, SPA, spa, None, now=stage.clock())


async def change(stage: Stage, client_id: str, **metadata: Any) -> None:
    """Change a client's registration, and let the broker's copy of it grow old."""
    row = await stage.database.read(clients.find, client_id)
    assert row is not None
    complete = client_metadata.complete({**row.metadata, **metadata})
    assert await stage.database.transact(clients.set_metadata, client_id, complete, now=stage.clock())
    stage.clock.advance(5)


async def sign_in(
    stage: Stage, browser: httpx.AsyncClient, client_id: str = WEB, **changes: Any
) -> dict[str, Any]:
    """Sign in at this app in this browser, by its session when it has one; the token response."""
    person = changes.pop("person", "p1")
    question = stage.question(client_id, **changes)
    sent = await stage.authorize(browser, question)
    address = sent.headers["location"]
    if address.startswith(stage.simulator):
        callback = await stage.consent(browser, address, person=person)
        address = (await browser.get(callback)).headers["location"]
    redeemed = await stage.redeem(answer_in(address)["code"], client_id)
    assert redeemed.status_code == 200, redeemed.text
    tokens: dict[str, Any] = redeemed.json()
    return tokens


async def signed_in(stage: Stage, browser: httpx.AsyncClient) -> bool:
    """Whether the browser's session answers an app without a page."""
    sent = await stage.authorize(browser, stage.question(prompt="none"))
    answer = answer_in(sent.headers["location"])
    assert "code" in answer or answer["error"] == "login_required", answer
    return "code" in answer


async def log_out(stage: Stage, browser: httpx.AsyncClient, **parameters: str) -> httpx.Response:
    """GET `/logout` in this browser."""
    return await browser.get(f"{stage.issuer}/logout", params=parameters)


def came_back(answer: httpx.Response) -> str:
    """Where a redirect to the app leads; everything else is a failure."""
    assert answer.status_code == 303, answer.text
    location: str = answer.headers["location"]
    assert location.startswith(BYE), location
    return location


async def waiting(database: Database) -> list[Row]:
    """The deliveries that wait in the outbox."""
    return await database.read(_waiting)


async def all_told(stage: Stage) -> None:
    """Return as soon as the outbox is empty; raises TimeoutError after a second."""
    async with asyncio.timeout(1):
        while await waiting(stage.database):
            # Every request lets the broker, which runs in this loop, go on.
            await stage.http.get("/healthz")


async def postponed(stage: Stage) -> None:
    """Return as soon as the one delivery has failed once and waits; raises TimeoutError after five seconds."""
    async with asyncio.timeout(5):
        # While it is being tried, it is due when the lease ends, half a minute from now.
        while not [row for row in await waiting(stage.database) if 0 < row["due_at"] - stage.clock() < 30]:
            await stage.http.get("/healthz")


async def _waiting(tx: Transaction) -> list[Row]:
    return await tx.all(text("SELECT * FROM outbox ORDER BY due_at"))
