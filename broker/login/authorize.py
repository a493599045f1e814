"""`GET /authorize`: from an app's request to TikTok's page (RFC 6749 §4.1.1). Nothing is written anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from broker.client_auth import ClientDirectory
from broker.clock import Clock
from broker.login import refusals
from broker.login import request as authorization_request
from broker.login.browser import Browser, Login, new_login_id, new_verifier
from broker.login.request import AuthorizationRequest
from broker.oauth.errors import OAuthError, server_error
from broker.store.database import DatabaseUnavailable, SchemaMismatch
from broker.upstream.tiktok import TikTok
from broker.web.requests import read_query


@dataclass(frozen=True, slots=True)
class Authorize:
    """Sends browsers to TikTok. `callbacks` are our redirect URIs at TikTok, by registration."""

    issuer: str
    directory: ClientDirectory
    browser: Browser
    tiktok: Mapping[str, TikTok]
    callbacks: Mapping[str, str]
    clock: Clock

    def routes(self) -> list[Route]:
        """`GET /authorize`."""
        return [Route("/authorize", self.get, methods=["GET"])]

    async def get(self, request: Request) -> Response:
        """302 to TikTok; or 302 to the app with an error, or a page when the app is not known to be one."""
        try:
            parameters = read_query(request)
            reply_to = await authorization_request.read_reply_to(parameters, self.directory)
        except OAuthError as error:
            return refusals.shown(request, error)
        except (DatabaseUnavailable, SchemaMismatch) as error:
            return refusals.unavailable(request, error)
        try:
            return self._to_tiktok(request, authorization_request.read(parameters, reply_to))
        except OAuthError as error:
            return refusals.redirected(reply_to.redirect_uri, reply_to.state, error, issuer=self.issuer)

    def _to_tiktok(self, request: Request, asked: AuthorizationRequest) -> Response:
        registration = asked.reply_to.client.metadata.registration
        tiktok = self.tiktok.get(registration)
        if tiktok is None:
            raise server_error("This app is bound to a TikTok registration that is not configured.")
        login = self._begin(asked, registration)
        address = tiktok.authorization_url(
            state=self.browser.state_for(login),
            redirect_uri=self.callbacks[registration],
            verifier=login.verifier,
            force_consent=asked.force_consent,
        )
        response = RedirectResponse(address, 302, {"Cache-Control": "no-store"})
        self.browser.keep(response, login, request.cookies)
        return response

    def _begin(self, asked: AuthorizationRequest, registration: str) -> Login:
        return Login(
            id=new_login_id(),
            verifier_bytes=new_verifier(),
            started_at=self.clock(),
            registration=registration,
            client_id=asked.reply_to.client.client_id,
            redirect_uri=asked.reply_to.redirect_uri,
            state=asked.reply_to.state,
            code_challenge=asked.code_challenge,
            nonce=asked.nonce,
            scope=asked.scope,
            resources=asked.resources,
        )
