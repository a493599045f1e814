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
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.store.test_sqlite_faults import KEEP_WRITING

CUTS = 8
# SQLite file format, §4.1: salts that change when the log begins anew.
SALTS = slice(16, 24)


@dataclass(frozen=True)
class Instant:
    """The two files at one moment, and what had been acknowledged by then.

    Of that `long_since` was in the log when it was `kept` bytes long; None when the log has begun anew since.
    """

    main: bytes
    log: bytes
    acknowledged: frozenset[str]
    long_since: frozenset[str]
    kept: int | None


def instants(file: Path) -> Iterator[Instant]:
    """Moments in the life of a process that writes without end."""
    command = (sys.executable, "-c", KEEP_WRITING, f"sqlite:///{file}")
    log = file.with_name(f"{file.name}-wal")
    chance = random.Random(4)
    acknowledged: set[str] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        try:
            for _ in range(CUTS):
                for _ in range(chance.randrange(20, 60)):
                    acknowledged.add(f"c{process.stdout.readline().strip()}")
                # All of it is in the log by now, and the log is on the disk so far.
                before, long_since = log.read_bytes(), frozenset(acknowledged)
                acknowledged.add(f"c{process.stdout.readline().strip()}")
                os.kill(process.pid, signal.SIGSTOP)
                main, after = file.read_bytes(), log.read_bytes()
                instant = Instant(main, after, frozenset(acknowledged), long_since, len(before))
                os.kill(process.pid, signal.SIGCONT)
                yield instant if after[SALTS] == before[SALTS] else replace(instant, kept=None)
        finally:
            process.kill()


def names(main: bytes, log: bytes) -> set[str]:
    """What such files hold, when they open and are sound."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "broker.db")
        file.write_bytes(main)
        Path(folder, "broker.db-wal").write_bytes(log)
        with contextlib.closing(sqlite3.connect(file)) as connection:
            found = {name for (name,) in connection.execute("SELECT client_id FROM clients")}
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return found


def test_what_was_acknowledged_survives_a_power_cut(sqlite_template: Path, tmp_path: Path) -> None:
    file = Path(shutil.copy(sqlite_template, tmp_path / "broker.db"))
    chance, damaged = random.Random(5), 0
    for instant in instants(file):
        assert instant.acknowledged <= names(instant.main, instant.log)
        if instant.kept is None:
            continue
        for garbage in (b"", chance.randbytes(5_000)):
            # A frame that was half written, or never reached the disk, whatever is in its place.
            log = instant.log[: chance.randint(instant.kept, len(instant.log))] + garbage
            assert instant.long_since <= names(instant.main, log)
            damaged += 1
    assert damaged >= CUTS
