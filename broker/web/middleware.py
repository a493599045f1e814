"""The one layer around every request, in plain ASGI.

It names the request, answers prepared documents before any routing, adds the headers that hold everywhere,
opens the browser-readable endpoints to other origins, turns what was not expected into an answer, counts it, and
logs one line. Of the address that line has the route only: a path can hold what is a person's, or secret.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker import log, log_request, opaque, telemetry
from broker.clock import Stopwatch
from broker.oauth.errors import OAuthError, temporarily_unavailable
from broker.store.database import DatabaseUnavailable, SchemaMismatch
from broker.web import errors
from broker.web.documents import Document
from broker.web.errors import Json
from broker.web.tracing import TRACE_BYTES, trace_id

_log = log.get("http")
_REQUEST_ID_LETTERS: Final = 16
_NUMBER: Final = re.compile(r"[0-9]+\Z")
_OTHER: Final = "other"
_METHODS: Final = {name: name for name in ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")}
_NO_STORE: Final = (b"cache-control", b"no-store")
_CORS_HEADERS: Final = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"WWW-Authenticate, X-Request-ID, Retry-After"),
)
_PREFLIGHT_HEADERS: Final = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP",
    "Access-Control-Max-Age": "7200",
}


@dataclass(slots=True)
class Edge:
    """The outermost ASGI application.

    `documents` by path are answered at once. They and `open_paths` may be read by scripts of any origin, without
    credentials (`*`, Fetch §3.2.5).
    """

    inside: ASGIApp
    stopwatch: Stopwatch
    documents: Mapping[str, Document]
    open_paths: frozenset[str]
    https: bool
    _common: list[tuple[bytes, bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self._common = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
        if self.https:
            self._common.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the lifespan goes straight through."""
        if scope["type"] != "http":
            await self.inside(scope, receive, send)
            return
        started = self.stopwatch()
        # At once: asking the operating system takes a twentieth of what answering with the key set does.
        drawn = opaque.random_bytes(_REQUEST_ID_LETTERS + TRACE_BYTES)
        request_id = opaque.spelled(drawn[:_REQUEST_ID_LETTERS])
        scope["broker.request_id"] = request_id
        facts = log_request.begin(request_id, trace_id(scope["headers"], otherwise=drawn[_REQUEST_ID_LETTERS:]))
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope["path"], message, request_id)
            await send(message)

        try:
            await self._respond(scope, receive, answer)
        except Exception as error:
            failure = _failure(error, request_id)
            if status:
                # The answer has begun; all that is left is to break it off.
                raise
            await failure(scope, receive, answer)
        seconds = self.stopwatch() - started
        method, route = _METHODS.get(scope["method"], _OTHER), self._route(scope)
        telemetry.count_request(route, method, status, seconds)
        _log.info(
            "request",
            method=method,
            route=route,
            status=status,
            outcome=facts.outcome or ("ok" if status < 400 else "refused"),
            ms=round(seconds * 1000, 1),
        )

    def _route(self, scope: Scope) -> str:
        """The address as it is written down, such as `/callback/tiktok/{registration}`."""
        if "route" in scope:
            path: str = scope["route"].path
            return path
        path = scope["path"]
        if path in self.documents:
            # Documents of one kind differ in their number only.
            return _NUMBER.sub("{n}", path)
        return path if path in self.open_paths else _OTHER

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if method == "OPTIONS" and self._is_open(path):
            await Response(status_code=204, headers=_PREFLIGHT_HEADERS)(scope, receive, send)
            return
        document = self.documents.get(path)
        if document is None:
            # With an `app` in the scope, Starlette's routes raise their 405 instead of answering in plain text.
            scope["app"] = self
            await self.inside(scope, receive, send)
        elif method in ("GET", "HEAD"):
            await document.send(scope, send)
        else:
            raise HTTPException(405, headers={"Allow": "GET, HEAD, OPTIONS"})

    def _is_open(self, path: str) -> bool:
        return path in self.documents or path in self.open_paths

    def _add_headers(self, path: str, message: Message, request_id: str) -> None:
        # Raw pairs, since this runs for every answer; ASGI has names in lower case.
        headers = [*message["headers"], *self._common, (b"x-request-id", request_id.encode())]
        if not any(name == b"cache-control" for name, _ in headers):
            headers.append(_NO_STORE)
        if self._is_open(path):
            headers += _CORS_HEADERS
        message["headers"] = headers


def _failure(error: Exception, request_id: str) -> Response:
    if isinstance(error, DatabaseUnavailable | SchemaMismatch):
        log_request.note_outcome("temporarily_unavailable")
        _log.error("database.unavailable", detail=str(error))
        return errors.answer(
            temporarily_unavailable("The service cannot reach its database; try again in a moment.")
        )
    if isinstance(error, HTTPException):
        log_request.note_outcome("method_not_allowed")
        refusal = {"error": "method_not_allowed", "error_description": "Nothing here answers to this method."}
        return Json(refusal, error.status_code, dict(error.headers or {}))
    log_request.note_outcome("server_error")
    _log.error("request.failed", exc_info=error)
    sentence = f"Something went wrong on our side; quote the request id {request_id} when you ask."
    return errors.answer(OAuthError("server_error", sentence, status=500))
