"""One stage for all tests of pictures: it copies, and looks for work all the time."""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import pytest_asyncio

from broker import outbox
from broker.avatars import endpoint
from tests.avatars.picturing import HOUR, take_picture
from tests.postgres import PostgresServer
from tests.stage import HeldClock, Stage, running_stage


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("avatars") / "broker.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create_database(copy_of=request.getfixturevalue("postgres_template"))
    yield url
    server.drop_database(url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(module_url: str) -> AsyncIterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "_LOOK_SECONDS", 0.02)
        patch.setattr(endpoint, "_PAUSES", (0.02, 0.05))
        async with running_stage(module_url, HeldClock(), BROKER_AVATARS="copy") as stage:
            yield stage


@pytest.fixture
def stage(shared: Stage) -> Stage:
    """The one stage of the module, with nothing going wrong, and Ada with a picture nobody has seen."""
    shared.world.faults.clear()
    shared.world.public_origin = None
    shared.world.switches = replace(shared.world.switches, avatar_lifetime=48 * HOUR)
    take_picture(shared)
    return shared
