"""The product itself, started as an operator starts it: `broker serve`, one worker, nothing switched off."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import accounting
from benchmarks.processes import free_port
from broker import opaque, sealing
from broker.store import clients, migrations
from broker.store.database import connect

ISSUER = "https://id.example"
CLIENT_ID = "cli_benchmark"
REDIRECT_URI = "https://app.example/callback"

_READY = b"GET /readyz HTTP/1.1\r\nHost: id.example\r\nConnection: close\r\n\r\n"
_PATIENCE = 30
_NEVER_REACHED = "1000000"


@dataclass(frozen=True, slots=True)
class Service:
    """A service that is ready. `wall` and `cpu` are what its start took, in seconds."""

    pid: int
    port: int
    wall: float
    cpu: float


def prepare(database_url: str) -> str:
    """Migrate the database and register one app; its secret."""
    migrations.upgrade(database_url)
    secret = opaque.secret("brs_")
    asyncio.run(_register(database_url, secret))
    return secret


def environment(database_url: str, tiktok_port: int) -> dict[str, str]:
    """The settings: what is required, and everything else as it comes, but for how often one address may ask.

    All the load comes from one address. The limits are counted as ever and only reached by nobody.
    """
    tiktok = f"http://127.0.0.1:{tiktok_port}"
    return {
        "BROKER_ISSUER": ISSUER,
        "BROKER_DATABASE_URL": database_url,
        "BROKER_SECRET_KEYS": sealing.new_secret_key(),
        "BROKER_TIKTOK_CLIENT_KEY": "aw0benchmark0key",
        "BROKER_TIKTOK_CLIENT_SECRET": opaque.secret(),
        "BROKER_TIKTOK_AUTHORIZE_URL": f"{tiktok}/v2/auth/authorize/",
        "BROKER_TIKTOK_API_URL": tiktok,
        "BROKER_LIMITS_ADDRESS": _NEVER_REACHED,
        "BROKER_LIMITS_CLIENT": _NEVER_REACHED,
    }


@contextlib.contextmanager
def serving(settings: Mapping[str, str], *, log: Path, cores: set[int]) -> Iterator[Service]:
    """The service for the length of the block, on these cores. Raises `RuntimeError` when it does not start."""
    port = free_port()
    command = (sys.executable, "-m", "broker", "serve", "--host", "127.0.0.1", "--port", str(port))
    began = time.perf_counter()
    with (
        log.open("ab") as lines,
        subprocess.Popen(
            command,
            env={"PATH": os.environ.get("PATH", ""), **settings},
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=lines,
        ) as process,
    ):
        os.sched_setaffinity(process.pid, cores)
        try:
            _wait(process, port, log)
            wall = time.perf_counter() - began
            yield Service(process.pid, port, wall, accounting.cpu_seconds(process.pid))
        finally:
            process.terminate()


async def _register(database_url: str, secret: str) -> None:
    database = await connect(database_url)
    metadata = {"client_name": "Benchmark", "redirect_uris": [REDIRECT_URI]}
    await database.transact(clients.add, CLIENT_ID, metadata, opaque.digest(secret), now=int(time.time()))
    await database.close()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as asking:
            asking.sendall(_READY)
            if asking.recv(64).startswith(b"HTTP/1.1 200 "):
                return
        time.sleep(0.005)
    raise RuntimeError(f"the service did not get ready:\n{log.read_text()[-2000:]}")
