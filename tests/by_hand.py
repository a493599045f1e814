"""Changing a database past the program, as an operator with a database shell could."""

from sqlalchemy import Connection, text

from broker.store import migrations
from broker.store.database import Database, Transaction


async def execute(database: Database, sql: str) -> None:
    """One statement of any kind, in a database that is open already."""
    await database.transact(_execute, sql)


async def _execute(tx: Transaction, sql: str) -> None:
    # Not `run`, which counts rows: a change of the schema has none.
    await tx.all(text(sql))


def execute_at(url: str, *statements: str) -> None:
    """All of the statements or none, in the database at this address, whatever revision it is at."""

    def use(connection: Connection) -> None:
        with connection.begin():
            for statement in statements:
                connection.execute(text(statement))

    migrations.with_connection(url, use)
