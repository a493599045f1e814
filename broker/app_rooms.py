"""Every room, built of what the rooms share and handed over by field, and their routes."""

from dataclasses import dataclass

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from broker import discovery, log_request
from broker.app_tiktok import webhook_keys
from broker.avatars.copier import Copier
from broker.avatars.endpoint import Avatars
from broker.claims import Claims
from broker.client_auth.authentication import Authentication
from broker.client_auth.directory import ClientDirectory
from broker.client_auth.jwks import KeySource
from broker.client_auth.possession import Possession
from broker.client_auth.refusals import Refusals
from broker.clock import Clock, stopwatch
from broker.configuration.process import shared_counts
from broker.health import Health
from broker.indices import Indices
from broker.introspection import Introspection
from broker.keys.ring import Ring
from broker.keys.rotation import Rotation
from broker.leaving import Leaving
from broker.login.addresses import callback_address
from broker.login.astray import Astray
from broker.login.authorize import Authorize
from broker.login.browser import Browser
from broker.login.callback import Callback
from broker.login.codes import Codes
from broker.login.codes import Lifetimes as SignInLifetimes
from broker.login.departure import Departure
from broker.login.logout import Logout
from broker.login.notice import LogoutNotice
from broker.login.pages.rendering import Pages
from broker.login.permissions import Permissions
from broker.metrics import Metrics
from broker.outbound import Outbound
from broker.outbound_pictures import Pictures
from broker.outbox import Outbox
from broker.par import PushedRequests
from broker.rates.allowance import Allowance
from broker.revocation import Revocation
from broker.sealing import Sealer
from broker.settings import Settings
from broker.store.database import Database
from broker.tokens.endpoint import TokenEndpoint
from broker.tokens.lifetimes import Lifetimes
from broker.userinfo import UserInfo
from broker.vault import Vault
from broker.web.documents import Document
from broker.web.errors import Json
from broker.web.middleware import Edge
from broker.web.routing import router
from broker.webhook import Webhook

_OPEN_PATHS = frozenset({"/token", "/userinfo", "/revoke"})


@dataclass(frozen=True, slots=True)
class House:
    """What the rooms share."""

    settings: Settings
    clock: Clock
    database: Database
    sealer: Sealer
    claims: Claims
    directory: ClientDirectory
    indices: Indices
    pages: Pages
    vault: Vault
    leaving: Leaving
    allowance: Allowance
    outbound: Outbound
    pictures: Pictures

    def copier(self) -> Copier:
        """What copies pictures of people."""
        return Copier(self.database, self.pictures, self.settings.simulator, self.clock)

    def logout_notice(self) -> LogoutNotice:
        """What tells apps that a session is over."""
        return LogoutNotice(self.directory, self.claims, self.outbound, self.clock)

    def front_door(self, outbox: Outbox, rotation: Rotation, documents: dict[str, Document]) -> ASGIApp:
        """Every room, mounted; the key set among the `documents` follows the keys."""
        settings = self.settings
        routes = [
            *self._browser_routes(outbox),
            *self._back_channel_routes(),
            *Webhook(webhook_keys(settings), self.database, outbox, self.allowance, self.clock).routes(),
            *(Avatars(self.database).routes() if settings.avatars != "off" else ()),
            *Health(self.database, self.claims, self.leaving, self.clock).routes(),
            *Metrics(settings.metrics_token, self.database, shared_counts(), self.clock).routes(),
        ]
        documents.update(discovery.documents(settings.issuer, languages=self.pages.languages.tags))

        def publish(ring: Ring) -> None:
            documents.update(discovery.key_set(ring, max_age=settings.jwks_max_age))

        publish(rotation.ring)
        rotation.followers.append(publish)
        return Edge(
            inside=router(routes, otherwise=_no_such_page),
            stopwatch=stopwatch,
            documents=documents,
            open_paths=_OPEN_PATHS,
            https=settings.secure,
        )

    def _browser_routes(self, outbox: Outbox) -> list[Route]:
        settings, issuer = self.settings, self.settings.issuer
        browser = Browser(self.sealer, settings.secure, settings.login_ttl, settings.session_max_ttl)
        tiktok = self.vault.tiktok
        callbacks = {name: callback_address(issuer, name) for name in tiktok}
        lifetimes = SignInLifetimes(
            code=settings.code_ttl,
            session=settings.session_ttl,
            session_max=settings.session_max_ttl,
            grant=settings.grant_ttl,
        )
        codes = Codes(self.database, self.vault, self.indices, lifetimes, settings.avatars, outbox, self.clock)
        departure = Departure(browser, tiktok, callbacks)
        authorize = Authorize(
            issuer=issuer,
            database=self.database,
            directory=self.directory,
            claims=self.claims,
            browser=browser,
            codes=codes,
            departure=departure,
            pages=self.pages,
            allowance=self.allowance,
            clock=self.clock,
        )
        astray = Astray(issuer, self.directory, browser, self.pages, tiktok)
        permissions = Permissions(issuer, browser, departure, astray, self.pages, self.clock)
        callback = Callback(
            issuer=issuer,
            directory=self.directory,
            browser=browser,
            codes=codes,
            permissions=permissions,
            astray=astray,
            pages=self.pages,
            tiktok=tiktok,
            callbacks=callbacks,
            clock=self.clock,
        )
        logout = Logout(
            issuer=issuer,
            database=self.database,
            directory=self.directory,
            claims=self.claims,
            browser=browser,
            pages=self.pages,
            sealer=self.sealer,
            outbox=outbox,
            clock=self.clock,
        )
        return [*authorize.routes(), *permissions.routes(), *callback.routes(), *logout.routes()]

    def _back_channel_routes(self) -> list[Route]:
        settings, issuer = self.settings, self.settings.issuer
        authentication = Authentication(
            issuer, self.directory, KeySource(self.outbound), self.database, self.allowance, self.clock
        )
        possession = Possession(issuer, self.database, self.clock)
        refusals = Refusals(self.database, self.clock)
        lifetimes = Lifetimes(
            access_token=settings.access_token_ttl,
            refresh_token=settings.refresh_token_ttl,
            grace=settings.refresh_grace,
            session=settings.session_ttl,
            session_max=settings.session_max_ttl,
            grant=settings.grant_ttl,
        )
        tokens = TokenEndpoint(
            database=self.database,
            authentication=authentication,
            possession=possession,
            refusals=refusals,
            claims=self.claims,
            vault=self.vault,
            indices=self.indices,
            lifetimes=lifetimes,
            avatars=settings.avatars,
            allowance=self.allowance,
            clock=self.clock,
        )
        introspection = Introspection(self.database, authentication, refusals, self.claims, self.clock)
        return [
            *PushedRequests(
                self.database, authentication, possession, refusals, self.allowance, self.clock
            ).routes(),
            *tokens.routes(),
            *UserInfo(issuer, self.database, self.claims, possession, self.clock).routes(),
            *introspection.routes(),
            *Revocation(self.database, authentication, refusals, self.claims, self.clock).routes(),
        ]


async def _no_such_page(scope: Scope, receive: Receive, send: Send) -> None:
    log_request.note_outcome("not_found")
    body = {"error": "not_found", "error_description": "There is nothing at this address."}
    await Json(body, 404)(scope, receive, send)
