"""The answer to an authorization request, on its way through the browser to the app.

In the query of a redirect, or posted by a page of ours (OAuth 2.0 Form Post Response Mode 1.0). Every answer
names us as `iss` (RFC 9207 §2).
"""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker import log, log_request, telemetry
from broker.login.pages.rendering import Pages
from broker.login.request import ReplyTo
from broker.oauth import redirects
from broker.oauth.errors import OAuthError

_log = log.get("login")


def with_code(pages: Pages, request: Request, reply_to: ReplyTo, code: str, *, issuer: str) -> Response:
    """The app's code."""
    telemetry.SIGN_INS.labels(telemetry.app(reply_to.client_id), telemetry.OK).inc()
    return _to_app(pages, request, reply_to, {"code": code}, issuer)


def with_error(pages: Pages, request: Request, reply_to: ReplyTo, error: OAuthError, *, issuer: str) -> Response:
    """The refusal as the app hears it (RFC 6749 §4.1.2.1)."""
    log_request.note_outcome(error.code)
    telemetry.SIGN_INS.labels(telemetry.app(reply_to.client_id), error.code).inc()
    _log.info("login.refused", error=error.code, description=error.description, detail=error.detail)
    return _to_app(pages, request, reply_to, {"error": error.code, "error_description": error.description}, issuer)


def redirect(request: Request, address: str) -> Response:
    """On to an address of somebody else, by GET."""
    # 303, so that a form posted to us is never posted on (RFC 9700 §4.12).
    status = 303 if request.method == "POST" else 302
    return RedirectResponse(address, status, {"Cache-Control": "no-store"})


def _to_app(pages: Pages, request: Request, reply_to: ReplyTo, answer: Mapping[str, str], issuer: str) -> Response:
    state = {} if reply_to.state is None else {"state": reply_to.state}
    full = {**answer, **state, "iss": issuer}
    if reply_to.response_mode == "form_post":
        return pages.form_post(request, reply_to.redirect_uri, full)
    return redirect(request, redirects.with_answer(reply_to.redirect_uri, full))
