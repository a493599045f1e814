"""What a test of the sample app plays on."""

from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.demo.browser import Browser, Page
from tests.demo.provider import Provider


class Slot:
    """An address whose app a test puts in: starting a server costs more than a test."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://localhost:{port}"
        self.app: ASGIApp = Starlette()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class HeldClock:
    """Time stands still until a test moves it. It begins at the real time: libraries compare with that."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@dataclass(frozen=True)
class Stage:
    """A browser before the sample app, and the provider behind it."""

    app: str
    provider: Provider
    browser: Browser
    clock: HeldClock

    async def sign_in(self) -> Page:
        return await self.browser.open(f"{self.app}/login")
