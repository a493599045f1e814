"""`broker keys`: the keys that sign. What changes them has files of its own."""

from typing import TYPE_CHECKING, Any

import click

from broker.cli.keys_found import ring_name
from broker.cli.keys_reseal import reseal
from broker.cli.keys_revoke import revoke
from broker.cli.keys_rotate import rotate
from broker.cli.options import JSON

if TYPE_CHECKING:
    from broker.keys.schedule import Standing


@click.group("keys")
def keys() -> None:
    """Look after the keys that sign tokens.

    \b
      broker keys list
      broker keys rotate

    They change by themselves at the age of BROKER_KEY_LIFETIME while the broker serves. A running broker follows
    every change within 5 seconds.
    """


for _command in (rotate, revoke, reseal):
    keys.add_command(_command)


@keys.command("list")
@JSON
def list_all(as_json: bool) -> None:
    """List all keys with what each does, and until when.

    \b
      broker keys list
      broker keys list --json

    The database is BROKER_DATABASE_URL; no other setting is needed. A key is announced, then it signs, then it is
    retained while what it signed is good. One that is gone is not published any more; an old ID token of its time
    still tells whom to sign out.
    """
    from broker.cli import output
    from broker.cli.database import read
    from broker.clock import system_clock
    from broker.keys.schedule import standings
    from broker.store import keys as store

    every = standings(read(store.look), now=system_clock())
    if as_json:
        output.print_json([_as_json(each) for each in every])
        return
    if not every:
        click.echo("There is no key yet; `broker serve` makes them.", err=True)
        return
    rows = [["KID", "FOR", "STATE", "ANNOUNCED", "SIGNS FROM", "SIGNS UNTIL", "GONE"]]
    for each in every:
        key = each.key
        times = (key.created_at, key.signs_from, each.signs_until, each.gone_at)
        shown = ["" if moment is None else output.utc(moment) for moment in times]
        rows.append([key.kid, ring_name(key), each.state.value, *shown])
    output.print_table(rows)


def _as_json(each: "Standing") -> dict[str, Any]:
    return {
        "kid": each.key.kid,
        "use": each.key.use,
        "alg": each.key.alg,
        "state": each.state.value,
        "created_at": each.key.created_at,
        "signs_from": each.key.signs_from,
        "signs_until": each.signs_until,
        "gone_at": each.gone_at,
    }
