"""The pages: templates filled in, and the headers every page carries."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from broker.clock import Clock
from broker.demo.sample.config import Config
from broker.demo.sample.messages import Trouble
from broker.demo.sample.token_view import view

_HOST = re.compile(r"[a-z0-9.-]+(:[0-9]{1,5})?")


class Pages:
    """Renders the sample app's pages."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._templates = Environment(
            loader=PackageLoader("broker.demo.sample"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def home(self, request: Request) -> Response:
        """The button, or the person who is signed in."""
        notice = request.session.pop("notice", "")
        token = request.session.get("token")
        if token is None:
            return self._page("home.html", {"notice": notice})
        user = request.session["user"]
        now = self._clock()
        context = {
            "notice": notice,
            "answer": request.session.pop("answer", None),
            "user": user,
            "scope": token.get("scope", ""),
            "can_refresh": "refresh_token" in token,
            "id_token": view(token["id_token"], now),
            "access_token": view(token["access_token"], now),
        }
        return self._page("signed_in.html", context, image_source(user.get("picture")))

    def trouble(self, trouble: Trouble) -> Response:
        """A page about what went wrong, with the button to try again."""
        return self._page("trouble.html", {"trouble": trouble}, status=trouble.status)

    def _page(self, name: str, context: Mapping[str, object], images: str = "", status: int = 200) -> Response:
        html = self._templates.get_template(name).render(**context, config=self._config)
        return HTMLResponse(html, status, headers=self._headers(images))

    def _headers(self, images: str) -> dict[str, str]:
        policy = (
            "default-src 'none'",
            "style-src 'self'",
            f"img-src 'self' {images}".rstrip(),
            # The issuer too: signing out posts here and is then sent on to the broker.
            f"form-action 'self' {self._config.issuer}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
        return {
            "Content-Security-Policy": "; ".join(policy),
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }


def image_source(url: object) -> str:
    """The origin of a picture as a Content-Security-Policy source, or "" when the page must not load it.

    https, or plain http from this machine; anything that is not a plain host and port could smuggle in
    another directive.
    """
    if not isinstance(url, str):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if not _HOST.fullmatch(parts.netloc):
        return ""
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme == "https" or local else ""
