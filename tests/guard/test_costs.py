"""No leg asks more of a database than the table says, and the page for readers says the same."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

import pytest

from broker import outbox
from broker.background import beside
from tests.avatars.picturing import settled, take_picture
from tests.dialects.statements import constants
from tests.documentation import ROOT, Page
from tests.guard.costs import BESIDE, COPY, LEGS
from tests.guard.playing import legs, prepared
from tests.stage import HeldClock, running_stage
from tests.store.watching import Statements, listen

HEADER = "| leg | SQLite: statements | commits | PostgreSQL: statements | transactions | round trips |"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Everything that goes to the databases: what goes on beside the requests stands still."""

    @contextlib.asynccontextmanager
    async def nothing(*_: object, **__: object) -> AsyncIterator[None]:
        yield

    for module in [module for name, module in sys.modules.items() if name.startswith("broker.")]:
        if getattr(module, "beside", None) is beside:
            monkeypatch.setattr(module, "beside", nothing)
    everything = Statements(aside=())
    listen(monkeypatch, everything)
    return everything


async def test_each_leg_asks_what_the_table_says(heard: Statements, database_url: str, clock: HeldClock) -> None:
    """All at once: in their order, with every BEGIN and COMMIT, while each feature is switched on."""
    features = {"BROKER_AVATARS": "copy", "BROKER_LIMITS": "on"}
    found: dict[str, str] = {}
    asked: set[str] = set()
    async with running_stage(database_url, clock, **features) as stage:
        await prepared(stage)
        heard.clear()
        async for name in legs(stage):
            found[name] = " ".join(heard.kinds)
            asked.update(heard)
            heard.clear()
    found.pop("")
    told = {name: " ".join(getattr(cost, stage.database.dialect).sent) for name, cost in LEGS.items()}
    assert {name: words for name, words in found.items() if told.get(name) != words} == {}
    assert told.keys() == found.keys()
    if stage.database.dialect == "postgresql":
        # So nothing escapes those who read statements as they are written (`tests/dialects`).
        assert {sql for sql in asked if not sql.startswith(("BEGIN", "COMMIT"))} <= {
            one.sql for one in constants()
        }


async def test_a_new_picture_asks_for_its_copy_and_nothing_else(
    heard: Statements, database_url: str, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing looks for the delivery, takes it, or reads what the sign-in knew."""
    monkeypatch.setattr(outbox, "beside", beside)
    monkeypatch.setattr(outbox, "_LOOK_SECONDS", 3600)
    async with running_stage(database_url, clock, BROKER_AVATARS="copy") as stage:
        await stage.sign_in()
        await settled(stage)
        take_picture(stage)
        heard.clear()
        await stage.sign_in()
        # On SQLite the copy and the code may come together, and then share a commit.
        shared = ("BEGIN", "COMMIT") if stage.database.dialect == "sqlite" else ()
        asked: list[str] = []
        told: list[str] = []
        for cost in (LEGS["callback, somebody known, a new picture"], LEGS["code exchange"], BESIDE[COPY]):
            told += [kind for kind in getattr(cost, stage.database.dialect).sent if kind not in shared]
        async with asyncio.timeout(5):
            while len(asked) < len(told):
                await asyncio.sleep(0)
                asked = [kind for kind in heard.kinds if kind not in shared]
    assert sorted(asked) == sorted(told)


def test_the_page_has_the_same_table() -> None:
    told = Page(ROOT / "docs/performance.md").rows(HEADER)
    assert told == [[name, *cost.row] for name, cost in (*LEGS.items(), *BESIDE.items())]
