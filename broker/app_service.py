"""The broker for an ASGI server, which opens and closes it by its lifespan."""

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from broker import log
from broker.app import running
from broker.settings import Settings

_log = log.get("app")


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
