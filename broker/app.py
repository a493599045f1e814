"""The composition: builds every room from the settings, hands over by field, and mounts the routes."""

import contextlib
import platform
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, cast

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from broker import __version__, app_keys, discovery, log_request, telemetry
from broker.app_tiktok import connectors, webhook_keys
from broker.avatars.copier import Copier
from broker.avatars.endpoint import Avatars
from broker.claims import Claims
from broker.client_auth.authentication import Authentication
from broker.client_auth.directory import ClientDirectory
from broker.client_auth.jwks import KeySource
from broker.client_auth.possession import Possession
from broker.client_auth.refusals import Refusals
from broker.clock import Clock, stopwatch, system_clock
from broker.configuration.process import shared_counts
from broker.health import Health
from broker.housekeeping import Housekeeping
from broker.indices import Indices
from broker.introspection import Introspection
from broker.keys.ring import Ring
from broker.keys.rotation import Rotation
from broker.keys.signer import Signer
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
from broker.login.pages import loading
from broker.login.pages.rendering import Pages
from broker.login.permissions import Permissions
from broker.metrics import Metrics
from broker.outbound import Outbound, Reach, outbound_client
from broker.outbound_pictures import Pictures, pictures
from broker.outbox import Outbox
from broker.par import PushedRequests
from broker.rates.allowance import Allowance, Allowed
from broker.revocation import Revocation
from broker.sealing import Sealer
from broker.settings import Settings
from broker.status import StatusLists
from broker.store import avatars, deliveries, revocations, sessions
from broker.store.database import Database, connect
from broker.store.watched import WatchedDatabase
from broker.tokens.endpoint import TokenEndpoint
from broker.tokens.lifetimes import Lifetimes
from broker.upstream.http import upstream_client
from broker.userinfo import UserInfo
from broker.vault import Vault
from broker.vault_revoking import TikTokRevocation
from broker.web.documents import Document
from broker.web.errors import Json
from broker.web.middleware import Edge
from broker.webhook import Events, Webhook

_OPEN_PATHS = frozenset({"/token", "/userinfo", "/revoke"})


@contextlib.asynccontextmanager
async def running(
    settings: Settings, *, clock: Clock = system_clock, leaving: Leaving | None = None
) -> AsyncIterator[ASGIApp]:
    """The broker as an ASGI application, with everything it needs opened, and closed at the end.

    Whoever runs it as a process says by `leaving` when that is to end.

    Raises `BadPages`, `DatabaseUnavailable`, and `Unsealable` when the keys in the database belong to another
    secret key.
    """
    pages = loading.load(settings.templates)
    leaving = leaving or Leaving(settings.shutdown_drain, settings.shutdown_grace, stopwatch)
    async with contextlib.AsyncExitStack() as stack:
        connection = await connect(
            settings.database_url.reveal(),
            pool_size=settings.database_pool,
            statement_timeout=settings.database_statement_timeout,
            idle_timeout=settings.database_idle_timeout,
        )
        database = WatchedDatabase(connection, telemetry.DATABASE_BUSY.inc)
        stack.push_async_callback(database.close)
        telemetry.DATABASE_CONNECTIONS.set(settings.database_pool if database.dialect == "postgresql" else 1)
        telemetry.BUILD_INFO.labels(__version__, platform.python_version()).set(1)
        sealer = Sealer(settings.secret_keys)
        reach = Reach(
            private=settings.allow_private_callbacks,
            # Who tries everything out on one machine has the apps there, too.
            loopback=settings.allow_private_callbacks or settings.loopback,
        )
        rotation = app_keys.rotation(settings, database, clock)
        signer = Signer(await rotation.begin())
        rotation.followers.append(signer.use)
        upstream = await stack.enter_async_context(upstream_client())
        house = _House(
            settings=settings,
            clock=clock,
            database=database,
            sealer=sealer,
            claims=Claims(
                settings.issuer,
                signer,
                settings.signing_alg,
                settings.access_token_ttl,
                cast("Literal['copy', 'link', 'off']", settings.avatars),
                settings.status_list,
            ),
            directory=ClientDirectory(database, clock),
            indices=Indices(database, settings.status_list),
            pages=pages,
            vault=Vault(database, sealer, connectors(settings, upstream, clock), clock),
            leaving=leaving,
            allowance=Allowance(_allowed(settings), stopwatch),
            outbound=Outbound(await stack.enter_async_context(outbound_client(reach)), reach),
            pictures=await stack.enter_async_context(
                # Nobody but TikTok chooses these addresses: what apps may have inside is no matter.
                pictures(Reach(private=False, loopback=settings.simulator is not None))
            ),
        )
        kinds = {
            sessions.LOGOUT: house.logout_notice().deliver,
            deliveries.TIKTOK_EVENT: Events(database, clock).deliver,
            avatars.AVATAR: house.copier().deliver,
            revocations.TIKTOK_REVOCATION: TikTokRevocation(house.vault).deliver,
        }
        telemetry.begin_deliveries(kinds)
        outbox = Outbox(database, kinds, clock, leaving.patience)
        documents: dict[str, Document] = {}
        front_door = house.front_door(outbox, rotation, documents)
        if settings.status_list:
            lists = StatusLists(database, house.claims, house.indices, documents, clock)
            rotation.followers.append(lists.follow)
            await stack.enter_async_context(lists.working())
        await stack.enter_async_context(outbox.working())
        await stack.enter_async_context(rotation.working())
        housekeeping = Housekeeping(database, clock, stopwatch, settings.audit_retention)
        await stack.enter_async_context(housekeeping.working())
        yield front_door


@dataclass(frozen=True, slots=True)
class _House:
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
            inside=Router(routes, redirect_slashes=False, default=_no_such_page),
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


def _allowed(settings: Settings) -> Allowed | None:
    """Nothing is limited by itself where everybody has one address: on a loopback issuer."""
    if settings.limits == "off" or (settings.limits == "auto" and settings.loopback):
        return None
    return Allowed(
        address=settings.limits_address.requests,
        client=settings.limits_client.requests,
        failures=settings.limits_failures.requests,
    )


async def _no_such_page(scope: Scope, receive: Receive, send: Send) -> None:
    log_request.note_outcome("not_found")
    body = {"error": "not_found", "error_description": "There is nothing at this address."}
    await Json(body, 404)(scope, receive, send)
