"""The composition: builds every room from the settings, hands over by field, and mounts the routes."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

import httpx
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from broker import discovery, log
from broker.claims import Claims
from broker.client_auth import ClientDirectory
from broker.clock import Clock, stopwatch, system_clock
from broker.health import Health
from broker.keys import ring
from broker.keys.signer import Signer
from broker.login.addresses import callback_address
from broker.login.authorize import Authorize
from broker.login.browser import Browser
from broker.login.callback import Callback
from broker.login.callback import Lifetimes as SignInLifetimes
from broker.sealing import Sealer
from broker.settings import Settings
from broker.store.database import Database, connect
from broker.tokens.endpoint import TokenEndpoint
from broker.tokens.lifetimes import Lifetimes
from broker.upstream.http import upstream_client
from broker.upstream.tiktok import Pkce, TikTok
from broker.userinfo import UserInfo
from broker.web.errors import Json
from broker.web.middleware import Edge

_log = log.get("app")
_OPEN_PATHS = frozenset({"/token", "/userinfo"})


@contextlib.asynccontextmanager
async def running(settings: Settings, *, clock: Clock = system_clock) -> AsyncIterator[ASGIApp]:
    """The broker as an ASGI application, with everything it needs opened, and closed at the end.

    Raises `DatabaseUnavailable`, and `Unsealable` when the keys in the database belong to another secret key.
    """
    async with contextlib.AsyncExitStack() as stack:
        database = await connect(settings.database_url.reveal())
        stack.push_async_callback(database.close)
        http = await stack.enter_async_context(upstream_client())
        yield await _compose(settings, database, http, clock)


async def _compose(settings: Settings, database: Database, http: httpx.AsyncClient, clock: Clock) -> ASGIApp:
    sealer = Sealer(settings.secret_keys)
    keys = await ring.load(database, sealer, [settings.signing_alg], now=clock())
    claims = Claims(settings.issuer, Signer(keys), settings.signing_alg, settings.access_token_ttl)
    directory = ClientDirectory(database, clock)
    browser = Browser(sealer, settings.secure, settings.login_ttl, settings.session_max_ttl)
    tiktok = _tiktok(settings, http, clock)
    callbacks = {name: callback_address(settings.issuer, name) for name in tiktok}
    authorize = Authorize(settings.issuer, directory, browser, tiktok, callbacks, clock)
    callback = Callback(
        issuer=settings.issuer,
        database=database,
        directory=directory,
        browser=browser,
        sealer=sealer,
        tiktok=tiktok,
        callbacks=callbacks,
        lifetimes=SignInLifetimes(
            code=settings.code_ttl,
            session=settings.session_ttl,
            session_max=settings.session_max_ttl,
            grant=settings.grant_ttl,
        ),
        clock=clock,
    )
    lifetimes = Lifetimes(settings.access_token_ttl, settings.refresh_token_ttl, settings.refresh_grace)
    routes = [
        *authorize.routes(),
        *callback.routes(),
        *TokenEndpoint(database, directory, claims, lifetimes, clock).routes(),
        *UserInfo(settings.issuer, database, claims, clock).routes(),
        *Health(database).routes(),
    ]
    documents = discovery.documents(
        settings.issuer, keys, signing_alg=settings.signing_alg, jwks_max_age=settings.jwks_max_age
    )
    return Edge(
        inside=Router(routes, redirect_slashes=False, default=_no_such_page),
        stopwatch=stopwatch,
        documents=documents,
        open_paths=_OPEN_PATHS | documents.keys(),
        https=settings.secure,
    )


def _tiktok(settings: Settings, http: httpx.AsyncClient, clock: Clock) -> dict[str, TikTok]:
    return {
        registration.name: TikTok(
            name=registration.name,
            client_key=registration.client_key,
            client_secret=registration.client_secret,
            scopes=registration.scopes,
            pkce=cast("Pkce", registration.pkce),
            authorize_url=settings.tiktok_authorize_url,
            api_url=settings.tiktok_api_url,
            http=http,
            clock=clock,
        )
        for registration in settings.registrations
    }


async def _no_such_page(scope: Scope, receive: Receive, send: Send) -> None:
    body = {"error": "not_found", "error_description": "There is nothing at this address."}
    await Json(body, 404)(scope, receive, send)


@dataclass(slots=True)
class Service:
    """The broker for an ASGI server: opened and closed by the server's lifespan."""

    settings: Settings
    _inside: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection: the lifespan, or a request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._inside is not None:
            await self._inside(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with running(self.settings) as self._inside:
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            _log.critical("start_or_stop_failed", reason=str(error))
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.shutdown.complete"})
