"""All checks in their order. One that cannot be made is a fault of its own, and the others go on."""

from collections.abc import AsyncIterator

from broker.cli.doctor import apps, data, durability, imports, keys, online, pages, rules
from broker.cli.doctor.findings import Finding, fault_from
from broker.cli.faults import explained
from broker.clock import Clock
from broker.keys.schedule import SIGN, State, standings
from broker.settings import Settings
from broker.store import clients
from broker.store import keys as key_rows
from broker.store.database import Database, DatabaseUnavailable, SchemaMismatch, connect
from broker.upstream.http import upstream_transport


async def examined(settings: Settings, clock: Clock, *, ask: bool) -> AsyncIterator[Finding]:
    """Every finding, as it is made. `ask`: TikTok and the issuer, too."""
    for finding in (*rules.findings(settings), *pages.findings(settings.templates)):
        yield finding
    found = data.not_made_yet(settings.database_url)
    known: online.Known | None = None
    if found is not None:
        yield found
    else:
        try:
            database = await connect(settings.database_url.reveal(), pool_size=1)
            try:
                async for finding in _of_database(database, settings, clock, resolve=ask):
                    yield finding
                known = await _known(database, clock()) if ask else None
            finally:
                await database.close()
        except (DatabaseUnavailable, SchemaMismatch) as error:
            yield fault_from(data.CHECK, explained(error) or "", "Check BROKER_DATABASE_URL.")
    if ask:
        async with upstream_transport() as transport:
            async for finding in online.findings(transport, settings, known, clock):
                yield finding


async def _of_database(
    database: Database, settings: Settings, clock: Clock, *, resolve: bool
) -> AsyncIterator[Finding]:
    at_head = True
    async for finding in data.findings(database, settings.database_url, clock):
        at_head = at_head and not (finding.check == data.REVISION and finding.outcome == "fault")
        yield finding
    if not at_head:
        return
    sound = True
    async for finding in durability.findings(database, settings.database_url):
        sound = sound and not (finding.check == durability.SOUNDNESS and finding.outcome == "fault")
        yield finding
    if not sound:
        return
    async for finding in keys.findings(database, settings, now=clock()):
        yield finding
    async for finding in apps.findings(database, settings, resolve=resolve):
        yield finding
    async for finding in imports.findings(database, settings):
        yield finding


async def _known(database: Database, now: int) -> online.Known:
    there = standings(await database.read(key_rows.look), now=now)
    shown = [each.key.kid for each in there if each.key.use == SIGN and each.state is not State.GONE]
    return online.Known(frozenset(shown), tuple(await database.read(clients.every)))
