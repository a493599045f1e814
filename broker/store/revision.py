"""Which revision the database is at, told without importing alembic: `serve` starts faster for it."""

from sqlalchemy import Column, MetaData, Table, Text, select

from broker.store.database import Transaction

HEAD = "0001"
"""The revision this release's statements are written for."""

_version = Table("alembic_version", MetaData(), Column("version_num", Text))
_SELECT = select(_version.c.version_num)


async def current(tx: Transaction) -> str | None:
    """The revision the database is at; None after a downgrade to nothing.

    Reading it raises `SchemaMismatch` when no migration has ever run.
    """
    row = await tx.one(_SELECT)
    return row["version_num"] if row else None
