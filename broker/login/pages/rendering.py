"""Fills the templates and sends them under a content security policy that allows nothing but their own style."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from broker import opaque
from broker.login.pages import languages
from broker.web import limits

_FOLDER: Final = Path(__file__).parent
_STYLE: Final = (_FOLDER / "page.css").read_text(encoding="utf-8")
_UI_LOCALES: Final = "broker.ui_locales"
_SUBMIT: Final = "document.forms[0].submit()"
_templates: Final = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True, slots=True)
class Link:
    """Where the person can go from here."""

    address: str
    label: str


def prefer(request: Request, ui_locales: str | None) -> None:
    """Have the pages of this request speak what the app asked for, wherever in the request it stood."""
    request.scope[_UI_LOCALES] = ui_locales


def message(
    request: Request,
    about: str,
    *,
    status: int,
    happened: str | None = None,
    code: str | None = None,
    link: Link | None = None,
) -> HTMLResponse:
    """A page that says what happened and what to do: the words of `about` in the person's language.

    `happened` takes the place of the words when only the request itself can tell; `code` is for developers.
    """
    language = _language(request)
    say = partial(languages.say, language)
    content = {
        "title": say(f"{about}.title"),
        # What only the request can tell is told in English; a screen reader must know.
        "happened": happened or say(f"{about}.happened"),
        "happened_language": "en" if happened else language,
        "remedy": say(f"{about}.remedy"),
        "link": link,
    }
    return _page(request, "message.html", content, language, status=status, code=code)


def sign_out_question(request: Request, question: str) -> HTMLResponse:
    """Asks whether to sign out. `question` is what the answer must bring back."""
    language = _language(request)
    content = {"title": languages.say(language, "sign_out.title"), "question": question}
    # No `form-action`: Chromium holds it against every redirect that follows, which leads to the app.
    return _page(request, "sign_out.html", content, language, policy="base-uri 'none'")


def form_post(request: Request, address: str, answer: Mapping[str, str]) -> HTMLResponse:
    """Posts the answer to the app by itself, or by a button where scripts are off (Form Post 1.0 §2)."""
    language = _language(request)
    content = {
        "title": languages.say(language, "sending.title"),
        "address": address,
        "answer": answer,
        "script": _SUBMIT,
    }
    policy = f"script-src '{_hash(_SUBMIT)}'; base-uri 'none'"
    return _page(request, "form_post.html", content, language, policy=policy)


def back_to(request: Request, address: str, app: str) -> Link:
    """A link to the app of this name."""
    language = _language(request)
    return Link(address, f"{languages.say(language, 'back_to')} {app or languages.say(language, 'the_app')}")


def _page(
    request: Request,
    template: str,
    content: Mapping[str, object],
    language: str,
    *,
    policy: str = "base-uri 'none'; form-action 'none'",
    status: int = 200,
    code: str | None = None,
) -> HTMLResponse:
    page = _templates.get_template(template).render(
        content,
        say=partial(languages.say, language),
        language=language,
        code=code,
        style=_STYLE,
        request_id=request.scope["broker.request_id"],
    )
    headers = {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src '{_hash(_STYLE)}'; frame-ancestors 'none'; {policy}"
        ),
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
        "Content-Language": language,
    }
    if status == 503:
        headers["Retry-After"] = limits.RETRY_AFTER
    return HTMLResponse(page, status, headers)


def _language(request: Request) -> str:
    asked = request.scope.get(_UI_LOCALES) or request.query_params.get("ui_locales")
    return languages.choose(request, asked)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(opaque.digest(text)).decode()
