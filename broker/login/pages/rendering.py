"""The pages by kind, sent under a content security policy that allows nothing but their own style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from traceback import extract_tb
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse

from broker import log
from broker.login.pages.languages import Languages
from broker.login.pages.look import Look, source_hash
from broker.web import limits

_log = log.get("pages")
OF_SCOPE: Final = "permission."
"""What begins the name of the words about a TikTok scope."""
_UI_LOCALES: Final = "broker.ui_locales"
_SUBMIT: Final = "document.forms[0].submit()"


@dataclass(frozen=True, slots=True)
class Link:
    """Where the person can go from here."""

    address: str
    label: str


def prefer(request: Request, ui_locales: str | None) -> None:
    """Have the pages of this request speak what the app asked for, wherever in the request it stood."""
    request.scope[_UI_LOCALES] = ui_locales


@dataclass(frozen=True, slots=True)
class Pages:
    """Makes pages in the operator's look where there is one, and in ours where that fails."""

    languages: Languages
    ours: Look
    theirs: Look | None
    _failed: set[str] = field(default_factory=set)

    def message(
        self,
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
        language = self.language(request)
        say = partial(self.languages.say, language)
        content = {
            "title": say(f"{about}.title"),
            # What only the request can tell is told in English; a screen reader must know.
            "happened": happened or say(f"{about}.happened"),
            "happened_language": "en" if happened else language,
            "remedy": say(f"{about}.remedy"),
            "link": link,
        }
        return self._page(request, "message.html", content, status=status, code=code)

    def sign_out_question(self, request: Request, question: str) -> HTMLResponse:
        """Asks whether to sign out. `question` is what the answer must bring back."""
        title = self.languages.say(self.language(request), "sign_out.title")
        # No `form-action`: Chromium holds it against every redirect that follows, which leads to the app.
        policy = "base-uri 'none'"
        return self._page(request, "sign_out.html", {"title": title, "question": question}, policy=policy)

    def permissions(self, request: Request, *, app: str, scopes: Sequence[str], login: str) -> HTMLResponse:
        """Asks for TikTok's permissions `scopes`, without which the app of this name cannot do.

        `login` is what the answer must bring back.
        """
        language = self.language(request)
        say = partial(self.languages.say, language)
        meanings = self.languages.words[language]
        content = {
            "title": say("permissions.title"),
            "app": app or say("this_app"),
            "missing": [{"name": scope, "meaning": meanings.get(OF_SCOPE + scope)} for scope in scopes],
            "login": login,
            "back": f"{say('back_to')} {app or say('the_app')}",
        }
        # No `form-action`, for the reason above.
        return self._page(request, "permissions.html", content, policy="base-uri 'none'")

    def form_post(self, request: Request, address: str, answer: Mapping[str, str]) -> HTMLResponse:
        """Posts the answer to the app by itself, or by a button where scripts are off (Form Post 1.0 §2)."""
        content = {
            "title": self.languages.say(self.language(request), "sending.title"),
            "address": address,
            "answer": answer,
            "script": _SUBMIT,
        }
        policy = f"script-src '{source_hash(_SUBMIT)}'; base-uri 'none'"
        return self._page(request, "form_post.html", content, policy=policy)

    def back_to(self, request: Request, address: str, app: str) -> Link:
        """A link to the app of this name."""
        say = partial(self.languages.say, self.language(request))
        return Link(address, f"{say('back_to')} {app or say('the_app')}")

    def language(self, request: Request) -> str:
        """What a page for this request speaks."""
        asked = request.scope.get(_UI_LOCALES) or request.query_params.get("ui_locales")
        return self.languages.choose(request, asked)

    def _page(
        self,
        request: Request,
        template: str,
        content: Mapping[str, object],
        *,
        policy: str = "base-uri 'none'; form-action 'none'",
        status: int = 200,
        code: str | None = None,
    ) -> HTMLResponse:
        language = self.language(request)
        page, look = self._filled(
            template,
            {
                **content,
                "say": partial(self.languages.say, language),
                "language": language,
                "code": code,
                "request_id": request.scope["broker.request_id"],
            },
        )
        headers = {
            "Content-Security-Policy": f"default-src 'none'; {look.policy}; frame-ancestors 'none'; {policy}",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-store",
            "Content-Language": language,
        }
        if status == 503:
            headers["Retry-After"] = limits.RETRY_AFTER
        return HTMLResponse(page, status, headers)

    def _filled(self, template: str, content: Mapping[str, object]) -> tuple[str, Look]:
        if self.theirs is not None:
            try:
                return self.theirs.fill(template, content), self.theirs
            except Exception as error:
                # A template is a program of somebody else, and may fail with anything.
                self._note(template, error)
        return self.ours.fill(template, content), self.ours

    def _note(self, template: str, error: Exception) -> None:
        if template in self._failed:
            return
        self._failed.add(template)
        # Where and of what kind, never the message: it may quote what the page was to hold.
        place = next(
            (frame for frame in reversed(extract_tb(error.__traceback__)) if _is_template(frame.filename)), None
        )
        _log.error(
            "pages.template_failed",
            page=template,
            file=place.filename if place else template,
            line=place.lineno if place else None,
            error=type(error).__name__,
        )


def _is_template(file: str) -> bool:
    return file.endswith(".html")
