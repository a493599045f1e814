"""Starting a target, and ending it."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import accounting
from benchmarks.targets import Program

_PATIENCE = 60
_LAST_LINES = 5
_PLAIN = b'"level":"info"'


@dataclass(frozen=True, slots=True)
class Service:
    """A target that is ready. `wall` and `cpu` are what its start took, in seconds."""

    pid: int
    port: int
    wall: float
    cpu: float


@contextlib.contextmanager
def running(program: Program, port: int, *, log: Path, cores: set[int]) -> Iterator[Service]:
    """The program for the length of the block, on these cores. Raises `RuntimeError` when it does not start."""
    began = time.perf_counter()
    with (
        log.open("ab") as lines,
        subprocess.Popen(
            program.command,
            env={"PATH": os.environ.get("PATH", ""), **program.environment},
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=lines,
        ) as process,
    ):
        os.sched_setaffinity(process.pid, cores)
        try:
            _wait(process, program, port, log)
            wall = time.perf_counter() - began
            yield Service(process.pid, port, wall, accounting.cpu_seconds(process.pid))
        finally:
            process.terminate()


def last_words(log: Path) -> str:
    """The end of a program's output, without what only tells that all is well."""
    lines = [line for line in log.read_bytes().splitlines() if _PLAIN not in line]
    return b"\n".join(lines[-_LAST_LINES:]).decode(errors="replace")


def _wait(process: subprocess.Popen[bytes], program: Program, port: int, log: Path) -> None:
    host = urlsplit(program.issuer).netloc
    question = f"GET {program.ready} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as asking:
            asking.sendall(question)
            if asking.recv(64).startswith(b"HTTP/1.1 200 "):
                return
        time.sleep(0.005)
    raise RuntimeError(f"{program.command[0]} did not get ready:\n{last_words(log)}")
