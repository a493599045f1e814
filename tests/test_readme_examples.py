"""The README's code works as it stands there: an app signs somebody in, and a backend verifies what it got."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp

from broker import app, opaque, sealing, settings
from broker.clock import system_clock
from broker.demo.addresses import Addresses
from broker.demo.browser import Browser
from broker.demo.sample.sessions import SessionMiddleware, Sessions
from broker.demo.servers import listen, serving
from broker.simulator.app import create_app
from broker.simulator.apps import App
from broker.simulator.world import World
from broker.store import clients, migrations
from broker.store.database import connect
from tests.demo.threads import free_addresses, in_thread
from tests.documentation import README

CLIENT_KEY, CLIENT_SECRET = "aw0example0key01", "the-secret-at-tiktok"
APP, APP_SECRET = "cli_readme", "brs_readme"
AUDIENCE = "https://api.example"


@dataclass(frozen=True)
class Visit:
    """One sign-in at the README's app, and all that the broker sent it."""

    addresses: Addresses
    tokens: dict[str, Any]

    @property
    def userinfo(self) -> dict[str, Any]:
        userinfo: dict[str, Any] = self.tokens["userinfo"]
        return userinfo


def example(word: str, addresses: Addresses) -> dict[str, Any]:
    """What the README's one Python block with `word` in it defines, for the servers at these addresses."""
    (block,) = (block for block in README.blocks("python") if word in block)
    for placeholder, real in (
        ("https://id.example.com", addresses.issuer),
        ("https://app.example.com", addresses.app),
        ("https://api.example.com", AUDIENCE),
        ("cli_…", APP),
        ("brs_…", APP_SECRET),
    ):
        block = block.replace(placeholder, real)
    names: dict[str, Any] = {}
    exec(compile(block, README.name, "exec"), names)
    return names


def readme_app(addresses: Addresses, received: dict[str, Any]) -> Starlette:
    """The README's handlers in an app that puts what they were sent into `received`."""
    names = example("authlib", addresses)
    authorize_access_token = names["oauth"].broker.authorize_access_token

    async def overheard(request: Any) -> dict[str, Any]:
        received.update(await authorize_access_token(request))
        return received

    names["oauth"].broker.authorize_access_token = overheard
    return Starlette(
        routes=[Route("/login", names["login"]), Route("/callback", names["callback"])],
        middleware=[Middleware(SessionMiddleware, sessions=Sessions(system_clock), secure=False)],
    )


def simulator(addresses: Addresses) -> Starlette:
    world = World()
    world.add_app(App(CLIENT_KEY, CLIENT_SECRET, [addresses.tiktok_redirect_uri]))
    return create_app(world)


async def prepared(addresses: Addresses, folder: Path) -> settings.Settings:
    """The broker's settings, with a database that knows the README's app."""
    url = f"sqlite:///{folder / 'broker.db'}"
    migrations.upgrade(url)
    database = await connect(url)
    metadata = {"redirect_uris": [f"{addresses.app}/callback"], "audience": [AUDIENCE]}
    await database.transact(clients.add, APP, metadata, opaque.digest(APP_SECRET), now=system_clock())
    await database.close()
    return settings.load(
        {
            "BROKER_ISSUER": addresses.issuer,
            "BROKER_DATABASE_URL": url,
            "BROKER_SECRET_KEYS": sealing.new_secret_key(),
            "BROKER_TIKTOK_CLIENT_KEY": CLIENT_KEY,
            "BROKER_TIKTOK_CLIENT_SECRET": CLIENT_SECRET,
            "BROKER_TIKTOK_AUTHORIZE_URL": f"{addresses.tiktok}/v2/auth/authorize/",
            "BROKER_TIKTOK_API_URL": addresses.tiktok,
        }
    )


@contextlib.asynccontextmanager
async def visited(folder: Path) -> AsyncIterator[Visit]:
    """App, broker and simulator, which go on serving after somebody has signed in. The time is the real one."""
    addresses = free_addresses()
    received: dict[str, Any] = {}
    ports = [listen(addresses.port + offset) for offset in range(3)]
    async with app.running(await prepared(addresses, folder)) as broker, Browser() as browser:
        apps: list[ASGIApp] = [readme_app(addresses, received), broker, simulator(addresses)]
        async with serving(*zip(apps, ports, strict=True)):
            page = await browser.open(f"{addresses.app}/login")
            consent = [("person", page.values("person")[0]), ("scope", "user.info.basic"), ("action", "allow")]
            page = await browser.submit(page, page.action, consent)
            assert page.status == 200, page.describe()
            yield Visit(addresses, received)


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    folder = tmp_path_factory.mktemp("readme")
    with in_thread(lambda: visited(folder)) as visit:
        yield visit


def test_the_app_learns_who_signed_in(visit: Visit) -> None:
    assert visit.userinfo["sub"].startswith("usr_")
    assert {"name", "picture", "union_id", "open_id", "tiktok_scopes"} <= visit.userinfo.keys()
    assert "email" not in visit.userinfo


def test_the_backend_accepts_the_access_token(visit: Visit) -> None:
    claims = example("PyJWKClient", visit.addresses)["verified"](visit.tokens["access_token"])
    assert (claims["sub"], claims["client_id"]) == (visit.userinfo["sub"], APP)


def test_the_backend_refuses_the_id_token(visit: Visit) -> None:
    verified = example("PyJWKClient", visit.addresses)["verified"]
    with pytest.raises(jwt.PyJWTError, match="not an access token"):
        verified(visit.tokens["id_token"])


@pytest.mark.parametrize("name", ["ISSUER", "AUDIENCE"])
def test_the_backend_refuses_a_token_by_or_for_somebody_else(visit: Visit, name: str) -> None:
    names = example("PyJWKClient", visit.addresses)
    names[name] = "https://other.example"
    with pytest.raises(jwt.PyJWTError):
        names["verified"](visit.tokens["access_token"])
