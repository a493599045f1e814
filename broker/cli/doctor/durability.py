"""Whether what was answered is still there after a power cut: the server's settings, or the file and its disk."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

from broker.cli import schema
from broker.cli.doctor.findings import Finding, fault, ok, warning
from broker.opaque import Secret
from broker.store import soundness
from broker.store.database import Database

SOUNDNESS: Final = "soundness"
_MEBIBYTE: Final = 2**20
_LITTLE_SPACE: Final = 512 * _MEBIBYTE
_ANY_OTHER: Final = 0o077


async def findings(database: Database, url: Secret) -> AsyncIterator[Finding]:
    """Raises `DatabaseUnavailable`."""
    file = schema.sqlite_file(url)
    if file is None:
        for finding in _of_server(await database.read(soundness.promises)):
            yield finding
        return
    broken = await database.read(soundness.damage)
    if broken is not None:
        yield fault(
            SOUNDNESS,
            f"the database is damaged ({broken})",
            "Stop the broker and restore the newest backup: docs/operations/backup.md says how.",
        )
    else:
        yield ok(SOUNDNESS, "read from end to end, without a complaint")
    for finding in _of_file(file):
        yield finding


def _of_server(found: soundness.Promises) -> Iterator[Finding]:
    if not found.writable:
        yield fault(
            "writing",
            "the server takes no writes: it is a standby, or default_transaction_read_only is on",
            "Point BROKER_DATABASE_URL to the primary.",
        )
    else:
        yield ok("writing", "the server takes writes")
    if found.careless:
        yield warning(
            "durability",
            f"off: {', '.join(found.careless)}; a crash of the server may lose what was answered already",
            "Switch it on for this database's server: a spent refresh token must stay spent.",
        )
    else:
        yield ok("durability", "what was committed survives a crash")


def _of_file(file: Path) -> Iterator[Finding]:
    rights = file.stat().st_mode & 0o777
    if rights & _ANY_OTHER:
        yield warning(
            "rights",
            f"others on this machine may open {file} ({rights:o})",
            f"Run `chmod 600 {file}` as its owner: names and pictures of people are in it.",
        )
    else:
        yield ok("rights", f"{file} is its owner's alone")
    free = shutil.disk_usage(file.absolute().parent).free
    if free < _LITTLE_SPACE:
        yield warning(
            "disk",
            f"{free // _MEBIBYTE} MiB are free where {file} is",
            "Make room: without it nobody can sign in.",
        )
    else:
        yield ok("disk", f"{free // _MEBIBYTE} MiB are free")
