"""A copy of a SQLite file while it is in use, by SQLite's own backup (https://www.sqlite.org/backup.html).

A copy made by `cp` may hold half of a commit. This one is a snapshot: readers and writers go on meanwhile, and
what was committed before it began is in it.
"""

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

from broker import opaque
from broker.store.database import DatabaseUnavailable

_BUSY_SECONDS: Final = 60.0


class Damaged(Exception):
    """The copy is not sound, so the original is not either. The text is SQLite's first complaint."""


def copy(source: Path, target: Path) -> int:
    """Make `target`, for its owner alone (mode 0600), a sound copy of the database in `source`; its size in bytes.

    It appears under its name when it is complete, checked and on the disk. Raises `FileExistsError` when there is
    a `target` already, `OSError` when it cannot be written, `Damaged`, and `DatabaseUnavailable`.
    """
    # Empty until the copy is complete: so its name is ours, and nobody takes half of a copy for one.
    _reserve(target)
    unfinished = target.with_name(f".{target.name}.{opaque.identifier()}")
    try:
        _reserve(unfinished)
        _copy(source, unfinished)
        _check(unfinished)
        _to_disk(unfinished)
        unfinished.replace(target)
    except BaseException:
        for file in (unfinished, target):
            file.unlink(missing_ok=True)
        raise
    _to_disk(target.parent)
    return target.stat().st_size


def _reserve(file: Path) -> None:
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _copy(source: Path, target: Path) -> None:
    try:
        with contextlib.closing(_opened(source)) as original, contextlib.closing(_opened(target)) as made:
            # All pages in one step: between steps a commit by another process would make it begin again.
            original.backup(made, pages=-1)
            # The copy is one file; `broker serve` puts it back into WAL mode.
            made.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.DatabaseError as error:
        raise DatabaseUnavailable(str(error)) from error


def _check(file: Path) -> None:
    try:
        with contextlib.closing(_opened(file)) as made:
            found = [str(row[0]) for row in made.execute("PRAGMA integrity_check(1)")]
            orphans = made.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError as error:
        raise Damaged(str(error)) from error
    if found != ["ok"]:
        # The line before says only which database it is.
        raise Damaged(found[0].splitlines()[-1] if found else "no answer")
    if orphans is not None:
        raise Damaged(f"a row of {orphans[0]} refers to one of {orphans[2]} that is not there")


def _opened(file: Path) -> sqlite3.Connection:
    # Without `rw` a file that is missing would be made.
    return sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=rw", uri=True, timeout=_BUSY_SECONDS)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
