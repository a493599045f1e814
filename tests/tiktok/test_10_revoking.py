"""What revokes at TikTok: the access token, after refreshing it if needed, until TikTok has answered for good."""

import json
from dataclasses import dataclass
from typing import Any, cast

import pytest
from sqlalchemy import text

from broker.app_tiktok import connectors
from broker.sealing import Sealer
from broker.simulator.world import Fault
from broker.store import leaving, outbox, revocations
from broker.store.database import Database, DatabaseUnavailable
from broker.store.leaving import Left
from broker.store.outbox import Outcome
from broker.store.revocations import TIKTOK_REVOCATION, Revocation
from broker.upstream.http import upstream_transport
from broker.vault import Vault
from broker.vault_revoking import TikTokRevocation
from tests.stage import Stage
from tests.tiktok.exchanging import TIKTOK_LIFE
from tests.tiktok.leaving import (
    A_WHILE,
    HOUR,
    Somebody,
    allowed,
    arrived,
    refreshes,
    revokes,
    table,
)


async def waiting(stage: Stage) -> dict[str, Any]:
    """The one revocation in the outbox; what TikTok's webhooks ask for waits there, too."""
    (row,) = [row for row in await table(stage, "outbox") if row["kind"] == TIKTOK_REVOCATION]
    return row


@dataclass
class Worker:
    """What revokes, over the stage's TikTok and database, and a revocation that waits for it."""

    stage: Stage
    revocation: Revocation
    pauses: list[float]

    async def deliver(self, database: Database | None = None) -> bool:
        """Once, with what the outbox holds now."""
        row = await waiting(self.stage)

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        async with upstream_transport() as http:
            tiktok = connectors(self.stage.settings, http, self.stage.clock)
            sealer = Sealer(self.stage.settings.secret_keys)
            vault = Vault(database or self.stage.database, sealer, tiktok, self.stage.clock, pause)
            return await TikTokRevocation(vault).deliver(json.loads(row["payload"])) is Outcome.DONE


@pytest.fixture
async def worker(stage: Stage) -> Worker:
    return await leaving_later(stage, await arrived(stage))


async def leaving_later(stage: Stage, person: Somebody) -> Worker:
    """Somebody disconnected; the stage's own worker is kept away from it: it is due in a year."""
    left = await stage.database.transact(_leave_later, person.sub, now=stage.clock())
    assert isinstance(left, Left)
    row = await waiting(stage)
    assert row["expires_at"] == stage.clock() + 24 * HOUR
    return Worker(stage, Revocation.of(json.loads(row["payload"])), [])


async def _leave_later(tx: Any, sub: str, *, now: int) -> Any:
    left = await leaving.disconnect(tx, sub, now=now)
    await tx.run(text(f"UPDATE outbox SET due_at = {now + 365 * 24 * HOUR} WHERE kind = '{TIKTOK_REVOCATION}'"))
    return left


async def test_no_token_stands_in_the_outbox(worker: Worker) -> None:
    row = await waiting(worker.stage)
    assert "act." not in row["payload"]
    assert "rft." not in row["payload"]
    assert "canary" not in repr(worker.revocation)
    assert worker.revocation.open_id not in repr(worker.revocation)


async def test_an_expired_token_is_refreshed_and_the_new_pair_stored_before_it_is_used(worker: Worker) -> None:
    stage = worker.stage
    stage.clock.advance(TIKTOK_LIFE - 119)
    stage.world.faults.add(Fault("revoke", "html"))
    assert not await worker.deliver()
    assert (refreshes(stage), revokes(stage)) == (1, 1)
    assert allowed(stage)
    # The next try goes on with the new pair, which needs no refresh; the old one would be refused.
    assert await worker.deliver()
    assert (refreshes(stage), revokes(stage)) == (1, 2)
    assert not allowed(stage)


@dataclass
class Shaky:
    """A database that is away, so many times, when a new pair is to be stored."""

    under: Database
    failures: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.under, name)

    async def run(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        if function is revocations.renew and self.failures:
            self.failures -= 1
            raise DatabaseUnavailable("away")
        return await self.under.run(function, *args, **kwargs)


async def test_a_database_that_fails_at_the_storing_is_given_time_and_nothing_is_used_before(
    worker: Worker,
) -> None:
    stage = worker.stage
    stage.clock.advance(TIKTOK_LIFE)
    assert await worker.deliver(cast("Database", Shaky(stage.database, 3)))
    assert worker.pauses == [1, 1, 1]
    assert not allowed(stage)


async def test_a_pair_that_cannot_be_stored_is_not_used(worker: Worker) -> None:
    stage = worker.stage
    stage.clock.advance(TIKTOK_LIFE)
    with pytest.raises(DatabaseUnavailable):
        await worker.deliver(cast("Database", Shaky(stage.database, 99)))
    assert len(worker.pauses) < 20
    assert revokes(stage) == 0


OUTCOMES = (
    # Whether the access token has expired by then, what goes wrong, and whether that is the end of it.
    (False, Fault("revoke", "html"), False),
    (False, Fault("revoke", "reset"), False),
    (False, Fault("revoke", "rate_limit"), False),
    (False, Fault("revoke", "error", error="server_error"), False),
    (False, Fault("revoke", "error", error="invalid_client"), False),
    (False, Fault("revoke", "error", error="something_new"), False),
    (False, Fault("revoke", "error", error="invalid_grant"), True),
    (True, Fault("token", "html"), False),
    (True, Fault("token", "error", error="invalid_client"), False),
    (True, Fault("token", "error", error="invalid_grant"), True),
    (True, Fault("token", "different_open_id"), True),
)


async def test_what_tiktok_answers_decides_whether_it_is_tried_again(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused tokens are ones that TikTok does not know any more; everything else may yet succeed."""
    for late, fault, done in OUTCOMES:
        stage.clock.advance(A_WHILE)
        worker = await leaving_later(stage, await arrived(stage))
        stage.clock.advance(TIKTOK_LIFE if late else 0)
        capsys.readouterr()
        stage.world.faults.add(fault)
        assert await worker.deliver() is done, fault
        told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        (line,) = [line for line in told if line["event"].startswith("tiktok_revocation.")]
        misconfigured = fault.error in ("invalid_client", "something_new")
        assert line["level"] == ("error" if misconfigured else "warning"), fault
        assert (line["registration"], "reason" in line) == ("default", True)
        if not done:
            assert await worker.deliver(), fault
            assert not allowed(stage)
        await stage.database.transact(outbox.done, worker.revocation.id)


async def test_a_pair_that_has_expired_altogether_is_let_go_of(worker: Worker) -> None:
    worker.stage.clock.advance(400 * 24 * HOUR)
    assert await worker.deliver()
    assert (refreshes(worker.stage), revokes(worker.stage)) == (0, 0)


async def test_a_registration_that_is_not_configured_may_come_back(worker: Worker) -> None:
    vault = Vault(worker.stage.database, Sealer(worker.stage.settings.secret_keys), {}, worker.stage.clock)
    assert await TikTokRevocation(vault).deliver(worker.revocation.payload()) is Outcome.AGAIN


async def test_whoever_signs_in_again_before_tiktok_has_heard_stays_connected(worker: Worker) -> None:
    """Revoking ends the grant, whichever token it names: it would end the new sign-in, too."""
    again = await arrived(worker.stage)
    assert await worker.deliver()
    assert revokes(worker.stage) == 0
    assert allowed(worker.stage)
    assert (await worker.stage.userinfo(again.tokens["access_token"])).status_code == 200
