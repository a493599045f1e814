"""What the commands of `broker db` share: the database, and the sentence on where it is."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from broker.opaque import Secret


def database() -> "Secret":
    """Its address. Raises `BadSettings`."""
    from broker.settings import database_url

    return database_url()


def say_where(url: "Secret") -> None:
    """Print the revision that the database is at."""
    from broker.cli import migrating

    found = migrating.current(url)
    click.echo(f"The database is at revision {found}." if found else "The database is empty.")
