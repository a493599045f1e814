"""Which revision the database is at, and can this release run on it, told without importing alembic.

A revision's id is its number and, once something has been taken away, a letter: a contract moves the letter on
(`0006`, `0007b`, `0008b`, `0009c`), everything that only adds keeps it. So a release knows of a revision that is
newer than itself whether anything was taken away since: a letter like its own says no.
"""

import re
from typing import Final

from sqlalchemy import Column, MetaData, Table, Text, select

from broker.store.database import SchemaMismatch, Transaction

HEAD: Final = "0009"
"""The newest revision this release carries."""

OLDEST: Final = "0009"
"""The oldest revision this release's statements run on. Between it and `HEAD` there are only contracts."""

_ID = re.compile(r"(\d{4})([b-z]?)")
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


def runs_on(found: str | None) -> bool:
    """Whether this release can run on a database at revision `found`.

    Yes from `OLDEST` on, and on whatever a later release has added without taking anything away.
    """
    if found is None or not (id_ := _ID.fullmatch(found)):
        return False
    return id_[2] == HEAD[4:] if is_newer(found) else found >= OLDEST


def is_newer(found: str) -> bool:
    """Whether a later release made this revision: they are numbered upwards, in digits of one length."""
    return found > HEAD
