"""What `/metrics` says of sign-ins, tokens, deliveries, the database and the keys, after each has happened."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from broker import __version__, telemetry
from broker.metrics_facts import FACTS, families
from broker.store import outbox, spent_ids, watching
from broker.store.database import Database, DatabaseUnavailable, Transaction
from broker.store.watched import WatchedDatabase
from broker.store.watching import Queue
from tests.stage import PUBLIC, WEB, HeldClock, Stage, running_stage
from tests.watching.scraping import Samples, samples, value

NOW = 1_800_000_000
DAY = 86_400


@pytest.fixture
async def stage(database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    async with running_stage(database_url, clock) as ready:
        yield ready


async def scraped(stage: Stage) -> Samples:
    answer = await stage.http.get("/metrics")
    assert answer.status_code == 200
    return samples(answer.text)


class Since:
    """How much each counter has grown: other tests of this process count, too."""

    def __init__(self, before: Samples, after: Samples) -> None:
        self.before, self.after = before, after

    def __call__(self, name: str, **labels: str) -> float:
        return value(self.after, name, **labels) - value(self.before, name, **labels)


async def test_sign_ins_are_counted_by_app_and_outcome(stage: Stage) -> None:
    before = await scraped(stage)
    browser = await stage.browser()
    await stage.come_back(browser, stage.question())
    # From the broker's own session.
    await stage.authorize(browser, stage.question(PUBLIC))
    await stage.come_back(await stage.browser(), stage.question(), action="deny")
    await stage.authorize(await stage.browser(), stage.question(prompt="none"))
    # Nobody knows for which app this is.
    await stage.authorize(await stage.browser(), stage.question("cli_canary"))
    since = Since(before, await scraped(stage))
    assert since("broker_sign_ins_total", client=WEB, outcome="ok") == 1
    assert since("broker_sign_ins_total", client=PUBLIC, outcome="ok") == 1
    assert since("broker_sign_ins_total", client=WEB, outcome="access_denied") == 1
    assert since("broker_sign_ins_total", client=WEB, outcome="login_required") == 1
    assert since("broker_http_requests_total", route="/authorize", method="GET", status="400") == 1
    assert since("broker_http_request_seconds_count", route="/callback/tiktok") == 2
    assert "canary" not in repr(since.after)


async def test_token_requests_and_tokens_that_come_again_are_counted(stage: Stage) -> None:
    before = await scraped(stage)
    answer = await stage.come_back(await stage.browser(), stage.question())
    tokens = (await stage.redeem(answer["code"])).json()
    first = tokens["refresh_token"]
    second = (await stage.refresh(first)).json()["refresh_token"]
    assert (await stage.refresh(first)).json()["refresh_token"] == second
    await stage.refresh(second)
    assert (await stage.refresh(first)).status_code == 400
    again = (await stage.come_back(await stage.browser(), stage.question()))["code"]
    for status in (200, 400):
        assert (await stage.redeem(again)).status_code == status
    await stage.token({"grant_type": "urn:canary"})
    since = Since(before, await scraped(stage))
    requests = "broker_token_requests_total"
    assert since(requests, grant="authorization_code", outcome="ok") == 2
    assert since(requests, grant="authorization_code", outcome="invalid_grant") == 1
    assert since(requests, grant="refresh_token", outcome="ok") == 3
    assert since(requests, grant="refresh_token", outcome="invalid_grant") == 1
    assert since(requests, grant="other", outcome="unsupported_grant_type") == 1
    reuse = "broker_token_reuse_total"
    assert since(reuse, token="refresh_token", client=WEB, outcome="repeated") == 1
    assert since(reuse, token="refresh_token", client=WEB, outcome="ended") == 1
    assert since(reuse, token="code", client=WEB, outcome="ended") == 1


async def test_what_waits_is_a_fact_in_the_database(database: Database) -> None:
    for late, kind in ((30, "one"), (70, "one"), (-5, "other")):
        await database.transact(outbox.put, kind, {}, expires_at=NOW + DAY, now=NOW - late)
    for number, expired in enumerate((-9, 500, 499)):
        await database.run(spent_ids.spend, b"%d" % number, expires_at=NOW - expired)
    facts = await database.read(watching.look, now=NOW)
    assert facts.outbox == {"one": Queue(2, 70), "other": Queue(1, 0)}
    assert facts.unpurged == {"pushed_requests": 0, "spent_ids": 500, "webhook_deliveries": 0}
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families(facts, now=NOW)
        for sample in family.samples
    }
    assert told["broker_outbox_waiting", "one"] == 2
    assert told["broker_outbox_overdue_seconds", "one"] == 70
    assert told["broker_purge_overdue_seconds", "spent_ids"] == 500
    assert {name for name, *_ in told} == FACTS.keys()


async def test_a_full_outbox_is_not_counted_to_its_end(database: Database) -> None:
    """After a sign-out of all it may hold a million, and every replica is asked all the time."""
    await database.transact(outbox.put, "late", {}, expires_at=NOW + DAY, now=NOW - 400)
    many: list[dict[str, Any]] = [{}] * watching.MOST
    await database.transact(outbox.put_each, "many", many, expires_at=NOW + DAY, now=NOW - 100)
    facts = await database.read(watching.look, now=NOW)
    assert facts.outbox == {"late": Queue(1, 400), "many": Queue(watching.MOST - 1, 100)}


async def test_keys_tell_their_age_and_when_the_next_signs(stage: Stage) -> None:
    stage.clock.advance(DAY)
    found = await scraped(stage)
    for use, alg in (("sig", "ES256"), ("sig", "RS256"), ("refresh", "HS256")):
        assert value(found, "broker_key_age_seconds", use=use, alg=alg) == DAY, (use, alg)
        assert value(found, "broker_key_successor_seconds", use=use, alg=alg) == 89 * DAY


async def test_which_release_runs_and_how_many_can_work_at_once(stage: Stage) -> None:
    found = await scraped(stage)
    (build,) = [dict(labels) for name, labels in found if name == "broker_build_info"]
    assert build["version"] == __version__
    connections = 10 if stage.database.dialect == "postgresql" else 1
    assert value(found, "broker_database_connections") == connections


async def test_who_asks_the_database_is_counted_as_busy(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    look, heard = watching.look, []

    async def listen(tx: Transaction, *, now: int) -> watching.Facts:
        heard.append(telemetry.REGISTRY.get_sample_value("broker_database_busy"))
        return await look(tx, now=now)

    monkeypatch.setattr(watching, "look", listen)
    await scraped(stage)
    assert heard[0]


async def test_without_a_database_the_counts_are_there_and_the_facts_are_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("canary")

    monkeypatch.setattr(WatchedDatabase, "read", away)
    found = await scraped(stage)
    assert value(found, "broker_database_up") == 0
    assert not [name for name, _ in found if name.startswith(("broker_key_", "broker_outbox_waiting"))]
    assert [name for name, _ in found if name == "broker_http_requests_total"]


async def test_the_database_is_busy_while_it_works_and_not_when_it_failed() -> None:
    heard: list[int] = []

    class Inside:
        dialect = "none"

        async def run(self, outcome: Exception | int) -> int:
            assert sum(heard) == 1
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        transact = read = run

    database: Any = WatchedDatabase(cast("Database", Inside()), heard.append)
    for way in (database.run, database.transact, database.read):
        assert await way(7) == 7
        with pytest.raises(LookupError):
            await way(LookupError())
    assert heard == [1, -1] * 6


def test_apps_as_labels_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "_apps", set())
    assert [telemetry.app(f"cli_{number}") for number in range(1_000)][-1] == "cli_999"
    assert telemetry.app("cli_one_too_many") == "other"
    assert telemetry.app("cli_7") == "cli_7"
