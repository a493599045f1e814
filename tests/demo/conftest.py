"""The sample app and a provider on two ports that every test re-uses, and the whole demo once for its tests."""

import contextlib
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from broker.demo.backend import AccessTokens, Backend
from broker.demo.browser import Browser
from broker.demo.check import Target
from broker.demo.sample.app import create_app
from broker.demo.sample.config import Config
from broker.demo.servers import listen, serving
from broker.opaque import Secret
from tests.demo.provider import CLIENT_ID, Provider
from tests.demo.stage import HeldClock, Slot, Stage
from tests.demo.threads import demo, in_thread


@contextlib.asynccontextmanager
async def _two_slots() -> AsyncIterator[tuple[Slot, Slot]]:
    sockets = listen(0), listen(0)
    sample, issuer = (Slot(opened[0].getsockname()[1]) for opened in sockets)
    async with serving((sample, sockets[0]), (issuer, sockets[1])):
        yield sample, issuer


@pytest.fixture(scope="session")
def slots() -> Iterator[tuple[Slot, Slot]]:
    with in_thread(_two_slots) as pair:
        yield pair


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """It ends with its tests: others change for a moment what a broker does, and mean none in another thread."""
    with in_thread(demo) as running:
        yield running


@pytest.fixture
async def stage(slots: tuple[Slot, Slot]) -> AsyncIterator[Stage]:
    sample, issuer = slots
    config = Config(sample.origin, issuer.origin, CLIENT_ID, Secret("brs_secret"), note="A note.")
    provider = Provider(issuer.origin, config.api_url)
    clock = HeldClock(int(time.time()))
    tokens = AccessTokens(issuer.origin, config.api_url, f"{issuer.origin}/.well-known/jwks.json")
    sample.app = create_app(config, clock, Backend(tokens).routes())
    issuer.app = provider.app()
    async with Browser() as browser:
        yield Stage(sample.origin, provider, browser, clock)
