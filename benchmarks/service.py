"""The product itself, started as an operator starts it: `broker serve`, nothing switched off."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.endpoints import Client
from benchmarks.processes import free_port
from benchmarks.running import Service, running
from benchmarks.targets import REDIRECT_URI, Place, Program, Target
from broker import opaque, sealing
from broker.store import clients, migrations
from broker.store.database import Database, connect

ISSUER = "https://id.example"
CLIENT_ID = "cli_benchmark"
_BACKEND_ID = "cli_benchmark_backend"
_API = "https://api.example"
_TIKTOK_RESOURCE = "https://open.tiktokapis.com/"
# Where `make` installs what a release brings along and nothing else: tools of development take memory, too.
_SHIPPED = Path("var/release/shipped/bin/python")
# One address and one app ask as much as the machine can do, so the limits must be high. They are on.
_LIMITS = {"BROKER_LIMITS_ADDRESS": "1000000", "BROKER_LIMITS_CLIENT": "1000000"}


def prepare(database_url: str) -> str:
    """Migrate the database and register an app and its backend; the secret of both."""
    migrations.upgrade(database_url)
    secret = opaque.secret("brs_")
    asyncio.run(_register(database_url, secret))
    return secret


def environment(database_url: str, tiktok_port: int) -> dict[str, str]:
    """The settings: what is required, higher limits, and everything else as it comes."""
    tiktok = f"http://127.0.0.1:{tiktok_port}"
    return {
        "BROKER_ISSUER": ISSUER,
        "BROKER_DATABASE_URL": database_url,
        "BROKER_SECRET_KEYS": sealing.new_secret_key(),
        "BROKER_TIKTOK_CLIENT_KEY": "aw0benchmark0key",
        "BROKER_TIKTOK_CLIENT_SECRET": opaque.secret(),
        "BROKER_TIKTOK_AUTHORIZE_URL": f"{tiktok}/v2/auth/authorize/",
        "BROKER_TIKTOK_API_URL": tiktok,
        **_LIMITS,
    }


def program(settings: Mapping[str, str], secret: str, *, port: int, workers: int = 1) -> Program:
    """The command and whom it knows. `secret` is what `prepare` answered."""
    interpreter = str(_SHIPPED.absolute()) if _SHIPPED.exists() else sys.executable
    command = (interpreter, "-m", "broker", "serve", "--host", "127.0.0.1", "--port", str(port))
    return Program(
        command=(*command, "--workers", str(workers)),
        environment=settings,
        issuer=ISSUER,
        app=Client(CLIENT_ID, secret),
        backend=Client(_BACKEND_ID, secret),
        ready="/readyz",
        tiktok_resource=_TIKTOK_RESOURCE,
    )


@contextlib.contextmanager
def serving(settings: Mapping[str, str], *, log: Path, cores: set[int], workers: int = 1) -> Iterator[Service]:
    """The service for the length of the block, on these cores. Raises `RuntimeError` when it does not start."""
    port = free_port()
    with running(program(settings, "", port=port, workers=workers), port, log=log, cores=cores) as service:
        yield service


def _prepare(place: Place) -> Program:
    secret = prepare(place.database_url)
    settings = environment(place.database_url, place.tiktok_port)
    return program(settings, secret, port=place.port, workers=place.workers)


BROKER = Target("broker", "this broker", frozenset({"sqlite", "postgresql"}), _prepare)


async def _register(database_url: str, secret: str) -> None:
    database = await connect(database_url)
    app = {
        "client_name": "Benchmark",
        "redirect_uris": [REDIRECT_URI],
        "audience": [_API],
        "tiktok_tokens": True,
    }
    backend = {"client_name": "Backend", "grant_types": ["client_credentials"], "audience": [_API]}
    await _add(database, CLIENT_ID, app, secret)
    await _add(database, _BACKEND_ID, backend, secret)
    await database.close()


async def _add(database: Database, client_id: str, metadata: Mapping[str, object], secret: str) -> None:
    await database.transact(clients.add, client_id, metadata, opaque.digest(secret), now=int(time.time()))
