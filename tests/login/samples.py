"""Every kind of page, filled without a broker around it."""

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import HTMLResponse

from broker.login.pages.rendering import Link, Pages

REQUEST_ID = "the-request-id"
LONG_NAME = "W" * 200


def request(accept: str = "", query: str = "") -> Request:
    """A browser's request."""
    return Request(
        {
            "type": "http",
            "headers": [(b"accept-language", accept.encode())],
            "query_string": query.encode(),
            "broker.request_id": REQUEST_ID,
        }
    )


def all_pages(pages: Pages, language: str = "en") -> Iterator[HTMLResponse]:
    """Each message, with and without what may be on it, the question, and the page that posts."""
    asking = request(language)
    yield pages.message(asking, "bad_link", status=400, happened="It has no client_id.", code="invalid_request")
    yield pages.message(asking, "lost", status=400)
    yield pages.message(asking, "lost", status=400, link=Link("https://app.example/", LONG_NAME))
    yield pages.message(asking, "unavailable", status=503, code="temporarily_unavailable")
    yield pages.message(asking, "signed_out", status=200)
    yield pages.message(asking, "signed_out_elsewhere", status=200)
    yield pages.message(asking, "bad_sign_out", status=400, happened="It is no ID token of ours.", code="x")
    yield pages.message(asking, "tiktok_away", status=503, code="temporarily_unavailable")
    for app in ("", LONG_NAME):
        yield pages.permissions(asking, app=app, scopes=["user.info.profile", "s" * 100], login="the-login")
    yield pages.sign_out_question(asking, "the-question")
    yield pages.form_post(asking, "https://app.example/callback", {"code": "the-code", "state": '"><script>&'})


def text(page: HTMLResponse) -> str:
    """Its markup."""
    return bytes(page.body).decode()
