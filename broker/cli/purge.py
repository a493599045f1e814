"""`broker purge`: deleting what has expired."""

import sys
from typing import TYPE_CHECKING

import click

from broker.cli.users_found import JSON

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
    TikTok's webhooks, deliveries that nobody came for, pictures of nobody. People, clients and audit events stay.
    The broker may run meanwhile.
    """
    from broker.cli import output
    from broker.cli.database import using
    from broker.clock import system_clock

    now = system_clock()
    counts = using(lambda database: _purged(database, now))
    if as_json:
        output.print_json(counts)
        return
    output.print_table([(kind, str(count)) for kind, count in counts.items()])


async def _purged(database: "Database", now: int) -> dict[str, int]:
    from broker.store import purging

    counts = dict.fromkeys(purging.KINDS, 0)
    for kind in purging.KINDS:
        place: purging.Place | None = purging.beginning(kind)
        while place is not None:
            batch = await database.run(purging.purge, kind, place=place, most=_BATCH, now=now)
            place = batch.place
            counts[kind] += batch.gone
            _progress(f"{kind}: {counts[kind]}")
    _progress("")
    return counts


def _progress(text: str) -> None:
    """One line that is written over, for somebody who watches."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)
