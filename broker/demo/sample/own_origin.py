"""Requests that do not come to, or from, this app's own address."""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class OwnOrigin:
    """Keeps the app to one name and its forms to its own pages.

    The same server under another name (`127.0.0.1` for `localhost`, or a name an attacker pointed here)
    has other cookies: such a visit is sent on to the real address. A form posted from elsewhere, another
    port of `localhost` included, is refused: `SameSite` would let that through.
    """

    def __init__(self, app: ASGIApp, origin: str, host: str) -> None:
        self._app = app
        self._origin = origin
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer: ASGIApp = self._app
        if scope["method"] in ("GET", "HEAD"):
            if headers.get("host") != self._host:
                answer = RedirectResponse(self._origin + "/")
        elif headers.get("origin") != self._origin:
            answer = PlainTextResponse(
                f"This did not come from a page of {self._origin}; open that page and press its button.",
                status_code=403,
            )
        await answer(scope, receive, send)
