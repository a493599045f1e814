"""`POST /authorize/again`: what a person decides who left out a permission that the app requires.

After TikTok's answer the page names what is missing, and why; nothing is stored. The login that came back is over.
Its request waits in the browser as another login, of which TikTok has heard nothing, so that no answer of TikTok's
fits it: only the page knows its name, and only this browser has it. Either button spends it.
"""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.clock import Clock
from broker.login import answers, refusals
from broker.login.astray import Astray
from broker.login.browser import Browser
from broker.login.departure import Departure
from broker.login.pages import rendering
from broker.login.pages.rendering import Pages
from broker.login.request import ReplyTo
from broker.login.started import Login
from broker.oauth.errors import OAuthError, access_denied
from broker.web.requests import read_form

PATH: Final = "/authorize/again"
_AGAIN: Final = "continue"


@dataclass(frozen=True, slots=True)
class Permissions:
    """Asks for the permissions that were left out, and goes where the person decides."""

    issuer: str
    browser: Browser
    departure: Departure
    astray: Astray
    pages: Pages
    clock: Clock

    def routes(self) -> list[Route]:
        """`POST /authorize/again`, for the page that asks."""
        return [Route(PATH, self.post, methods=["POST"])]

    def ask(self, request: Request, login: Login, missing: tuple[str, ...], *, app: str) -> Response:
        """The page for the app of this name. Raises `OAuthError`, to be sent to the app, for want of room."""
        waiting = login.anew(now=self.clock(), missing=missing)
        page = self.pages.permissions(request, app=app, scopes=missing, login=self.browser.state_for(waiting))
        try:
            self.browser.keep(page, waiting, request.cookies, in_place_of=login)
        except OAuthError as error:
            # A request as large as can be, and more scopes than TikTok has for signing in.
            raise _refused(missing) from error
        return page

    async def post(self, request: Request) -> Response:
        """303 to TikTok's consent page, or an answer for the app; a page when no such question is open here."""
        try:
            form = await read_form(request)
            state, choice = form.get("login", ""), form.get("choice", "")
        except OAuthError as error:
            return refusals.shown(self.pages, request, error)
        login = self.browser.find(request.cookies, state, now=self.clock())
        if login is None or not login.missing:
            return await self.astray.page(request, state, "")
        rendering.prefer(request, login.language)
        try:
            response = self._decided(request, login, choice)
        except OAuthError as error:
            reply_to = ReplyTo(login.client_id, login.redirect_uri, login.response_mode, login.state)
            response = answers.with_error(self.pages, request, reply_to, error, issuer=self.issuer)
        self.browser.forget(response, login)
        return response

    def _decided(self, request: Request, login: Login, choice: str) -> Response:
        if choice != _AGAIN:
            raise _refused(login.missing)
        again = login.anew(now=self.clock())
        # Without its consent page TikTok would answer at once, and the same as before.
        return self.departure.begin(request, again, force_consent=True, in_place_of=login)


def _refused(missing: tuple[str, ...]) -> OAuthError:
    return access_denied(f"The person did not allow what this app requires: {', '.join(missing)}.")
