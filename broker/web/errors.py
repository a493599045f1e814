"""Errors as the back channel hears them: JSON with the RFC's code and status."""

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response

from broker import log, log_request
from broker.oauth.errors import OAuthError
from broker.web import limits

Endpoint = Callable[[Request], Awaitable[Response]]
Challenge = Callable[[Request, OAuthError], str | None]

_log = log.get("web")


class Json(Response):
    """A JSON answer that no cache keeps (RFC 6749 §5.1)."""

    media_type = "application/json"

    def __init__(self, content: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(orjson.dumps(content), status, {"Cache-Control": "no-store", **(headers or {})})


def basic_challenge(_request: Request, error: OAuthError) -> str | None:
    """RFC 6749 §5.2: who failed to authenticate is told how."""
    return 'Basic realm="broker"' if error.status == 401 else None


def back_channel(endpoint: Endpoint, *, challenge: Challenge = basic_challenge) -> Endpoint:
    """The endpoint with its `OAuthError`s answered, and with what `challenge` says in `WWW-Authenticate`."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except OAuthError as error:
            log_request.note_outcome(error.code)
            _log.info("request.refused", error=error.code, description=error.description, detail=error.detail)
            return answer(error, challenge=challenge(request, error))

    return answered


def answer(error: OAuthError, *, challenge: str | None = None) -> Response:
    """RFC 6749 §5.2."""
    headers = {}
    if challenge is not None:
        headers["WWW-Authenticate"] = challenge
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    elif error.status == 503:
        headers["Retry-After"] = limits.RETRY_AFTER
    body = {"error": error.code, "error_description": error.description}
    return Json(body, error.status, headers)
