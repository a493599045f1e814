"""The client that a command is about, and the sentence when there is none."""

from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from broker.store.clients import ClientRow

CLIENT = click.argument("client_id", metavar="CLIENT_ID")


def found(client_id: str) -> "ClientRow":
    """The client, disabled or not. Raises `click.ClickException` when there is none."""
    from broker.cli.database import read
    from broker.store import clients as store

    client = read(store.find, client_id)
    return client if client is not None else unknown(client_id)


def unknown(client_id: str) -> NoReturn:
    """Raise the `click.ClickException` that says so."""
    from broker.cli.output import visible

    raise click.ClickException(
        f"There is no client {visible(client_id)[:64]}; `broker clients list` shows those that there are."
    )
