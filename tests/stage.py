"""A broker and a TikTok simulator over real HTTP on one held clock, and a person's browser to drive them."""

import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import httpx
from sqlalchemy import delete
from starlette.types import ASGIApp, Receive, Scope, Send

from broker import opaque, sealing, settings
from broker.app import running as running_broker
from broker.clock import Clock
from broker.keys.rotation import Rotation
from broker.oauth import registration
from broker.sealing import Sealer, SecretKey
from broker.settings import Settings
from broker.simulator.app import create_app
from broker.simulator.apps import App
from broker.simulator.serve import running as serving
from broker.simulator.world import World
from broker.store import clients
from broker.store.database import Database, Transaction, connect
from broker.store.schema import audit_events
from tests.keys.made import RULES

CLIENT_KEY = "aw0example0key01"
TIKTOK_SECRET = "canary-tiktok-client-secret"
WEB = "cli_web"
WEB_SECRET = "brs_canary-web-client-secret"
WEB_REDIRECT = "https://app.example/callback"
PUBLIC = "cli_public"
PUBLIC_REDIRECT = "http://127.0.0.1/callback"
# Where TikTok's app on a phone hands its code to the app's own.
NATIVE = "https://links.app.example/tiktok"
VERIFIER = "a-verifier-of-at-least-forty-three-characters"
# One for all stages, so that the keys sealed in a copied database open.
SECRET_KEY = sealing.new_secret_key()

Beginning: TypeAlias = Callable[[Mapping[str, str], Clock], contextlib.AbstractAsyncContextManager[ASGIApp]]
"""What makes a broker of settings and a clock, and ends it."""


@dataclass
class HeldClock:
    """Epoch seconds that move only when told to."""

    now: int = 1_800_000_000

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: int) -> None:
        """Let time go on."""
        self.now += seconds


@dataclass
class Stage:
    """Everything a journey touches. `http` speaks to the broker; each `browser()` has cookies of its own."""

    issuer: str
    settings: Settings
    world: World
    simulator: str
    clock: HeldClock
    database: Database
    http: httpx.AsyncClient
    _stack: contextlib.AsyncExitStack = field(repr=False)

    async def browser(self) -> httpx.AsyncClient:
        """A person's browser: follows nothing by itself, keeps cookies."""
        return await self._stack.enter_async_context(httpx.AsyncClient(timeout=60, verify=False))

    def question(self, client_id: str = WEB, **changes: str | None) -> dict[str, str]:
        """The parameters of a good authorization request, with changes; None takes one out."""
        good: dict[str, str | None] = {
            "client_id": client_id,
            "redirect_uri": WEB_REDIRECT if client_id == WEB else PUBLIC_REDIRECT,
            "response_type": "code",
            "scope": "openid profile offline_access",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": opaque.sha256_base64url(VERIFIER),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    async def authorize(self, browser: httpx.AsyncClient, question: Mapping[str, str]) -> httpx.Response:
        """Open `/authorize` in the browser."""
        return await browser.get(f"{self.issuer}/authorize", params=dict(question))

    async def consent(
        self,
        browser: httpx.AsyncClient,
        address: str,
        *,
        person: str = "p1",
        scopes: tuple[str, ...] = ("user.info.basic",),
        action: str = "allow",
    ) -> str:
        """Answer TikTok's consent page; the address TikTok sends the browser to."""
        shown = await browser.get(address)
        if shown.status_code == 302:
            return shown.headers["location"]
        answer = await browser.post(address, data={"person": person, "scope": list(scopes), "action": action})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def come_back(
        self, browser: httpx.AsyncClient, question: Mapping[str, str], **consent: Any
    ) -> dict[str, str]:
        """A whole visit: what the app's redirect URI receives."""
        sent = await self.authorize(browser, question)
        assert sent.status_code == 302, sent.text
        callback = await self.consent(browser, sent.headers["location"], **consent)
        answer = await browser.get(callback)
        assert answer.status_code == 302, answer.text
        return answer_in(answer.headers["location"])

    async def redeem(
        self, code: str, client_id: str = WEB, *, redirect_uri: str | None = None, **changes: str | None
    ) -> httpx.Response:
        """Trade a code at `/token`."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri or (WEB_REDIRECT if client_id == WEB else PUBLIC_REDIRECT),
            "code_verifier": VERIFIER,
            **changes,
        }
        return await self.token(form, client_id)

    async def refresh(self, token: str, client_id: str = WEB, **changes: str | None) -> httpx.Response:
        """Trade a refresh token at `/token`."""
        return await self.token({"grant_type": "refresh_token", "refresh_token": token, **changes}, client_id)

    async def token(self, form: Mapping[str, str | None], client_id: str = WEB) -> httpx.Response:
        """POST to `/token` as this client."""
        data = {name: value for name, value in form.items() if value is not None}
        if client_id == WEB:
            return await self.http.post("/token", data=data, auth=(WEB, WEB_SECRET))
        return await self.http.post("/token", data={**data, "client_id": client_id})

    async def sign_in(self, client_id: str = WEB, *, person: str = "p1", **changes: str | None) -> dict[str, Any]:
        """A whole sign-in in a fresh browser: the token response."""
        browser = await self.browser()
        answer = await self.come_back(browser, self.question(client_id, **changes), person=person)
        redeemed = await self.redeem(answer["code"], client_id, redirect_uri=changes.get("redirect_uri"))
        assert redeemed.status_code == 200, redeemed.text
        tokens: dict[str, Any] = redeemed.json()
        return tokens

    async def userinfo(self, access_token: str) -> httpx.Response:
        """GET `/userinfo` with a bearer token."""
        return await self.http.get("/userinfo", headers={"Authorization": f"Bearer {access_token}"})


def answer_in(location: str) -> dict[str, str]:
    """The parameters in a redirect to the app, each of which must be there once."""
    found = parse_qs(urlsplit(location).query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values()), found
    return {name: values[0] for name, values in found.items()}


def forged(token: str) -> str:
    """The token with one character of its signature changed: not the last, some of whose bits may be padding."""
    return token[:-2] + ("b" if token[-2] == "a" else "a") + token[-1]


def free_port() -> int:
    """A port of loopback that nobody has right now.

    It lies below those that systems hand out to connections, one of which could take it before it is used.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def environment(issuer: str, database_url: str, simulator: str, **changes: str) -> dict[str, str]:
    """Settings of a broker on this machine whose TikTok is the simulator."""
    return {
        "BROKER_ISSUER": issuer,
        "BROKER_DATABASE_URL": database_url,
        # How fast it is says something of the machine; who tests what happens without an answer asks for less.
        "BROKER_DATABASE_STATEMENT_TIMEOUT": "20s",
        "BROKER_SECRET_KEYS": SECRET_KEY,
        "BROKER_TIKTOK_CLIENT_KEY": CLIENT_KEY,
        "BROKER_TIKTOK_CLIENT_SECRET": TIKTOK_SECRET,
        "BROKER_TIKTOK_AUTHORIZE_URL": f"{simulator}/v2/auth/authorize/",
        "BROKER_TIKTOK_API_URL": simulator,
        # Copying goes on in the background of a test; who tests it asks for it.
        "BROKER_AVATARS": "link",
        # Everybody has one address, and races ask as fast as they can; who tests limits asks for them.
        "BROKER_LIMITS": "off",
        # Nobody looks at `/readyz` before sending a request; who tests that asks for it.
        "BROKER_SHUTDOWN_DRAIN": "0s",
        **changes,
    }


# As they are, whatever the test has changed that happens to be the first to need keys.
_ALGS = registration.ID_TOKEN_ALGS


async def make_keys(database_url: str) -> None:
    """Every signing key a broker wants, made beforehand: RSA keys cost most of a second."""
    database = await connect(database_url)
    sealer = Sealer([SecretKey(SECRET_KEY)])
    await Rotation(database, sealer, _ALGS, RULES, HeldClock()).begin()
    await database.transact(_forget_how)
    await database.close()


async def _forget_how(tx: Transaction) -> None:
    # What is in the audit of a test happened in that test.
    await tx.run(delete(audit_events))


async def register_clients(database: Database, *, now: int) -> None:
    """One client with a secret, and one without for an app on a device."""
    web = {"client_name": "Web app", "redirect_uris": [WEB_REDIRECT], "client_uri": "https://app.example/"}
    await database.transact(clients.add, WEB, web, opaque.digest(WEB_SECRET), now=now)
    public = {"redirect_uris": [PUBLIC_REDIRECT], "token_endpoint_auth_method": "none"}
    await database.transact(clients.add, PUBLIC, public, None, now=now)


@dataclass
class _Front:
    """What listens before there is a broker, which must know its address when it is made."""

    broker: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.broker is not None
        await self.broker(scope, receive, send)


@contextlib.asynccontextmanager
async def in_this_process(environ: Mapping[str, str], clock: Clock) -> AsyncIterator[ASGIApp]:
    """The broker that these settings say."""
    async with running_broker(settings.load(environ), clock=clock) as app:
        yield app


@contextlib.asynccontextmanager
async def running_stage(
    database_url: str, clock: HeldClock, beginning: Beginning = in_this_process, /, **changes: str
) -> AsyncIterator[Stage]:
    """Start it all; `changes` are further `BROKER_…` settings, `beginning` what makes a broker of them."""
    async with contextlib.AsyncExitStack() as stack:
        front = _Front()
        issuer = await stack.enter_async_context(serving(front))
        world = World(clock=clock)
        redirect_uris, webhook_url = [f"{issuer}/callback/tiktok"], f"{issuer}/webhooks/tiktok"
        world.add_app(
            App(CLIENT_KEY, TIKTOK_SECRET, redirect_uris, native_redirect_uris=[NATIVE], webhook_url=webhook_url)
        )
        simulator = await stack.enter_async_context(serving(create_app(world)))
        environ = environment(issuer, database_url, simulator, **changes)
        database = await connect(database_url)
        stack.push_async_callback(database.close)
        await register_clients(database, now=clock())
        front.broker = await stack.enter_async_context(beginning(environ, clock))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=issuer, timeout=60, verify=False))
        yield Stage(issuer, settings.load(environ), world, simulator, clock, database, http, stack)
