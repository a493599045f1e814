"""A store function run for one command, on a database this release can run on."""

import asyncio
from typing import TypeVar

import click

from broker.cli import schema
from broker.settings import database_url
from broker.store import revision
from broker.store.database import P, StoreFunction, connect

T = TypeVar("T")


def read(function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What a reading store function answers. Raises `click.ClickException` unless the schema is this release's."""
    return asyncio.run(_run(function, True, *args, **kwargs))


def change(function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What a changing store function answers, in one transaction; raises as `read` does."""
    return asyncio.run(_run(function, False, *args, **kwargs))


async def _run(function: StoreFunction[P, T], reads_only: bool, /, *args: P.args, **kwargs: P.kwargs) -> T:
    url = database_url()
    if schema.not_made_yet(url):
        raise click.ClickException(
            f"There is no database at {schema.sqlite_file(url)} yet; correct BROKER_DATABASE_URL or the folder "
            "you are in, or make it with `broker db upgrade`."
        )
    database = await connect(url.reveal(), pool_size=1)
    try:
        schema.demand(await database.read(revision.current))
        work = database.read if reads_only else database.transact
        return await work(function, *args, **kwargs)
    finally:
        await database.close()
