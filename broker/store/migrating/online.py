"""What a revision does to a big table while others write to it. Each is a revision of its own.

PostgreSQL does such work outside a transaction, so what came before it in the same revision could not be undone;
alone, it can be repeated. SQLite has one writer in any case.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

from broker.store.migrating.timeouts import HASTE, LEISURE

# What a build that was interrupted leaves behind: written to, never read, and in the way of the next.
_INVALID = sa.text("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(quote_ident(:name)) AND NOT indisvalid")


def create_index(
    name: str, table: str, columns: list[str], *, unique: bool = False, where: str | None = None
) -> None:
    """Build the index while reads and writes go on; again after an interruption.

    PostgreSQL: CREATE INDEX CONCURRENTLY (https://www.postgresql.org/docs/current/sql-createindex.html). `where`
    makes it a partial index.
    """
    only = None if where is None else sa.text(where)
    if not _on_postgresql():
        op.create_index(op.f(name), table, columns, unique=unique, sqlite_where=only)
        return
    with _at_leisure():
        if not op.get_context().as_sql and op.get_bind().execute(_INVALID, {"name": name}).first():
            _drop_concurrently(name)
        op.create_index(
            op.f(name),
            table,
            columns,
            unique=unique,
            postgresql_where=only,
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def drop_index(name: str, table: str) -> None:
    """Delete the index, waiting for those who read it and keeping nobody waiting."""
    if not _on_postgresql():
        op.drop_index(op.f(name), table_name=table)
        return
    with _at_leisure():
        _drop_concurrently(name)


def _drop_concurrently(name: str) -> None:
    op.drop_index(op.f(name), postgresql_concurrently=True, if_exists=True)


def _on_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


@contextmanager
def _at_leisure() -> Iterator[None]:
    with op.get_context().autocommit_block():
        for setting in LEISURE:
            op.execute(setting)
        yield
        for setting in HASTE:
            op.execute(setting)
