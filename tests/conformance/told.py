"""The back-channel logout address of an app: keeps what it is told, for whoever waits for it."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


@dataclass(frozen=True)
class Told:
    """One request as it arrived."""

    method: str
    content_type: str
    cookies: dict[str, str]
    form: dict[str, str]


@dataclass
class LogoutNotices:
    """An ASGI application; the path says for which client."""

    _inboxes: defaultdict[str, "asyncio.Queue[Told]"] = field(default_factory=lambda: defaultdict(asyncio.Queue))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        fields = dict(parse_qsl((await request.body()).decode("ascii"), strict_parsing=True))
        told = Told(request.method, request.headers["content-type"], request.cookies, fields)
        self._inboxes[request.url.path.removeprefix("/")].put_nowait(told)
        await Response(status_code=200, headers={"Cache-Control": "no-store"})(scope, receive, send)

    async def next(self, client_id: str) -> Told:
        """The next notice for this client; it has to come within seconds."""
        async with asyncio.timeout(5):
            return await self._inboxes[client_id].get()

    def waiting(self, client_id: str) -> int:
        """How many have come that nobody has looked at."""
        return self._inboxes[client_id].qsize()
