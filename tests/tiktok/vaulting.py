"""A stage with an app that may have TikTok's tokens, a look at the vault, and replicas that die."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest

from broker.app_tiktok import connectors
from broker.sealing import Sealer
from broker.store import token_pairs
from broker.store.database import Database, DatabaseUnavailable
from broker.store.token_pairs import Kept
from broker.upstream.http import upstream_transport
from broker.vault import LiveToken, Vault
from tests.journeys.tables import contents
from tests.stage import Stage
from tests.tiktok.exchanging import (
    BASIC,
    TIKTOK_LIFE,
    register,
)


@pytest.fixture
async def vault_stage(stage: Stage) -> Stage:
    await register(stage)
    return stage


async def near_the_end(stage: Stage, tokens: dict[str, Any], left: int = 119) -> str:
    """Let time go on until TikTok's token has `left` seconds; an access token of ours that is good then."""
    stage.clock.advance(TIKTOK_LIFE - left)
    answer = await stage.http.post(
        "/token",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        headers=BASIC,
    )
    assert answer.status_code == 200, answer.text
    fresh: str = answer.json()["access_token"]
    return fresh


async def tiktok_knows(stage: Stage, access_token: str) -> bool:
    """Whether TikTok takes the token."""
    headers = {"Authorization": f"Bearer {access_token}"}
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{stage.simulator}/v2/user/info/?fields=open_id", headers=headers)
    return answer.status_code == 200


async def audited(stage: Stage, event: str) -> list[dict[str, Any]]:
    return [row for row in (await contents(stage.database))["audit_events"] if row["event"] == event]


async def row_of(database: Database) -> dict[str, Any]:
    (row,) = (await contents(database))["accounts"]
    return row


async def kept_of(stage: Stage) -> Kept:
    kept = await stage.database.read(token_pairs.of_account, (await row_of(stage.database))["id"])
    assert kept is not None
    return kept


async def replica(stage: Stage, database: Database, pause: Callable[[float], Any] = asyncio.sleep) -> LiveToken:
    """What another replica gets, over this database."""
    async with upstream_transport() as http:
        tiktok = connectors(stage.settings, http, stage.clock)
        vault = Vault(database, Sealer(stage.settings.secret_keys), tiktok, stage.clock, pause)
        return await vault.live(await kept_of(stage))


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Shaky:
    """A database that is away, so many times, when a new pair is to be stored."""

    under: Database
    failures: int
    error: type[BaseException] = DatabaseUnavailable
    arguments: tuple[Any, ...] = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.under, name)

    async def run(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        if function is token_pairs.renew and self.failures:
            self.failures -= 1
            self.arguments = args
            raise self.error("away")
        return await self.under.run(function, *args, **kwargs)

    async def store_after_all(self) -> bool:
        """What the dead process would have done next."""
        return await self.under.run(token_pairs.renew, *self.arguments)


async def dying(stage: Stage) -> Shaky:
    """A replica that ended between TikTok's answer and the storing of it."""
    shaky = Shaky(stage.database, failures=1, error=Killed)
    with pytest.raises(Killed):
        await replica(stage, cast("Database", shaky))
    return shaky
