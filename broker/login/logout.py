"""`GET/POST /logout`: an app signs its person out (OIDC RP-Initiated Logout 1.0).

With an ID token of ours as hint it is done at once, cookie or not. Without, a page asks first; its answer is
bound to the browser it was shown to. The browser goes back to the app only at an address registered for that.
"""

from dataclasses import dataclass
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broker import log, log_request, opaque
from broker.claims import Claims
from broker.claims_told import Hint, InvalidToken
from broker.client_auth.directory import Client, ClientDirectory
from broker.clock import Clock
from broker.login import refusals
from broker.login.browser import Browser
from broker.login.pages import rendering
from broker.login.pages.rendering import Pages
from broker.oauth import authorization_request, redirects
from broker.oauth.errors import OAuthError, invalid_request
from broker.oauth.parameters import Parameters
from broker.outbox import Outbox
from broker.sealing import Sealer, Unsealable
from broker.store import sessions
from broker.store.database import Database, DatabaseUnavailable, SchemaMismatch
from broker.web.requests import read_form, read_query

_log = log.get("logout")
# The number changes with what `_question` puts in.
_PURPOSE: Final = "sign-out question 2"
_QUESTION_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an app asked: which app, whom it means by the hint, and where to go afterwards."""

    client_id: str | None
    hint: Hint | None
    address: str | None
    state: str | None


@dataclass(frozen=True, slots=True)
class _Agreed:
    """What the person agreed to: where to go afterwards, which app had asked, and in which language."""

    address: str | None
    client_id: str | None
    language: str


@dataclass(frozen=True, slots=True)
class Logout:
    """Ends sessions of browsers; every client of the session is told through the outbox."""

    issuer: str
    database: Database
    directory: ClientDirectory
    claims: Claims
    browser: Browser
    pages: Pages
    sealer: Sealer
    outbox: Outbox
    clock: Clock

    def routes(self) -> list[Route]:
        """`GET /logout`, `POST /logout`, and `POST /logout/confirm` for the page that asks."""
        return [
            Route("/logout", self.visit, methods=["GET", "POST"]),
            Route("/logout/confirm", self.confirm, methods=["POST"]),
        ]

    async def visit(self, request: Request) -> Response:
        """By link or by form (RP-Initiated Logout §2)."""
        return await (self.post(request) if request.method == "POST" else self.get(request))

    async def get(self, request: Request) -> Response:
        """Signed out, or asked whether to be."""
        try:
            return await self._answer(request, read_query(request))
        except OAuthError as error:
            return self._refused(request, error)
        except (DatabaseUnavailable, SchemaMismatch) as error:
            return refusals.unavailable(self.pages, request, error)

    async def post(self, request: Request) -> Response:
        """The same for a form (RP-Initiated Logout §2)."""
        try:
            form = await read_form(request)
            if "id_token_hint" not in form and self.browser.session_cookie(request.cookies) is None:
                # SameSite=Lax keeps our cookies back from a POST of another site. A GET brings them.
                return _to(f"{self.issuer}/logout?{form.encoded()}")
            return await self._answer(request, form)
        except OAuthError as error:
            return self._refused(request, error)
        except (DatabaseUnavailable, SchemaMismatch) as error:
            return refusals.unavailable(self.pages, request, error)

    async def confirm(self, request: Request) -> Response:
        """The person agreed. The question must be one that we put to this browser."""
        try:
            question = (await read_form(request)).get("question", "")
            agreed = self._agreed(request, question)
            rendering.prefer(request, agreed.language)
            await self._end_session_of(request, agreed.client_id)
            return await self._signed_out(request, agreed.address)
        except OAuthError as error:
            return self._refused(request, error)
        except (DatabaseUnavailable, SchemaMismatch) as error:
            return refusals.unavailable(self.pages, request, error)

    async def _answer(self, request: Request, parameters: Parameters) -> Response:
        rendering.prefer(request, authorization_request.ui_locales(parameters))
        parameters.refuse_repeated()
        asked = await self._read(parameters)
        if asked.hint is None:
            return self.pages.sign_out_question(request, self._question(request, asked))
        if asked.hint.sid is not None:
            await self._end(request, asked.hint.sid, asked.hint.client_id)
        return await self._signed_out(request, _with_state(asked))

    async def _read(self, parameters: Parameters) -> _Asked:
        """RP-Initiated Logout §2, §3: everything is checked before anything is ended."""
        hint = self._hint(parameters.get("id_token_hint"))
        client_id = parameters.get("client_id")
        if hint is not None and client_id not in (None, hint.client_id):
            raise invalid_request("The client_id is not the one that the id_token_hint was issued to.")
        client_id = hint.client_id if hint is not None else client_id
        client = await self.directory.find(client_id) if client_id is not None else None
        address = parameters.get("post_logout_redirect_uri")
        if address is not None:
            if client is not None and address not in _registered(client):
                # The copy that was kept may be older than the address.
                client = await self.directory.recent(client.client_id)
            if address not in _registered(client):
                raise invalid_request(
                    "The post_logout_redirect_uri is not registered for this app, character for character."
                )
        if client is not None:
            log_request.note_client(client.client_id)
        return _Asked(client.client_id if client else None, hint, address, parameters.get("state"))

    def _hint(self, token: str | None) -> Hint | None:
        if token is None:
            return None
        try:
            return self.claims.read_hint(token)
        except InvalidToken as error:
            raise refusals.bad_hint(error) from None

    async def _end_session_of(self, request: Request, client_id: str | None) -> None:
        cookie = self.browser.session_cookie(request.cookies)
        if cookie is None:
            return
        session_id = await self.database.read(sessions.id_of, opaque.digest(cookie))
        if session_id is not None:
            await self._end(request, session_id, client_id)

    async def _end(self, request: Request, session_id: str, client_id: str | None) -> None:
        if await self.database.transact(
            sessions.end,
            session_id,
            reason="sign_out",
            client_id=client_id,
            request_id=request.scope["broker.request_id"],
            now=self.clock(),
        ):
            _log.info("session.ended", session_id=session_id)
            self.outbox.nudge()

    async def _signed_out(self, request: Request, address: str | None) -> Response:
        cookie = self.browser.session_cookie(request.cookies)
        still_here = cookie is not None and await self._is_live(cookie)
        if address is not None:
            response: Response = _to(address)
        elif still_here:
            response = self.pages.message(request, "signed_out_elsewhere", status=200)
        else:
            response = self.pages.message(request, "signed_out", status=200)
        # Only a session that is over is taken from the browser. Else anybody's ID token, or a form on a page that
        # nobody meant to send, would sign out whoever is signed in here (RP-Initiated Logout §6).
        if cookie is not None and not still_here:
            self.browser.forget_session(response)
        return response

    async def _is_live(self, cookie: str) -> bool:
        found = await self.database.read(sessions.find, opaque.digest(cookie), now=self.clock())
        return found is not None

    def _question(self, request: Request, asked: _Asked) -> str:
        """What the answer must bring back: sealed, for this browser's session only, and for ten minutes."""
        content = orjson.dumps([self.clock(), _with_state(asked), asked.client_id, self.pages.language(request)])
        return opaque.base64url(self.sealer.seal(content, purpose=_PURPOSE, row=self._browser_of(request)))

    def _agreed(self, request: Request, question: str) -> _Agreed:
        sealed = opaque.from_base64url(question)
        try:
            asked_at, address, client_id, language = orjson.loads(
                self.sealer.open(sealed or b"", purpose=_PURPOSE, row=self._browser_of(request))
            )
        except Unsealable:
            raise invalid_request("This answer does not belong to a question of ours in this browser.") from None
        if self.clock() >= asked_at + _QUESTION_SECONDS:
            raise invalid_request("The question was answered too late.")
        return _Agreed(address, client_id, language)

    def _browser_of(self, request: Request) -> str:
        cookie = self.browser.session_cookie(request.cookies)
        return opaque.digest(cookie).hex() if cookie else "nobody"

    def _refused(self, request: Request, error: OAuthError) -> Response:
        log_request.note_outcome(error.code)
        _log.info("logout.refused", error=error.code, description=error.description, detail=error.detail)
        return self.pages.message(
            request,
            "bad_sign_out",
            happened=error.description,
            status=413 if error.status == 413 else 400,
            code=error.code,
        )


def _registered(client: Client | None) -> tuple[str, ...]:
    return client.metadata.post_logout_redirect_uris if client and not client.disabled else ()


def _with_state(asked: _Asked) -> str | None:
    if asked.address is None or asked.state is None:
        return asked.address
    return redirects.with_answer(asked.address, {"state": asked.state})


def _to(address: str) -> Response:
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})
