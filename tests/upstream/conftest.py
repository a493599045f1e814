"""A TikTok registration whose server is a respx router, and the numbers the tests agree on."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx

from broker.opaque import Secret
from broker.upstream.tiktok import TikTok

NOW = 1_800_000_000


async def no_pause(_: float) -> None:
    """What a test waits between two attempts."""


@pytest.fixture
def router() -> respx.Router:
    return respx.Router(assert_all_called=False)


@pytest.fixture
async def make_tiktok(router: respx.Router) -> AsyncIterator[Callable[..., TikTok]]:
    """Makes a registration in front of the router; any field may be given."""
    async with httpx.MockTransport(router.async_handler) as http:
        registration = TikTok(
            name="default",
            client_key="aw0example0key01",
            client_secret=Secret("ExampleClientSecret0123456789abcdef"),
            scopes=("user.info.basic", "user.info.profile"),
            pkce="hex",
            authorize_url="https://www.tiktok.com/v2/auth/authorize/",
            api_url="https://open.tiktokapis.com",
            http=http,
            clock=lambda: NOW,
            pause=no_pause,
        )

        def make(**fields: Any) -> TikTok:
            return replace(registration, **fields)

        yield make


@pytest.fixture
def tiktok(make_tiktok: Callable[..., TikTok]) -> TikTok:
    return make_tiktok()
