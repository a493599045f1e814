"""Errors as the back channel hears them: JSON with the RFC's code and status."""

from collections.abc import Awaitable, Callable

import orjson
from starlette.requests import Request
from starlette.responses import Response

from broker import log
from broker.oauth.errors import OAuthError
from broker.web import limits

Endpoint = Callable[[Request], Awaitable[Response]]

_log = log.get("web")


class Json(Response):
    """A JSON answer that no cache keeps (RFC 6749 §5.1)."""

    media_type = "application/json"

    def __init__(self, content: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(orjson.dumps(content), status, {"Cache-Control": "no-store", **(headers or {})})


def back_channel(endpoint: Endpoint, *, scheme: str = "Basic") -> Endpoint:
    """The endpoint with its `OAuthError`s answered. `scheme` is named in `WWW-Authenticate` with a 401."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except OAuthError as error:
            _log.info("request.refused", error=error.code, description=error.description, detail=error.detail)
            return answer(error, scheme=scheme)

    return answered


def answer(error: OAuthError, *, scheme: str = "Basic") -> Response:
    """RFC 6749 §5.2, and for bearer tokens RFC 6750 §3."""
    headers = {}
    if error.status == 401 or scheme == "Bearer":
        headers["WWW-Authenticate"] = _challenge(error, scheme)
    if error.status == 503:
        headers["Retry-After"] = limits.RETRY_AFTER
    body = {"error": error.code, "error_description": error.description}
    return Json(body, error.status, headers)


def no_credentials() -> Response:
    """RFC 6750 §3.1: a request without any token is told how to authenticate, and of no error."""
    return Response(status_code=401, headers={"WWW-Authenticate": 'Bearer realm="broker"'})


def _challenge(error: OAuthError, scheme: str) -> str:
    realm = f'{scheme} realm="broker"'
    if scheme == "Basic":
        return realm
    return f'{realm}, error="{error.code}", error_description="{error.description}"'
