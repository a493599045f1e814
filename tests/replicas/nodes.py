"""PostgreSQL servers that come and go: copies of the tests' own one, each on a port that it keeps."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import postgres
from tests.postgres import PostgresServer
from tests.stage import free_port

_HOST = "127.0.0.1"


@dataclass
class Node:
    """A server with a data folder of its own. `server` runs SQL on it."""

    server: PostgresServer
    data: Path
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)

    def start(self) -> None:
        """Start it, on the port that it always had; it takes connections when this returns."""
        programs = self.server.programs
        settings = ("max_connections=100", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB")
        options = [part for setting in settings for part in ("-c", setting)]
        program = (str(programs / "postgres"), "-D", str(self.data), "-h", _HOST, "-p", str(self.server.port))
        with self.data.with_name("log").open("ab") as output:
            shell = subprocess.Popen(
                ("/bin/sh", "-c", postgres._UNTIL_INPUT_ENDS, "sh", *program, *options),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self.data.parent,
                start_new_session=True,
                **postgres.operator(),
            )
        self._stack.callback(_end, shell)
        if not postgres._ready(shell, self.data / "postmaster.pid"):
            raise RuntimeError(self.data.with_name("log").read_text())

    def stop(self) -> None:
        """A fast shutdown: every connection is ended, and the server in good order."""
        self._stack.close()

    def kill(self) -> None:
        """End the server as a crash would, with no word to anybody."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        self._stack.close()
        (self.data / "postmaster.pid").unlink()


def _end(shell: subprocess.Popen[Any]) -> None:
    assert shell.stdin is not None
    shell.stdin.close()
    shell.wait(timeout=60)


@contextlib.contextmanager
def copy_of(source: PostgresServer, *, standby: bool = False) -> Iterator[Node]:
    """A copy of a running server, not started yet; as a `standby` it follows it."""
    with tempfile.TemporaryDirectory(prefix="broker-postgres-") as made:
        folder = Path(made)
        user = postgres.operator()
        if user:
            shutil.chown(folder, user["user"], user["group"])
        address = ("--host", _HOST, "--port", str(source.port), "--username", "postgres")
        done = subprocess.run(
            (source.programs / "pg_basebackup", *address, "--pgdata", folder / "data", "--checkpoint=fast")
            + (("--write-recovery-conf",) if standby else ())
            + ("--no-sync", "--no-manifest"),
            env={"PGPASSWORD": source.password},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=folder,
            **user,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        # Further on than the names that the copied server has given.
        numbers = itertools.count(1_000_000)
        server = PostgresServer(source.programs, free_port(), source.password, numbers)
        node = Node(server, folder / "data")
        try:
            yield node
        finally:
            node.stop()
