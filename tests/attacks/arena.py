"""Where races are run: two brokers in this process over SQLite, or several processes over PostgreSQL."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from broker import settings
from broker.app import running
from broker.clock import system_clock
from broker.simulator.app import create_app
from broker.simulator.apps import App
from broker.simulator.serve import running as serving
from broker.simulator.world import World
from broker.store.database import connect
from tests.cli.running import listening, starting
from tests.stage import (
    CLIENT_KEY,
    TIKTOK_SECRET,
    HeldClock,
    Stage,
    environment,
    free_port,
    register_clients,
    running_stage,
)

_PATIENCE = 300


@dataclass(frozen=True)
class Arena:
    """A stage, and the brokers over its database; the first of them is where the issuer says."""

    stage: Stage
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Processes:
    """Several `broker serve` of the same settings, whose TikTok shall listen on the port `tiktok`."""

    origins: tuple[str, ...]
    environ: dict[str, str]
    tiktok: int


@contextlib.asynccontextmanager
async def in_this_process(database_url: str, clock: HeldClock, **changes: str) -> AsyncIterator[Arena]:
    """A stage's own broker and a second one of the same settings, with a connection of its own."""
    async with (
        running_stage(database_url, clock, **changes) as stage,
        running(stage.settings, clock=clock) as app,
        serving(app) as second,
    ):
        yield Arena(stage, (stage.issuer, second))


@contextlib.contextmanager
def several_processes(
    database_url: str, folder: Path, changes: Mapping[str, str] | None = None, *, count: int = 2
) -> Iterator[Processes]:
    """All start at the same moment, and listen when the block begins; `changes` are further settings."""
    port, tiktok = free_port(), free_port()
    environ = environment(
        f"http://127.0.0.1:{port}", database_url, f"http://127.0.0.1:{tiktok}", **(changes or {})
    )
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(
                starting(
                    *(("--port", f"{port}") if number == 0 else ()),
                    environ=environ,
                    cwd=folder,
                    name=f"{number}.log",
                    patience=_PATIENCE,
                    program="tests.patient",
                )
            )
            for number in range(count)
        ]
        yield Processes(tuple(listening(one).origin for one in started), environ, tiktok)


@contextlib.asynccontextmanager
async def on_processes(processes: Processes) -> AsyncIterator[Arena]:
    """The processes with a TikTok of their own, over a database that has been emptied; time is what it is."""
    loaded = settings.load(processes.environ)
    clock = HeldClock(system_clock())
    world = World()
    world.add_app(App(CLIENT_KEY, TIKTOK_SECRET, [f"{loaded.issuer}/callback/tiktok"], platform="desktop"))
    async with contextlib.AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(serving(create_app(world), port=processes.tiktok))
        database = await connect(processes.environ["BROKER_DATABASE_URL"])
        stack.push_async_callback(database.close)
        await register_clients(database, now=clock())
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=loaded.issuer, timeout=60, verify=False))
        stage = Stage(loaded.issuer, loaded, world, simulator, clock, database, http, stack)
        yield Arena(stage, processes.origins)
