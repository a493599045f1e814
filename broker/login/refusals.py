"""Refusals that are shown to the person, and what an app hears of what TikTok did.

Until client and redirect URI are known to belong together there is nobody to redirect to, and sending an error to
an unverified address would itself be a hole (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
"""

from starlette.requests import Request
from starlette.responses import Response

from broker import log, log_request
from broker.login.pages.rendering import Link, Pages
from broker.oauth.errors import OAuthError, temporarily_unavailable

_log = log.get("login")


def shown(pages: Pages, request: Request, error: OAuthError) -> Response:
    """The refusal as a page: for a request of which nothing can be believed yet."""
    log_request.note_outcome(error.code)
    _log.info("authorize.refused", error=error.code, description=error.description, detail=error.detail)
    if error.retry_after is not None:
        page = pages.message(request, "too_many", status=error.status, code=error.code)
        page.headers["Retry-After"] = str(error.retry_after)
        return page
    return pages.message(
        request,
        "bad_link",
        happened=error.description,
        status=413 if error.status == 413 else 400,
        code=error.code,
    )


def unavailable(pages: Pages, request: Request, error: Exception) -> Response:
    """The page while the database is away: who asks cannot be known, so nobody can be redirected to."""
    log_request.note_outcome("temporarily_unavailable")
    _log.error("page.unavailable", detail=str(error))
    return pages.message(request, "unavailable", status=503, code="temporarily_unavailable")


def lost(pages: Pages, request: Request, link: Link | None) -> Response:
    """The browser brought an answer to a login that it did not begin, lost, or has finished already."""
    log_request.note_outcome("without_login")
    _log.info("callback.without_login")
    return pages.message(request, "lost", status=400, link=link)


def tiktok_away_page(pages: Pages, request: Request, link: Link | None) -> Response:
    """The same while TikTok does not answer: there is no use in starting again at once."""
    log_request.note_outcome("without_login")
    _log.info("callback.without_login", tiktok="away")
    return pages.message(request, "tiktok_away", status=503, link=link, code="temporarily_unavailable")


def bad_hint(error: Exception) -> OAuthError:
    """An `id_token_hint` that we never signed."""
    return OAuthError("invalid_request", "The id_token_hint is not an ID token of ours.", str(error))


def without_database(error: Exception) -> OAuthError:
    """What an app hears while the database is away."""
    return temporarily_unavailable("The service cannot finish this right now.", detail=str(error))
