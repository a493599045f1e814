"""`broker purge`: deleting what has expired."""

from typing import TYPE_CHECKING

import click

from broker.cli.options import JSON
from broker.cli.progress import progress

if TYPE_CHECKING:
    from broker.store.database import Database

_BATCH = 1_000


@click.command("purge")
@JSON
def purge(as_json: bool) -> None:
    """Delete what has expired, in small batches.

    \b
      broker purge
      broker purge --json

    That is what nobody can use any more: old sessions and grants, names that count once, pushed requests, notes of
    TikTok's webhooks, deliveries that nobody came for, pictures of nobody, and audit events older than
    BROKER_AUDIT_RETENTION. People and clients stay. The broker may run meanwhile.
    """
    from broker.cli import output
    from broker.cli.database import using
    from broker.clock import system_clock
    from broker.settings import audit_retention

    now, retention = system_clock(), audit_retention()
    counts = using(lambda database: _purged(database, retention, now))
    if as_json:
        output.print_json(counts)
        return
    output.print_table([(kind, str(count)) for kind, count in counts.items()])


async def _purged(database: "Database", retention: int | None, now: int) -> dict[str, int]:
    from broker.store import operations, purging

    await database.transact(operations.purge_begun, now=now)
    counts = dict.fromkeys(purging.KINDS, 0)
    for kind in purging.KINDS:
        place: purging.Place | None = purging.beginning(kind)
        while place is not None:
            batch = await database.run(
                purging.purge, kind, place=place, most=_BATCH, audit_retention=retention, now=now
            )
            place = batch.place
            counts[kind] += batch.gone
            progress(f"{kind}: {counts[kind]}")
    progress("")
    return counts
