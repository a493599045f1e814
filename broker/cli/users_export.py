"""`broker users export`: everything that is kept of one person."""

from typing import TYPE_CHECKING, Any

import click

from broker.cli.options import NamingCommand
from broker.cli.users_found import PERSON, found_or_waiting

if TYPE_CHECKING:
    from broker.store.database import Transaction


@click.command("export", cls=NamingCommand)
@PERSON
@click.option("--json", is_flag=True, expose_value=False, help="Print JSON, which it does anyway.")
def export(name: str) -> None:
    """Print everything that is kept of a person, as JSON.

    \b
      broker users export usr_… > person.json

    Tokens and digests are left out: whoever holds this file can do nothing with it in the person's name.
    """
    from dataclasses import asdict

    from broker.cli import output
    from broker.cli.database import change
    from broker.store.waiting import Waiting

    person = found_or_waiting(name)
    # In one transaction, so that the parts fit together.
    told = change(_records, person.sub)
    if isinstance(person, Waiting):
        output.print_json({"sub": person.sub, **told, "imported_people": [asdict(person)]})
    else:
        output.print_json({**asdict(person), **told})


async def _records(tx: "Transaction", user_id: str) -> dict[str, Any]:
    from base64 import b64encode
    from dataclasses import asdict

    from broker.clock import system_clock
    from broker.store import operations, people

    await operations.export(tx, user_id, now=system_clock())
    avatar = await people.avatar_of(tx, user_id)
    accounts = await people.accounts_of(tx, user_id)
    return {
        "avatar": avatar
        and {"media_type": avatar[0], "image": b64encode(avatar[1]).decode(), "created_at": avatar[2]},
        "accounts": [asdict(account) for account in accounts],
        **await people.records_of(tx, user_id),
    }
