"""One logout notice: which answers of an app are final, and who is told nothing at all."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from broker.claims import Claims
from broker.client_auth.directory import ClientDirectory
from broker.keys.signer import Signer
from broker.login.notice import LogoutNotice
from broker.outbound import Outbound, Reach, outbound_client
from broker.sealing import Sealer, SecretKey
from broker.simulator.serve import running as serving
from broker.store import clients
from broker.store.database import Database, connect
from broker.store.outbox import Outcome
from tests.keys.made import ring_in
from tests.logout.apps import Ear
from tests.stage import SECRET_KEY, HeldClock

APP = "cli_app"
PAYLOAD = {"client_id": APP, "sub": "usr_1", "sid": "ses_1"}


@contextlib.asynccontextmanager
async def notices(database: Database, clock: HeldClock, *, loopback: bool = True) -> AsyncIterator[LogoutNotice]:
    """What posts logout tokens, as the service builds it."""
    sealer = Sealer([SecretKey(SECRET_KEY)])
    keys = await ring_in(database, sealer, now=clock())
    claims = Claims("https://login.example", Signer(keys), "ES256", 600)
    reach = Reach(private=False, loopback=loopback)
    async with outbound_client(reach) as http:
        yield LogoutNotice(ClientDirectory(database, clock), claims, Outbound(http, reach), clock)


async def register(database: Database, clock: HeldClock, **metadata: Any) -> None:
    known = {"redirect_uris": ["https://app.example/callback"], **metadata}
    await database.transact(clients.add, APP, known, None, now=clock())


@pytest.fixture
async def sqlite(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated SQLite database: the answers of apps have nothing to do with the kind of it."""
    file = tmp_path / "notice.db"
    shutil.copy(sqlite_template, file)
    opened = await connect(f"sqlite:///{file}")
    yield opened
    await opened.close()


async def test_an_app_has_heard_it_when_it_says_so(sqlite: Database, clock: HeldClock) -> None:
    """Back-Channel Logout §2.8: 200 (or 204) is done; all else, 400 for "it failed" included, is tried again."""
    ear = Ear()
    async with notices(sqlite, clock) as notice:
        async with serving(ear) as origin:
            await register(sqlite, clock, backchannel_logout_uri=f"{origin}/out")
            for status in (200, 204, 400, 302, 401, 404, 429, 500, 503):
                ear.statuses = [status]
                outcome = await notice.deliver(PAYLOAD)
                assert outcome is (Outcome.DONE if status in (200, 204) else Outcome.AGAIN), status
        assert await notice.deliver(PAYLOAD) is Outcome.AGAIN, "refused connection"
    assert len(ear.heard) == len(set(ear.heard)) == 9


@pytest.mark.parametrize("fate", ["disabled", "removed", "address taken back"])
async def test_an_app_no_longer_welcome_is_told_nothing_and_nothing_is_kept_for_it(
    sqlite: Database, clock: HeldClock, fate: str
) -> None:
    ear = Ear()
    async with serving(ear) as origin, notices(sqlite, clock) as notice:
        await register(sqlite, clock, backchannel_logout_uri=f"{origin}/out")
        if fate == "disabled":
            await sqlite.transact(clients.disable, APP, now=clock())
        elif fate == "removed":
            await sqlite.transact(clients.remove, APP, now=clock())
        else:
            await sqlite.transact(clients.set_metadata, APP, {}, now=clock())
        assert await notice.deliver(PAYLOAD) is Outcome.DONE
    assert ear.heard == []


async def test_an_address_inside_is_refused_at_delivery_too(
    sqlite: Database, clock: HeldClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever let it be registered: the log line names the app and the reason, and no token."""
    ear = Ear()
    async with serving(ear) as origin, notices(sqlite, clock, loopback=False) as notice:
        await register(sqlite, clock, backchannel_logout_uri=f"{origin}/out")
        assert await notice.deliver(PAYLOAD) is Outcome.AGAIN
    assert ear.heard == []
    line = capsys.readouterr().err
    assert "backchannel_logout.unheard" in line
    assert "points into a private network" in line
    assert "eyJ" not in line
