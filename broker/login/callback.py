"""`GET /callback/tiktok`: TikTok's answer, taken only for a login begun in this browser.

The order is: whose login is it, what did TikTok say, who is it, and then everything in one transaction. No
transaction is open while TikTok is asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker import opaque
from broker.client_auth import ClientDirectory
from broker.clock import Clock
from broker.login import refusals
from broker.login.addresses import CALLBACK_PATH
from broker.login.browser import Browser, Login
from broker.login.pages.rendering import Link
from broker.oauth.errors import OAuthError, access_denied, server_error, temporarily_unavailable
from broker.oauth.parameters import Parameters
from broker.sealing import Sealer
from broker.store import sign_ins
from broker.store.accounts import Authorization
from broker.store.database import Database, DatabaseUnavailable, SchemaMismatch
from broker.store.grants import NewGrant
from broker.store.sessions import Session
from broker.store.sign_ins import Blocked, LoginSpent, SignIn
from broker.store.users import Profile
from broker.upstream.connector import SignedIn, TokenPair, UpstreamError
from broker.upstream.tiktok import TikTok
from broker.web.requests import read_query

_TOKENS_PURPOSE = "tiktok tokens"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long what a sign-in begins may live, in seconds."""

    code: int
    session: int
    session_max: int
    grant: int


@dataclass(frozen=True, slots=True)
class Callback:
    """Finishes logins. `callbacks` are our redirect URIs at TikTok, by registration."""

    issuer: str
    database: Database
    directory: ClientDirectory
    browser: Browser
    sealer: Sealer
    tiktok: Mapping[str, TikTok]
    callbacks: Mapping[str, str]
    lifetimes: Lifetimes
    clock: Clock

    def routes(self) -> list[Route]:
        """`GET /callback/tiktok`, and one with its name for each further registration."""
        return [
            Route(CALLBACK_PATH, self.get, methods=["GET"]),
            Route(CALLBACK_PATH + "/{registration}", self.get, methods=["GET"]),
        ]

    async def get(self, request: Request) -> Response:
        """302 to the app with a code or an error; a page when no login of this browser belongs to the answer."""
        try:
            parameters = read_query(request)
            state = parameters.get("state", "")
            parameters.refuse_malformed()
        except OAuthError as error:
            return refusals.shown(request, error)
        login = self.browser.find(request.cookies, state, now=self.clock())
        if login is None or login.registration != request.path_params.get("registration", "default"):
            return refusals.lost(request, await self._way_back(state))
        try:
            response = await self._finish(request, parameters, login)
        except LoginSpent:
            response = refusals.lost(request, await self._way_back(state))
        except OAuthError as error:
            response = refusals.redirected(login.redirect_uri, login.state, error, issuer=self.issuer)
        self.browser.forget(response, login)
        return response

    async def _finish(self, request: Request, parameters: Parameters, login: Login) -> Response:
        signed_in = await self._ask_tiktok(parameters, login)
        code, cookie = opaque.secret("brc_"), opaque.secret()
        sign_in = self._sign_in(request, login, signed_in, code=code, cookie=cookie)
        try:
            outcome = await self.database.transact(sign_ins.record, sign_in, now=sign_in.session.auth_time)
        except (DatabaseUnavailable, SchemaMismatch) as error:
            raise temporarily_unavailable(
                "The service cannot finish this right now.", detail=str(error)
            ) from error
        if isinstance(outcome, Blocked):
            raise access_denied("This account has been blocked by the operator of the service.")
        response = refusals.to_app(login.redirect_uri, {"code": code}, login.state, issuer=self.issuer)
        self.browser.remember_session(response, cookie)
        return response

    async def _ask_tiktok(self, parameters: Parameters, login: Login) -> SignedIn:
        tiktok = self.tiktok.get(login.registration)
        if tiktok is None:
            raise server_error("This app is bound to a TikTok registration that is not configured.")
        try:
            return await tiktok.sign_in(
                tiktok.read_callback(parameters),
                verifier=login.verifier,
                redirect_uri=self.callbacks[login.registration],
            )
        except UpstreamError as error:
            raise refusals.from_upstream(error, login.registration) from error

    def _sign_in(self, request: Request, login: Login, signed_in: SignedIn, *, code: str, cookie: str) -> SignIn:
        now = self.clock()
        identity, tokens, lives = signed_in.identity, signed_in.tokens, self.lifetimes
        return SignIn(
            profile=Profile(identity.union_id, identity.display_name, identity.username, identity.avatar_url),
            authorization=Authorization(
                registration=login.registration,
                open_id=identity.open_id,
                granted_scope=" ".join(tokens.scopes),
                sealed_tokens=self._sealed(tokens, login.registration, identity.open_id),
                access_expires_at=tokens.access_expires_at,
                refresh_expires_at=tokens.refresh_expires_at,
            ),
            session=Session(
                id=opaque.identifier("ses_"),
                cookie_digest=opaque.digest(cookie),
                auth_time=now,
                expires_at=now + lives.session,
                max_expires_at=now + lives.session_max,
            ),
            grant=NewGrant(
                id=opaque.identifier(),
                client_id=login.client_id,
                login_digest=login.digest,
                code_digest=opaque.digest(code),
                code_expires_at=now + lives.code,
                redirect_uri=login.redirect_uri,
                code_challenge=login.code_challenge,
                nonce=login.nonce,
                scope=" ".join(login.scope),
                resources=" ".join(login.resources),
                offline="offline_access" in login.scope,
                auth_time=now,
                expires_at=now + lives.grant,
            ),
            request_id=request.scope["broker.request_id"],
        )

    def _sealed(self, tokens: TokenPair, registration: str, open_id: str) -> bytes:
        """Both TikTok tokens in one sealed value, bound to the account (registration and `open_id`)."""
        pair = [tokens.access_token.reveal(), tokens.refresh_token.reveal()]
        return self.sealer.seal(orjson.dumps(pair), purpose=_TOKENS_PURPOSE, row=f"{registration} {open_id}")

    async def _way_back(self, state: str) -> Link | None:
        """A link to the app that TikTok's `state` names, when it has told us its address."""
        app = self.browser.app_of(state)
        try:
            client = await self.directory.find(app) if app else None
        except (DatabaseUnavailable, SchemaMismatch):
            # The page says what happened without the link, too.
            return None
        if client is None or client.metadata.client_uri is None:
            return None
        return Link(client.metadata.client_uri, f"Back to {client.metadata.client_name or 'the app'}")
