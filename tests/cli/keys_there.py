"""Keys whose times are those of this machine's clock, and the commands about them."""

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from broker.cli.main import broker
from broker.clock import system_clock
from broker.keys.rotation import Rotation
from broker.sealing import Sealer, SecretKey
from broker.store.database import connect
from tests.by_hand import execute
from tests.cli.running import run, settings
from tests.keys.made import RULES
from tests.stage import SECRET_KEY


def keys(url: str, *arguments: str, **changes: str) -> Result:
    """One `broker keys` command with the settings of a broker."""
    return CliRunner().invoke(broker, ["keys", *arguments], env=settings(url, **changes), prog_name="broker")


def listed(url: str, alg: str = "ES256") -> list[dict[str, Any]]:
    """The keys of one algorithm."""
    found = json.loads(run("keys", "list", "--json", url=url).stdout)
    return [key for key in found if key["alg"] == alg]


@pytest.fixture
def url(database_url: str) -> str:
    """With a key for ES256 and one for refresh tokens, and the next of each announced just now."""

    async def fill() -> None:
        database = await connect(database_url)
        await execute(database, "DELETE FROM signing_keys")
        # RSA keys cost most of a second each, and change nothing.
        sealer = Sealer([SecretKey(SECRET_KEY)])
        await Rotation(database, sealer, ("ES256",), RULES, system_clock).begin()
        await database.close()

    asyncio.run(fill())
    return database_url


@pytest.fixture(autouse=True)
def one_algorithm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.oauth.registration.ID_TOKEN_ALGS", ("ES256",))
