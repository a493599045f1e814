"""Store functions run for one command, on a database this release can run on."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click

from broker import opaque
from broker.cli import schema
from broker.settings import database_url, operator
from broker.store import audit, revision
from broker.store.database import Database, P, StoreFunction, connect

T = TypeVar("T")


def read(function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What a reading store function answers. Raises `click.ClickException` unless the schema is this release's."""
    return using(lambda database: database.read(function, *args, **kwargs))


def change(function: StoreFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What a changing store function answers, in one transaction; raises as `read` does."""
    return using(lambda database: database.transact(function, *args, **kwargs))


def using(work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """What `work` answers, however many store functions it runs; raises as `read` does."""
    return asyncio.run(_using(work))


async def _using(work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    url, name = database_url(), operator()
    if schema.not_made_yet(url):
        raise click.ClickException(
            f"There is no database at {schema.sqlite_file(url)} yet; correct BROKER_DATABASE_URL or the folder "
            "you are in, or make it with `broker db upgrade`."
        )
    database = await connect(url.reveal(), pool_size=1)
    try:
        schema.demand(await database.read(revision.current))
        with audit.signed(name, opaque.identifier("cmd_")):
            return await work(database)
    finally:
        await database.close()
