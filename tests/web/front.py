"""The broker alone, in this process: for promises that need neither TikTok nor a socket."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.types import ASGIApp

from broker import opaque, settings
from broker.app import running
from broker.clock import Clock
from broker.settings import Settings
from broker.store.database import Database, connect
from tests.stage import PUBLIC_REDIRECT, VERIFIER, WEB, WEB_REDIRECT, environment, register_clients

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For a journey whose promise no database decides: one of them is enough."""

ISSUER = "https://id.example"
TIKTOK = "https://tiktok.example"


@dataclass(frozen=True)
class Front:
    """A broker behind https with the two clients of the stage."""

    app: ASGIApp
    settings: Settings
    database: Database
    http: httpx.AsyncClient

    async def authorize(self, client_id: str = WEB, **changes: Any) -> httpx.Response:
        """Open `/authorize` with a good request and changes to it; None takes a parameter out."""
        return await self.http.get("/authorize", params=question(client_id, **changes))


def question(client_id: str = WEB, **changes: Any) -> dict[str, Any]:
    """The parameters of a good authorization request, with changes; None takes one out."""
    good: dict[str, Any] = {
        "client_id": client_id,
        "redirect_uri": WEB_REDIRECT if client_id == WEB else PUBLIC_REDIRECT,
        "response_type": "code",
        "scope": "openid profile",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": opaque.sha256_base64url(VERIFIER),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def query_of(address: str) -> dict[str, list[str]]:
    """The decoded query of an address."""
    return parse_qs(urlsplit(address).query, keep_blank_values=True)


@contextlib.asynccontextmanager
async def running_front(
    database_url: str, clock: Clock, *, issuer: str = ISSUER, **changes: str
) -> AsyncIterator[Front]:
    """Start it; `changes` are further `BROKER_…` settings."""
    loaded = settings.load(environment(issuer, database_url, TIKTOK, **changes))
    database = await connect(database_url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        await register_clients(database, now=clock())
        app = await stack.enter_async_context(running(loaded, clock=clock))
        transport = httpx.ASGITransport(app=app)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=issuer))
        yield Front(app, loaded, database, http)
