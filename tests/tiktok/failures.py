"""What TikTok can do, and what comes of it: one table, for `test_04_failures`.

Sources, on developers.tiktok.com: /doc/login-kit-web (callback), /doc/oauth-error-handling (token),
/doc/tiktok-api-v2-error-handling (user info), and reports of what the live service was seen to do.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

UNAVAILABLE, SERVER_ERROR, DENIED = "temporarily_unavailable", "server_error", "access_denied"

EVENTS = {
    "unavailable": UNAVAILABLE,
    "misconfigured": SERVER_ERROR,
    "rejected": SERVER_ERROR,
    "refused": DENIED,
}
"""What the operator reads in the log as `upstream.…`, and what the app hears."""

# TikTok never wrote this, but nothing keeps it from quoting what we sent.
ECHO = "canary-echo act.canary!1 rft.canary!1"


class Failure(NamedTuple):
    """At `place` (authorize, token or user_info) the simulator's fault `options`, in every call.

    `comes` is the word of the log's event, `calls` how often the place is called, `logged` what the line says too.
    """

    place: str
    options: dict[str, Any]
    comes: str
    calls: int = 1
    logged: Mapping[str, Any] = MappingProxyType({})


def _everywhere(kind: str, calls: int = 2, **options: Any) -> Iterator[Failure]:
    """An answer that is none, at both calls: asking who it was is tried twice, redeeming never."""
    for place in ("token", "user_info"):
        logged = {"status": options["status"]} if "status" in options else {}
        yield Failure(
            place, {"kind": kind, **options}, "unavailable", calls if place == "user_info" else 1, logged
        )


def _token(error: str, description: str, comes: str) -> Iterator[Failure]:
    """An error of the token call: its status is anything, its body decides."""
    for status in (200, 400, 401):
        fault = {"kind": "error", "error": error, "error_description": description, "status": status}
        yield Failure("token", fault, comes, 1, {"error": error, "status": status})


def _info(error: str, status: int, comes: str, calls: int = 1) -> Iterator[Failure]:
    for sent in {status, 200}:
        fault = {"kind": "error", "error": error, "status": sent}
        yield Failure("user_info", fault, comes, calls, {"error": error, "status": sent})


def _callback(
    error: str, comes: str, error_type: str | None = None, err_code: int | None = None
) -> Iterator[Failure]:
    fault = {"kind": "error", "error": error, "error_type": error_type, "err_code": err_code}
    said = {"error": error, "error_type": error_type, "errCode": err_code}
    yield Failure("authorize", fault, comes, 1, {name: value for name, value in said.items() if value is not None})


BAD_SECRET = "Client secret is missed in request."
BAD_VERIFIER = "Code verifier or code challenge is invalid."
BAD_REDIRECT = "Redirect_uri is not matched with the uri when requesting code."

TABLE: tuple[Failure, ...] = (
    # No answer, or none that can be read.
    *(row for status in (204, 304, 500, 502, 503, 504) for row in _everywhere("status", status=status)),
    *(row for status in (200, 403, 404, 502) for row in _everywhere("html", status=status)),
    *_everywhere("empty"),
    *_everywhere("not_json"),
    *_everywhere("status", status=200, body="[]"),
    *_everywhere("status", status=200, body="{}"),
    *_everywhere("huge"),
    *_everywhere("truncated"),
    *_everywhere("reset"),
    *_everywhere("redirect", location="/_simulator/state"),
    *_everywhere("redirect", status=307, location="https://tiktok.invalid/"),
    *_everywhere("redirect", status=308, location="/v2/oauth/token/"),
    # Known fields of other types; the retired API's shape.
    *_everywhere("wrong_types"),
    *(
        Failure("token", {"kind": "wrong_types", "fields": (name,)}, "unavailable")
        for name in (
            "access_token",
            "expires_in",
            "open_id",
            "refresh_token",
            "refresh_expires_in",
            "scope",
            "token_type",
        )
    ),
    *(
        Failure("user_info", {"kind": "wrong_types", "fields": (name,)}, "unavailable", 2)
        for name in ("open_id", "union_id", "display_name", "avatar_url", "code")
    ),
    *_everywhere(
        "status",
        status=200,
        body='{"data":{"captcha":"","description":"Parameter error","error_code":10002},"message":"error"}',
    ),
    # Too many calls: a short wait is kept, no other is begun.
    *_everywhere("rate_limit", calls=1),
    *_everywhere("rate_limit", calls=1, retry_after=3),
    *_everywhere("rate_limit", calls=2, retry_after=1),
    *_everywhere("status", status=503, headers={"Retry-After": "120"}, calls=1),
    # The answer is lost after the work was done: the code is spent and is not sent again.
    Failure("token", {"kind": "reset", "after": True}, "unavailable"),
    Failure("token", {"kind": "html", "after": True}, "unavailable"),
    # What the token call says.
    *_token("invalid_request", BAD_REDIRECT, "misconfigured"),
    *_token("invalid_request", "The request parameters are malformed.", "misconfigured"),
    *_token("invalid_request", BAD_SECRET, "misconfigured"),
    *_token("invalid_request", BAD_VERIFIER, "rejected"),
    *_token("invalid_grant", "Authorization code is expired.", "rejected"),
    *_token("invalid_client", "Client key or secret is incorrect.", "misconfigured"),
    *_token("unauthorized_client", "", "misconfigured"),
    *_token("unsupported_grant_type", "", "misconfigured"),
    *_token("invalid_scope", "", "misconfigured"),
    *_token("access_denied", "", "refused"),
    *_token("server_error", "", "unavailable"),
    *_token("temporarily_unavailable", "", "unavailable"),
    *_token("never_heard_of", ECHO, "rejected"),
    Failure("token", {"kind": "error", "error": ECHO, "error_description": ECHO}, "rejected"),
    # What user info says.
    *_info("access_token_invalid", 401, "rejected"),
    *_info("scope_not_authorized", 401, "refused"),
    *_info("scope_permission_missed", 400, "misconfigured"),
    *_info("invalid_params", 400, "misconfigured"),
    *_info("internal_error", 500, "unavailable", 2),
    *_info("never_heard_of", 400, "rejected"),
    Failure("user_info", {"kind": "error", "error": "rate_limit_exceeded", "status": 200}, "unavailable"),
    Failure("user_info", {"kind": "error", "error": ECHO, "error_description": ECHO}, "unavailable", 2),
    # Whose it is cannot be believed.
    Failure("user_info", {"kind": "different_open_id"}, "rejected"),
    Failure("user_info", {"kind": "missing_union_id"}, "rejected"),
    # What the browser brings back.
    *_callback("access_denied", "refused", err_code=-2),
    *_callback("access_denied", "refused", "non_sandbox_target"),
    *_callback("temporarily_unavailable", "unavailable"),
    *_callback("server_error", "rejected", err_code=10_004),
    *_callback("unauthorized_client", "misconfigured", "client_key"),
    *_callback("invalid_client", "misconfigured", err_code=10_033),
    *_callback("param_error", "misconfigured", "client_key", 10_003),
    *_callback("param_error", "misconfigured", "code_challenge", 10_007),
    *_callback("invalid_request", "misconfigured", "redirect_uri"),
    *_callback("unsupported_response_type", "misconfigured"),
    *_callback("invalid_scope", "misconfigured", "scope"),
    *_callback("never_heard_of", "rejected"),
    Failure("authorize", {"kind": "error", "error": f"<script>{ECHO}</script>"}, "rejected"),
)
