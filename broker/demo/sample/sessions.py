"""Sessions kept on the server, so that no token is ever in a cookie.

A signed cookie can be read by whoever holds it. Here the browser gets a random value and the app keeps the
rest in memory, at most `capacity` sessions at a time: the oldest makes room.
"""

from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker import opaque
from broker.clock import Clock

COOKIE = "sample_session"
LIFETIME = 8 * 60 * 60


class Session(dict[str, Any]):
    """What the app remembers about one browser; `request.session` is one of these."""

    def __init__(self) -> None:
        super().__init__()
        self.renewed = False


def renew(request: Request) -> None:
    """Give the browser a new cookie with this answer.

    Done whenever who is signed in changes, so that a cookie planted before has no worth after.
    """
    session: Session = request.scope["session"]
    session.renewed = True


class Sessions:
    """The sessions in memory, found by the digest of their cookie."""

    def __init__(self, clock: Clock, capacity: int = 1000) -> None:
        self._clock = clock
        self._capacity = capacity
        self._kept: OrderedDict[bytes, tuple[int, Session]] = OrderedDict()

    def find(self, cookie: str) -> Session | None:
        """The live session behind a cookie."""
        expires, session = self._kept.get(opaque.digest(cookie), (0, None))
        return session if self._clock() < expires else None

    def keep(self, session: Session) -> str:
        """Remember the session and answer the cookie that finds it."""
        cookie = opaque.secret()
        self._kept[opaque.digest(cookie)] = (self._clock() + LIFETIME, session)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return cookie

    def forget(self, cookie: str) -> None:
        """The cookie finds nothing any more."""
        self._kept.pop(opaque.digest(cookie), None)

    def __len__(self) -> int:
        return len(self._kept)


class SessionMiddleware:
    """Puts the browser's session into the request, and its cookie into the answer when that changed."""

    def __init__(self, app: ASGIApp, sessions: Sessions, secure: bool) -> None:
        self._app = app
        self._sessions = sessions
        self._flags = "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cookie = _cookie(Headers(scope=scope).get("cookie", ""))
        known = self._sessions.find(cookie)
        session = Session() if known is None else known
        scope["session"] = session

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                change = self._change(cookie, session, is_known=known is not None)
                if change is not None:
                    MutableHeaders(scope=message).append("set-cookie", change)
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _change(self, cookie: str, session: Session, *, is_known: bool) -> str | None:
        if session and is_known and not session.renewed:
            return None
        self._sessions.forget(cookie)
        session.renewed = False
        if session:
            return f"{COOKIE}={self._sessions.keep(session)}; Max-Age={LIFETIME}; {self._flags}"
        return f"{COOKIE}=; Max-Age=0; {self._flags}" if cookie else None


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value
