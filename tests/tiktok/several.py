"""A stage with three TikTok apps of one developer, and an app of ours pinned to each."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import httpx
import orjson

from broker.simulator.apps import App
from broker.store import clients
from tests.journeys.tables import contents
from tests.stage import PUBLIC_REDIRECT, TIKTOK_SECRET, HeldClock, Stage, running_stage

PROFILE, STATS = "user.info.profile", "user.info.stats"
BOTH_SCOPES = ("user.info.basic", PROFILE)
# The client for each registration; all are public, so that they take the stage's usual question.
PINNED = {"default": "cli_public", "second": "cli_second", "third": "cli_third"}
_KEYS = {"second": "aw0example0key02", "third": "aw0example0key03"}


@contextlib.asynccontextmanager
async def stage_of_three(
    database_url: str, clock: HeldClock, folder: Path, **changes: str
) -> AsyncIterator[Stage]:
    """The registrations `default`, `second` and `third`; `changes` are further settings."""
    table = folder / "registrations.toml"
    table.write_text(
        "\n".join(
            f'[[registrations]]\nname = "{name}"\nclient_key = "{key}"\nclient_secret = "{TIKTOK_SECRET}-{name}"'
            for name, key in _KEYS.items()
        )
    )
    async with running_stage(database_url, clock, BROKER_TIKTOK_REGISTRATIONS=str(table), **changes) as stage:
        for name, key in _KEYS.items():
            address = f"{stage.issuer}/callback/tiktok/{name}"
            stage.world.add_app(App(key, f"{TIKTOK_SECRET}-{name}", [address], platform="desktop"))
            await add_app(stage, PINNED[name], registration=name)
        yield stage


async def add_app(stage: Stage, client_id: str, **metadata: Any) -> str:
    """Register an app of ours: public, on loopback unless told otherwise."""
    usual = {"redirect_uris": [PUBLIC_REDIRECT], "token_endpoint_auth_method": "none"}
    await stage.database.transact(clients.add, client_id, usual | metadata, None, now=stage.clock())
    return client_id


async def assert_nothing_stored(stage: Stage) -> None:
    """Every table is empty but those of apps, keys and numbers."""
    found = await contents(stage.database)
    assert {name for name, rows in found.items() if rows} == {"clients", "signing_keys", "counters"}


def cookies_left(browser: httpx.AsyncClient) -> list[str]:
    """The names of the broker's cookies in the browser."""
    return [name for name in browser.cookies if name.startswith("broker_")]


def events(logged: str, event: str) -> list[dict[str, Any]]:
    """The log lines about this event."""
    lines: Iterable[dict[str, Any]] = map(orjson.loads, logged.splitlines())
    return [line for line in lines if line["event"] == event]
