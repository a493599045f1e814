"""`broker keys reseal`: everything sealed moves to the first of the secret keys."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from broker.cli.keys_found import chosen
from broker.cli.options import JSON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from broker.sealing import Sealer
    from broker.store.database import Database
    from broker.store.resealing import Sealed

_BATCH = 100
_MOST_PASSES = 5


@dataclass(slots=True)
class _Count:
    """Of one table: values moved, values still under another secret key, and those of them that do not open."""

    moved: int = 0
    left: int = 0
    unsealable: int = 0


@click.command("reseal")
@JSON
def reseal(as_json: bool) -> None:
    """Seal everything anew under the first of BROKER_SECRET_KEYS.

    \b
      broker keys reseal

    That is private keys, keys of refresh tokens, and TikTok's tokens, in small batches; the broker may serve
    meanwhile. First let every broker process have the new key in front of the old one: one that has not goes on
    sealing under the old one. Exits 1 while anything is left under another key; the old key must stay then.

    Reads the same settings as `broker serve`.
    """
    from broker.cli import output
    from broker.cli.database import using
    from broker.sealing import Sealer

    sealer = Sealer(chosen().secret_keys)
    counts = using(lambda database: _resealed(database, sealer))
    if as_json:
        output.print_json({table: asdict(count) for table, count in counts.items()})
    else:
        rows = [("TABLE", "MOVED", "LEFT")]
        output.print_table([*rows, *((table, str(n.moved), str(n.left)) for table, n in counts.items())])
    if any(count.unsealable for count in counts.values()):
        raise click.ClickException(
            "Some of it does not open with BROKER_SECRET_KEYS; add the secret key under which it was sealed, and "
            "run this again."
        )
    if any(count.left for count in counts.values()):
        raise click.ClickException(
            "Some of it was sealed under an older key meanwhile; let every broker process have the new key first "
            "in BROKER_SECRET_KEYS, and run this again."
        )
    click.echo(
        "Everything is under the first of BROKER_SECRET_KEYS. The others can go when BROKER_LOGIN_TTL has passed, "
        "since sign-ins that have begun are sealed in browsers.",
        err=True,
    )


async def _resealed(database: "Database", sealer: "Sealer") -> dict[str, _Count]:
    from broker.clock import system_clock
    from broker.store import operations
    from broker.store.resealing import TABLES

    await database.transact(operations.reseal_begun, now=system_clock())
    counts = {table: _Count() for table in TABLES}
    for table, count in counts.items():
        for _ in range(_MOST_PASSES):
            await _move(database, sealer, table, count)
            # What changed under our hands, or behind us, is seen by looking at all of it once more.
            await _look_again(database, sealer, table, count)
            if count.left == count.unsealable:
                break
    return counts


async def _move(database: "Database", sealer: "Sealer", table: str, count: _Count) -> None:
    import asyncio

    from broker.store import resealing

    async for batch in _batches(database, sealer, table):
        anew = [(one, _anew(sealer, table, one)) for one in batch]
        moves = (database.run(resealing.replace, table, one, value) for one, value in anew if value is not None)
        count.moved += sum(await asyncio.gather(*moves))


async def _look_again(database: "Database", sealer: "Sealer", table: str, count: _Count) -> None:
    count.left = count.unsealable = 0
    async for batch in _batches(database, sealer, table):
        count.left += len(batch)
        count.unsealable += sum(_anew(sealer, table, one) is None for one in batch)


async def _batches(database: "Database", sealer: "Sealer", table: str) -> "AsyncIterator[list[Sealed]]":
    """All that is not under the first key."""
    from broker.store import resealing

    after = ""
    while True:
        found = await database.read(resealing.batch, table, secret_key=sealer.current_id, after=after, most=_BATCH)
        yield [one for one in found if not sealer.is_current(one.value)]
        if len(found) < _BATCH:
            return
        after = found[-1].key


def _anew(sealer: "Sealer", table: str, one: "Sealed") -> bytes | None:
    """The value under the first key; None when it does not open."""
    from broker import vault
    from broker.keys import making
    from broker.sealing import Unsealable
    from broker.store.resealing import SIGNING_KEYS

    try:
        if table == SIGNING_KEYS:
            return making.resealed(sealer, one.value, one.key)
        return vault.resealed(sealer, one.value, one.columns["registration"], one.columns["open_id"])
    except Unsealable:
        return None
