"""Fills the templates and sends them under a content security policy that allows nothing but their own style."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from broker import opaque
from broker.web import limits

_FOLDER: Final = Path(__file__).parent
_STYLE: Final = (_FOLDER / "page.css").read_text(encoding="utf-8")
_POLICY: Final = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(opaque.digest(_STYLE)).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {"Content-Security-Policy": _POLICY, "X-Frame-Options": "DENY", "Cache-Control": "no-store"}
_templates: Final = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True, slots=True)
class Link:
    """Where the person can go from here."""

    address: str
    label: str


def message(
    request: Request,
    *,
    title: str,
    happened: str,
    remedy: str,
    status: int,
    code: str | None = None,
    link: Link | None = None,
) -> HTMLResponse:
    """A page that says what happened and what to do, with the request id and, for developers, the error code."""
    page = _templates.get_template("message.html").render(
        title=title,
        happened=happened,
        remedy=remedy,
        link=link,
        code=code,
        style=_STYLE,
        request_id=request.scope["broker.request_id"],
    )
    headers = dict(_HEADERS)
    if status == 503:
        headers["Retry-After"] = limits.RETRY_AFTER
    return HTMLResponse(page, status, headers)
