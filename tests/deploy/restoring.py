"""Backing up and restoring as docs/operations/backup.md has it, on either database."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from tests.cli.running import run
from tests.documentation import ROOT, Page
from tests.postgres import PostgresServer

RUNBOOK = Page(ROOT / "docs/operations/backup.md")
_PLACES = {
    "pg_dump": "postgresql://broker@db.example.com/broker",
    "pg_restore": "postgresql://broker@db.example.com/broker_restored",
}


def back_up(url: str, folder: Path, server: PostgresServer | None) -> Path:
    """The file that the runbook's command makes of the database behind `url`, which is in use."""
    if server is None:
        file = folder / "backup.db"
        done = run("db", "backup", str(file), url=url)
        assert done.exit_code == 0, done.output
        return file
    file = folder / "broker.dump"
    _as_written(server, "pg_dump", url, file)
    return file


def restore(file: Path, folder: Path, server: PostgresServer | None) -> str:
    """The URL of a database, new to whoever serves from it, with what is in the backup."""
    if server is None:
        return f"sqlite:///{shutil.copy(file, folder / 'restored.db')}"
    url = server.create_database()
    _as_written(server, "pg_restore", url, file)
    return url


def _as_written(server: PostgresServer, program: str, url: str, file: Path) -> None:
    """Run the runbook's own command with this server's program, the database behind `url`, and `file`."""
    (words,) = (words for words in RUNBOOK.command_lines() if words[:1] == [program] and len(words) > 1)
    parts = urlsplit(url)
    without = parts._replace(netloc=parts.netloc.replace(f":{server.password}@", "@")).geturl()
    line = shlex.join(words)
    assert _PLACES[program] in line
    assert "broker.dump" in line
    line = line.replace(_PLACES[program], without).replace("broker.dump", str(file))
    done = subprocess.run(
        [str(server.programs / program), *shlex.split(line)[1:]],
        env={**os.environ, "PGPASSWORD": server.password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
