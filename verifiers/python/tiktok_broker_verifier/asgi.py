"""In front of any ASGI app, Starlette's and FastAPI's among them: who has no good token does not get in.

    app.add_middleware(RequireAccessToken, verifier=verifier, public={"/healthz"})

The handler finds the token as `request.state.access_token`, or in `scope["state"]["access_token"]`.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from typing import Any, TypeAlias

from tiktok_broker_verifier.answers import Answer, answer
from tiktok_broker_verifier.errors import Refused, Unavailable
from tiktok_broker_verifier.presented import Presented
from tiktok_broker_verifier.verifier import AsyncVerifier

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class RequireAccessToken:
    """`scopes` are needed by every request; the exact paths in `public` need no token at all."""

    def __init__(
        self, app: App, verifier: AsyncVerifier, *, scopes: Iterable[str] = (), public: Collection[str] = ()
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._scopes = tuple(scopes)
        self._public = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in self._public:
            await self._app(scope, receive, send)
            return
        try:
            token = await self._verifier.authenticate(presented(scope), scopes=self._scopes)
        except (Refused, Unavailable) as fault:
            await _refuse(scope, send, answer(fault, self._verifier.policy))
            return
        scope.setdefault("state", {})["access_token"] = token
        await self._app(scope, receive, send)


def presented(scope: Scope) -> Presented:
    """What an ASGI request brings. A WebSocket begins with a GET (RFC 6455 §4.1)."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return Presented(
        method=scope.get("method", "GET"),
        path=raw.decode("ascii", "replace").partition("?")[0],
        authorization=_header(scope, b"authorization"),
        dpop=_header(scope, b"dpop"),
    )


def _header(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


async def _refuse(scope: Scope, send: Send, refusal: Answer) -> None:
    if scope["type"] == "websocket":
        # The server answers the handshake with 403.
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(refusal.body)).encode()),
        *((name.lower().encode(), value.encode("latin-1")) for name, value in refusal.headers.items()),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.body})
