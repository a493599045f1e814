"""The composition: opens what the rooms use, starts what goes on beside the requests, and closes all of it."""

import contextlib
import platform
from collections.abc import AsyncIterator

from starlette.types import ASGIApp

from broker import __version__, app_keys, telemetry
from broker.app_rooms import House
from broker.app_tiktok import connectors
from broker.claims import Claims
from broker.client_auth.directory import ClientDirectory
from broker.clock import Clock, stopwatch, system_clock
from broker.housekeeping import Housekeeping
from broker.indices import Indices
from broker.keys.signer import Signer
from broker.leaving import Leaving
from broker.login.pages import loading
from broker.outbound import Outbound, Reach, outbound_client
from broker.outbound_pictures import pictures
from broker.outbox import Outbox
from broker.rates.allowance import Allowance, Allowed
from broker.sealing import Sealer
from broker.settings import Settings
from broker.status import StatusLists
from broker.store import avatars, deliveries, revocations, sessions
from broker.store.database import connect
from broker.store.watched import WatchedDatabase
from broker.upstream.http import upstream_client
from broker.vault import Vault
from broker.vault_revoking import TikTokRevocation
from broker.web.documents import Document
from broker.webhook import Events


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
        house = House(
            settings=settings,
            clock=clock,
            database=database,
            sealer=sealer,
            claims=Claims(
                settings.issuer,
                signer,
                settings.signing_alg,
                settings.access_token_ttl,
                settings.avatars,
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


def _allowed(settings: Settings) -> Allowed | None:
    """Nothing is limited by itself where everybody has one address: on a loopback issuer."""
    if settings.limits == "off" or (settings.limits == "auto" and settings.loopback):
        return None
    return Allowed(
        address=settings.limits_address.requests,
        client=settings.limits_client.requests,
        failures=settings.limits_failures.requests,
    )
