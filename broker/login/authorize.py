"""`GET/POST /authorize`: from an app's request to a code, or to TikTok's page (RFC 6749 §4.1.1, OIDC Core §3.1.2).

Who is signed in here already is answered from the session, in one transaction. Everybody else goes to TikTok,
and nothing is written before they come back.
"""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broker import opaque
from broker.claims import Claims
from broker.claims_told import InvalidToken
from broker.client_auth.directory import ClientDirectory
from broker.clock import Clock
from broker.login import answers, refusals
from broker.login import request as requests
from broker.login.browser import Browser
from broker.login.codes import Codes
from broker.login.departure import Departure
from broker.login.pages import rendering
from broker.login.pages.rendering import Pages
from broker.login.request import Asked
from broker.login.started import Login, new_name, new_verifier
from broker.oauth import authorization_request
from broker.oauth.authorization_request import AuthorizationRequest
from broker.oauth.errors import (
    OAuthError,
    consent_required,
    invalid_request,
    login_required,
    unauthorized_client,
)
from broker.oauth.parameters import Parameters
from broker.rates.allowance import Allowance
from broker.store import sessions
from broker.store.database import Database, DatabaseUnavailable, SchemaMismatch
from broker.store.sessions import LiveSession
from broker.store.sign_ins import LoginSpent, SessionOver
from broker.web.requests import read_address, read_form_as_sent, read_query

_PLACE: Final = "/authorize"


@dataclass(frozen=True, slots=True)
class Authorize:
    """Answers apps."""

    issuer: str
    database: Database
    directory: ClientDirectory
    claims: Claims
    browser: Browser
    codes: Codes
    departure: Departure
    pages: Pages
    allowance: Allowance
    clock: Clock

    def routes(self) -> list[Route]:
        """`GET /authorize` and `POST /authorize`."""
        return [Route("/authorize", self.visit, methods=["GET", "POST"])]

    async def visit(self, request: Request) -> Response:
        """An answer for the app, or on to TikTok; a page when the app is not known to be one.

        A form says the same as a query (OIDC Core §3.1.2.1).
        """
        posted = request.method == "POST"
        try:
            self.allowance.visit(_PLACE, read_address(request))
            parameters = await read_form_as_sent(request) if posted else read_query(request)
        except OAuthError as error:
            return refusals.shown(self.pages, request, error)
        if posted and self.browser.session_cookie(request.cookies) is None:
            # SameSite=Lax keeps our cookies back from a POST of another site. A GET brings them.
            address = f"{self.issuer}/authorize?{parameters.encoded()}"
            return RedirectResponse(address, 303, {"Cache-Control": "no-store"})
        return await self._answer(request, parameters)

    async def _answer(self, request: Request, parameters: Parameters) -> Response:
        rendering.prefer(request, authorization_request.ui_locales(parameters))
        try:
            asked = await requests.read(parameters, self.directory, self.database, now=self.clock())
            self.allowance.visit_for(asked.client.client_id, _PLACE, read_address(request))
        except OAuthError as error:
            return refusals.shown(self.pages, request, error)
        except (DatabaseUnavailable, SchemaMismatch) as error:
            return refusals.unavailable(self.pages, request, error)
        rendering.prefer(request, authorization_request.ui_locales(asked.parameters))
        try:
            return await self._decide(request, asked)
        except OAuthError as error:
            return answers.with_error(self.pages, request, asked.reply_to, error, issuer=self.issuer)

    async def _decide(self, request: Request, asked: Asked) -> Response:
        metadata = asked.client.metadata
        wanted = authorization_request.read(asked.parameters, metadata)
        if metadata.require_pushed_authorization_requests and asked.pushed is None:
            # RFC 9126 §5.
            raise invalid_request("This app must push its requests to /par.")
        expected = self._expected_user(wanted, asked.client.client_id)
        session = await self._session(request, metadata.registration)
        try:
            return await self._settle(request, asked, wanted, expected, session)
        except OAuthError as error:
            # Of strangers there is no row, of somebody whom TikTok vouched for there is. An outage is no refusal.
            if session is not None and error.status < 500:
                await self._keep_refusal(request, asked, session, error)
            raise

    async def _settle(
        self,
        request: Request,
        asked: Asked,
        wanted: AuthorizationRequest,
        expected: str | None,
        session: LiveSession | None,
    ) -> Response:
        metadata = asked.client.metadata
        shared = session is None or set(metadata.required_tiktok_scopes) <= set(session.tiktok_scope.split())
        if session is not None and shared and self._suffices(session, wanted):
            if expected not in (None, session.user_id):
                # OIDC Core §3.1.2.2: the hint is at somebody who is not the one signed in.
                raise login_required("Somebody else than the app expects is signed in.")
            try:
                return await self._resume(request, asked, wanted, session)
            except SessionOver:
                session = None
        if "none" in wanted.prompts:
            if not shared:
                raise consent_required("The person has not allowed what this app requires of TikTok.")
            raise login_required("Nobody is signed in, and the app asked not to show a sign-in page.")
        # TikTok remembers people for far longer than any `max_age`, so from its memory no `auth_time` is truthful.
        # Nor would it ask by itself for what a person has left out before.
        anew = bool(wanted.prompts) or wanted.max_age is not None or not shared
        return self._to_tiktok(request, asked, wanted, expected, anew=anew)

    def _expected_user(self, wanted: AuthorizationRequest, client_id: str) -> str | None:
        if wanted.id_token_hint is None:
            return None
        try:
            hint = self.claims.read_hint(wanted.id_token_hint)
        except InvalidToken as error:
            raise refusals.bad_hint(error) from None
        if hint.client_id != client_id:
            raise invalid_request("The id_token_hint was issued to another app.")
        return hint.sub

    async def _session(self, request: Request, registration: str) -> LiveSession | None:
        """Who is signed in through the registration of this app; a cookie that opens nothing is no error."""
        cookie = self.browser.session_cookie(request.cookies)
        if cookie is None:
            return None
        try:
            found = await self.database.read(sessions.find, opaque.digest(cookie), now=self.clock())
        except (DatabaseUnavailable, SchemaMismatch) as error:
            raise refusals.without_database(error) from error
        return found if found is not None and found.registration == registration else None

    async def _keep_refusal(self, request: Request, asked: Asked, session: LiveSession, error: OAuthError) -> None:
        try:
            await self.codes.refused(request, asked.client.client_id, session, error.code)
        except (DatabaseUnavailable, SchemaMismatch) as unavailable:
            raise refusals.without_database(unavailable) from unavailable

    def _suffices(self, session: LiveSession, wanted: AuthorizationRequest) -> bool:
        if wanted.prompts - {"none"}:
            return False
        return wanted.max_age is None or self.clock() - session.auth_time < wanted.max_age

    async def _resume(
        self, request: Request, asked: Asked, wanted: AuthorizationRequest, session: LiveSession
    ) -> Response:
        try:
            code = await self.codes.from_session(request, asked, wanted, session)
        except LoginSpent:
            if asked.pushed is None:
                raise unauthorized_client("The app may not sign people in any more.") from None
            raise invalid_request("The pushed request was used before.") from None
        except (DatabaseUnavailable, SchemaMismatch) as error:
            raise refusals.without_database(error) from error
        return answers.with_code(self.pages, request, asked.reply_to, code, issuer=self.issuer)

    def _to_tiktok(
        self,
        request: Request,
        asked: Asked,
        wanted: AuthorizationRequest,
        expected: str | None,
        *,
        anew: bool,
    ) -> Response:
        metadata = asked.client.metadata
        self.departure.demand(metadata.registration, metadata.required_tiktok_scopes)
        login = self._begin(asked, wanted, metadata.registration, expected)
        return self.departure.begin(request, login, force_consent=anew)

    def _begin(self, asked: Asked, wanted: AuthorizationRequest, registration: str, expected: str | None) -> Login:
        return Login(
            name=new_name(),
            verifier_bytes=new_verifier(),
            started_at=self.clock(),
            registration=registration,
            client_id=asked.client.client_id,
            redirect_uri=asked.reply_to.redirect_uri,
            response_mode=asked.reply_to.response_mode,
            state=asked.reply_to.state,
            code_challenge=wanted.code_challenge,
            code_jkt=wanted.code_jkt,
            nonce=wanted.nonce,
            scope=wanted.scope,
            expected_user=expected,
            pushed=opaque.base64url(asked.pushed) if asked.pushed else None,
            language=self.pages.languages.wished(authorization_request.ui_locales(asked.parameters)),
            missing=(),
            resources=wanted.resources,
        )
