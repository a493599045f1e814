"""How a refusal reaches whom: a page for the person, or a redirect to the app.

Until client and redirect URI are known to belong together there is nobody to redirect to, and sending an error to
an unverified address would itself be a hole (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
"""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from broker import log
from broker.login.pages import rendering
from broker.login.pages.rendering import Link
from broker.oauth import redirects
from broker.oauth.errors import OAuthError, access_denied, server_error, temporarily_unavailable
from broker.upstream.connector import Misconfigured, Refused, Unavailable, UpstreamError

_log = log.get("login")
_ASK_THE_APP: Final = "Go back to the app and try again; if this page comes again, its makers need to look at it."


def shown(request: Request, error: OAuthError) -> Response:
    """The refusal as a page: for a request of which nothing can be believed yet."""
    _log.info("authorize.refused", error=error.code, description=error.description)
    return rendering.message(
        request,
        title="This sign-in link does not work",
        happened=error.description,
        remedy=_ASK_THE_APP,
        status=413 if error.status == 413 else 400,
        code=error.code,
    )


def unavailable(request: Request, error: Exception) -> Response:
    """The page while the database is away: who asks cannot be known, so nobody can be redirected to."""
    _log.error("authorize.unavailable", detail=str(error))
    return rendering.message(
        request,
        title="Signing in is not possible right now",
        happened="The sign-in service cannot reach its database.",
        remedy="Nothing is wrong with your account. Try again in a moment.",
        status=503,
        code="temporarily_unavailable",
    )


def lost(request: Request, link: Link | None) -> Response:
    """The browser brought an answer to a login that it did not begin, lost, or has finished already."""
    _log.info("callback.without_login")
    return rendering.message(
        request,
        title="This sign-in cannot go on here",
        happened=(
            "It was finished before, took too long, or was begun in another browser, which happens when an app "
            "opens a page of its own."
        ),
        remedy="Nothing was changed. Start again from the app, and stay in one browser until you are back.",
        status=400,
        link=link,
    )


def redirected(redirect_uri: str, state: str | None, error: OAuthError, *, issuer: str) -> Response:
    """The refusal as the app hears it, with `iss` (RFC 9207 §2)."""
    _log.info("login.refused", error=error.code, description=error.description, detail=error.detail)
    return to_app(
        redirect_uri, {"error": error.code, "error_description": error.description}, state, issuer=issuer
    )


def to_app(redirect_uri: str, answer: Mapping[str, str], state: str | None, *, issuer: str) -> Response:
    """Send the browser to the app with an answer, its `state`, and our `iss`."""
    full = {**answer, **({"state": state} if state is not None else {}), "iss": issuer}
    return RedirectResponse(redirects.with_answer(redirect_uri, full), 302, {"Cache-Control": "no-store"})


def from_upstream(error: UpstreamError, registration: str) -> OAuthError:
    """What an app hears of what TikTok did, and the operator's line in the log."""
    facts = {"registration": registration, "reason": str(error), **error.trace.fields()}
    if isinstance(error, Refused):
        _log.info("upstream.refused", **facts)
        return access_denied(error.description)
    if isinstance(error, Unavailable):
        _log.warning("upstream.unavailable", **facts)
        return temporarily_unavailable("TikTok is not answering; try again in a moment.")
    if isinstance(error, Misconfigured):
        _log.error("upstream.misconfigured", **facts)
        return server_error("The sign-in service is not set up correctly with TikTok; its operator must act.")
    _log.warning("upstream.rejected", **facts)
    return server_error("TikTok did not confirm this sign-in; start it again.")
