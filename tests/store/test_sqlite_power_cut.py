"""The power fails while SQLite writes: what is on the disk then opens clean, and has all that was acknowledged.

The writing process is stopped at any moment, also in the middle of a commit, and its files are copied as they are.
What a disk had not been told to keep is then taken away, or damaged: the end of the write-ahead log.
"""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.store.test_sqlite_faults import KEEP_WRITING

CUTS = 8
# SQLite file format, §4.1: salts that change when the log begins anew.
SALTS = slice(16, 24)


@dataclass(frozen=True)
class Instant:
    """The files at one moment, what had been acknowledged by then, and how long the log was
    when it had been: None when it has begun anew since."""

    file: Path
    acknowledged: frozenset[str]
    kept: int | None

    @property
    def log(self) -> Path:
        """The write-ahead log."""
        return self.file.with_name(f"{self.file.name}-wal")


def instants(file: Path, folder: Path) -> Iterator[Instant]:
    """Moments in the life of a process that writes without end."""
    command = (sys.executable, "-c", KEEP_WRITING, f"sqlite:///{file}")
    log = file.with_name(f"{file.name}-wal")
    chance = random.Random(4)
    acknowledged: set[str] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        try:
            for number in range(CUTS):
                for _ in range(chance.randrange(20, 60)):
                    acknowledged.add(f"c{process.stdout.readline().strip()}")
                # All of it is in the log by now, and the log is on the disk so far.
                salts, kept = log.read_bytes()[SALTS], log.stat().st_size
                process.stdout.readline()
                os.kill(process.pid, signal.SIGSTOP)
                copy = Path(shutil.copy(file, folder / f"{number}.db"))
                again = Path(shutil.copy(log, folder / f"{number}.db-wal")).read_bytes()[SALTS]
                os.kill(process.pid, signal.SIGCONT)
                yield Instant(copy, frozenset(acknowledged), kept if again == salts else None)
        finally:
            process.kill()


def names(file: Path) -> set[str]:
    """What it holds, when it opens and is sound."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        found = {name for (name,) in connection.execute("SELECT client_id FROM clients")}
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return found


def test_what_was_acknowledged_survives_a_power_cut(sqlite_template: Path, tmp_path: Path) -> None:
    file = Path(shutil.copy(sqlite_template, tmp_path / "broker.db"))
    chance, damaged = random.Random(5), 0
    for instant in instants(file, tmp_path):
        for spoil in (None, b"", chance.randbytes(5_000)):
            copy = tmp_path / "spoilt.db"
            shutil.copy(instant.file, copy)
            log = instant.log.read_bytes()
            if spoil is not None and instant.kept is not None:
                # A frame that was half written, or never reached the disk, whatever is in its place.
                log = log[: chance.randint(instant.kept, len(log))] + spoil
                damaged += 1
            copy.with_name("spoilt.db-wal").write_bytes(log)
            assert instant.acknowledged <= names(copy)
            copy.with_name("spoilt.db-wal").unlink(missing_ok=True)
            copy.with_name("spoilt.db-shm").unlink(missing_ok=True)
    assert damaged > CUTS
