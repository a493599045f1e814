"""Answers in TikTok's two JSON shapes, each with a log id, and the refusals that become them.

Token and revoke: `{"error": "…", "error_description": "…", "log_id": "…"}` (page "OAuth Error Handling").
API: `{"error": {"code": "…", "message": "…", "log_id": "…"}}` (page "TikTok API v2 Error Handling").
"""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

API_ERRORS: Mapping[str, tuple[int, str]] = {
    "access_token_invalid": (401, "The access token is invalid or not found in the request."),
    "scope_not_authorized": (
        401,
        "The user did not authorize the scope required for completing this request.",
    ),
    "scope_permission_missed": (400, "Additional scope is required for this request."),
    "invalid_params": (400, "One or more fields in request is invalid."),
    "rate_limit_exceeded": (429, "The API rate limit was exceeded. Please try again later."),
    "internal_error": (500, "Something went wrong. Please try again later."),
}
"""Error code to HTTP status and message."""


class OAuthRefusal(Exception):
    """Why a token or revoke call is refused: TikTok's error code and description."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class ApiRefusal(Exception):
    """Why an API call is refused: a key of `API_ERRORS`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def encoded(value: Any) -> bytes:
    r"""JSON as TikTok's servers write it: `&`, `<`, `>` as `\u0026`, `\u003c`, `\u003e`, the rest as UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Structure never contains these three, so whatever is found stands inside a string.
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e").encode()


def answer(value: Any, *, log_id: str, status: int = 200) -> Response:
    """JSON with the headers that TikTok's API host sends."""
    headers = {"cache-control": "no-store", "x-tt-logid": log_id}
    return Response(encoded(value), status, headers, media_type="application/json; charset=utf-8")


def oauth_error(error: str, description: str, *, log_id: str, status: int) -> Response:
    """A refusal of the token or revoke endpoint."""
    value = {"error": error, "error_description": description, "log_id": log_id}
    return answer(value, log_id=log_id, status=status)


def api_error(
    code: str, *, log_id: str, status: int | None = None, message: str | None = None, data: bool = False
) -> Response:
    """A refusal of the API, `data` beside it if wanted; status and message follow from a documented code."""
    usual_status, usual_message = API_ERRORS.get(code, (400, ""))
    error = {"code": code, "message": usual_message if message is None else message, "log_id": log_id}
    value = {"data": {}, "error": error} if data else {"error": error}
    return answer(value, log_id=log_id, status=status or usual_status)
