"""Which revision the database is at, told without importing alembic: `serve` starts faster for it."""

from sqlalchemy import Column, MetaData, Table, Text, select

from broker.store.database import SchemaMismatch, Transaction

HEAD = "0007"
"""The revision this release's statements are written for."""

_version = Table("alembic_version", MetaData(), Column("version_num", Text))
_SELECT = select(_version.c.version_num)


async def current(tx: Transaction) -> str | None:
    """The revision the database is at; None when no migration has ever run, or all were taken back.

    Not for a longer transaction: on PostgreSQL a missing table ends it.
    """
    try:
        row = await tx.one(_SELECT)
    except SchemaMismatch:
        return None
    return row["version_num"] if row else None
