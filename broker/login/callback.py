"""`GET /callback/tiktok`: TikTok's answer, taken only for a login begun in this browser.

The order is: whose login is it, what did TikTok say, who is it, and then everything in one transaction. No
transaction is open while TikTok is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker import log_request, telemetry
from broker.client_auth.directory import Client, ClientDirectory
from broker.clock import Clock
from broker.login import answers, refusals
from broker.login.addresses import CALLBACK_PATH
from broker.login.astray import Astray
from broker.login.browser import Browser
from broker.login.codes import Codes
from broker.login.pages import rendering
from broker.login.pages.rendering import Pages
from broker.login.permissions import Permissions
from broker.login.request import ReplyTo
from broker.login.started import Login
from broker.oauth.errors import OAuthError, access_denied, login_required, server_error
from broker.oauth.parameters import Parameters
from broker.store.database import DatabaseUnavailable, SchemaMismatch
from broker.store.sign_ins import Blocked, LoginSpent, SomebodyElse, TakenBack
from broker.upstream.connector import NotShared, SignedIn, UpstreamError
from broker.upstream.tiktok import TikTok
from broker.web import upstream_errors
from broker.web.requests import read_query


@dataclass(frozen=True, slots=True)
class Callback:
    """Finishes logins. `callbacks` are our redirect URIs at TikTok, by registration."""

    issuer: str
    directory: ClientDirectory
    browser: Browser
    codes: Codes
    permissions: Permissions
    astray: Astray
    pages: Pages
    tiktok: Mapping[str, TikTok]
    callbacks: Mapping[str, str]
    clock: Clock

    def routes(self) -> list[Route]:
        """`GET /callback/tiktok`, and one with its name for each further registration."""
        return [
            Route(CALLBACK_PATH, self.get, methods=["GET"]),
            Route(CALLBACK_PATH + "/{registration}", self.get, methods=["GET"]),
        ]

    async def get(self, request: Request) -> Response:
        """An answer for the app with a code or an error; a page when no login of this browser belongs to it."""
        try:
            parameters = read_query(request)
            state = parameters.get("state", "")
            parameters.refuse_malformed()
        except OAuthError as error:
            return refusals.shown(self.pages, request, error)
        login = self.browser.find(request.cookies, state, now=self.clock())
        registration = request.path_params.get("registration", "default")
        if login is None or login.missing or login.registration != registration:
            return await self.astray.page(request, state, registration)
        telemetry.LOGINS_RETURNED.labels(login.registration).inc()
        log_request.note_client(login.client_id)
        rendering.prefer(request, login.language)
        reply_to = ReplyTo(login.client_id, login.redirect_uri, login.response_mode, login.state)
        try:
            response = await self._finish(request, parameters, login, reply_to)
        except LoginSpent:
            response = await self.astray.page(request, state, registration)
        except OAuthError as error:
            response = answers.with_error(self.pages, request, reply_to, error, issuer=self.issuer)
        self.browser.forget(response, login)
        return response

    async def _finish(self, request: Request, parameters: Parameters, login: Login, reply_to: ReplyTo) -> Response:
        client = await self._client_of(login)
        required = client.metadata.required_tiktok_scopes
        asked_at = self.clock()
        try:
            signed_in = await self._ask_tiktok(parameters, login, required)
        except NotShared as error:
            refusal = upstream_errors.told(error, login.registration)
            if not required:
                raise refusal from error
            return self.permissions.ask(request, login, error.scopes, app=client.metadata.client_name)
        except UpstreamError as error:
            raise upstream_errors.told(error, login.registration) from error
        old_cookie = self.browser.session_cookie(request.cookies)
        try:
            outcome = await self.codes.from_tiktok(
                request, login, signed_in, asked_at=asked_at, old_cookie=old_cookie
            )
        except SomebodyElse:
            raise login_required("Somebody else than the app expects has signed in.") from None
        except TakenBack:
            raise access_denied("The consent was taken back at TikTok in the meantime.") from None
        except (DatabaseUnavailable, SchemaMismatch) as error:
            raise refusals.without_database(error) from error
        if isinstance(outcome, Blocked):
            raise access_denied("This account has been blocked by the operator of the service.")
        response = answers.with_code(self.pages, request, reply_to, outcome.code, issuer=self.issuer)
        self.browser.remember_session(response, outcome.session_cookie)
        return response

    async def _client_of(self, login: Login) -> Client:
        """The app as it is registered now. Raises `LoginSpent` when it is not welcome any more."""
        try:
            client = await self.directory.find(login.client_id)
        except (DatabaseUnavailable, SchemaMismatch) as error:
            raise refusals.without_database(error) from error
        if client is None or client.disabled:
            raise LoginSpent
        if client.metadata.registration != login.registration:
            raise server_error("This app has been moved to another TikTok registration; start again.")
        return client

    async def _ask_tiktok(self, parameters: Parameters, login: Login, required: tuple[str, ...]) -> SignedIn:
        tiktok = self.tiktok.get(login.registration)
        if tiktok is None:
            raise upstream_errors.no_such_registration(login.registration)
        return await tiktok.sign_in(
            tiktok.read_callback(parameters),
            verifier=login.verifier,
            redirect_uri=self.callbacks[login.registration],
            required=required,
        )
