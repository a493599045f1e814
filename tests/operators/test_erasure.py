"""Whoever is erased is in no cell of no table any more, and TikTok has heard of it; before, the export had it all.

What to look for is not listed here: it is whatever stood in the person's rows and in nobody else's.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, select

from broker import outbox
from broker.clock import system_clock
from broker.store import migrations
from tests.emptied import database_url
from tests.operators.people import taken_over
from tests.stage import CLIENT_KEY, TIKTOK_SECRET, WEB, WEB_SECRET, HeldClock, Stage
from tests.tiktok.deliveries import deliver
from tests.tiktok.leaving import command, revokes, table, tiktok_heard, webhook_came
from tests.tiktok.several import PINNED, stage_of_three

__all__ = ["database_url"]

Cells = list[tuple[str, dict[str, Any]]]
_SHORTEST = 3


@pytest.fixture
def clock() -> HeldClock:
    """Commands know the true time only, so the stage begins there."""
    return HeldClock(system_clock())


@pytest.fixture
async def stage(
    database_url: str, clock: HeldClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    """Three registrations, and pictures are copied at once."""
    monkeypatch.setattr(outbox, "_LOOK_SECONDS", 0.02)
    async with stage_of_three(database_url, clock, tmp_path, BROKER_AVATARS="copy") as stage:
        yield stage


def reflected(connection: Connection) -> Cells:
    """Every row with its table, of the database as it is and not as the code thinks that it is."""
    there = MetaData()
    there.reflect(connection)
    return [
        (one.name, dict(row._mapping))
        for one in there.sorted_tables
        for row in connection.execute(select(one)).all()
    ]


async def everything(url: str) -> Cells:
    return await asyncio.to_thread(migrations.with_connection, url, reflected)


def traces(cells: Cells, sub: str) -> set[str | bytes]:
    """Texts and bytes of the rows that are about this person."""
    theirs = [row for name, row in cells if (row.get("id") if name == "users" else row.get("user_id")) == sub]
    found = {value for row in theirs for value in row.values() if isinstance(value, str | bytes)}
    return {value for value in found if len(value) >= _SHORTEST}


def found_in(cells: Cells, trace: str | bytes) -> list[str]:
    """Where it stands, alone or within something longer."""
    raw = trace.encode() if isinstance(trace, str) else trace
    return [
        f"{name}.{column}"
        for name, row in cells
        for column, value in row.items()
        if isinstance(value, str | bytes) and raw in (value.encode() if isinstance(value, str) else value)
    ]


async def lived(stage: Stage, person: str) -> str:
    """Somebody who was imported, comes through two registrations, and by a request that was pushed; the `sub`."""
    for app in ("second", "default"):
        tokens = await stage.sign_in(PINNED[app], person=person)
        await stage.refresh(tokens["refresh_token"], PINNED[app])
    tokens = await stage.sign_in(person=person)
    request = stage.question(id_token_hint=tokens["id_token"])
    answer = await stage.http.post("/par", data=request, auth=(WEB, WEB_SECRET))
    asked = {"client_id": WEB, "request_uri": answer.json()["request_uri"]}
    assert "code" in await stage.come_back(await stage.browser(), asked, person=person)
    sub: str = (await stage.userinfo(tokens["access_token"])).json()["sub"]
    return sub


async def test_nothing_is_left_that_leads_to_an_erased_person(stage: Stage, database_url: str) -> None:
    ada, other_key = stage.world.people["p1"], "aw0example0key02"
    imported = {"p1": "ada@old.example", "p2": "bob@old.example"}
    people = [
        {"open_id": stage.world.people[one].open_id(other_key), "registration": "second", "previous_id": name}
        for one, name in imported.items()
    ]
    await asyncio.to_thread(taken_over, database_url, people)
    sub, bob = [await lived(stage, one) for one in imported]
    # An event that nothing is done about is kept, too; and here no word of the revocation tidies up after it.
    about_ada = {
        "client_key": other_key,
        "user_openid": ada.open_id(other_key),
        "event": "video.publish.completed",
    }
    posted = await deliver(stage.http, at=stage.clock(), secret=f"{TIKTOK_SECRET}-second", **about_ada)
    assert posted.status_code == 200
    await tiktok_heard(stage)

    before = await everything(database_url)
    kept = traces(before, sub) - traces(before, bob)
    about = {name for name, row in before if row.get("user_id") == sub}
    assert about == {"accounts", "avatars", "sessions", "grants", "imported_people", "audit_events"}
    open_ids = {ada.open_id(key) for key in (CLIENT_KEY, other_key)}
    assert {sub, "ada@old.example", ada.display_name, *open_ids} <= kept
    assert "webhook_deliveries.open_id" in found_in(before, ada.open_id(other_key))
    assert [row["parameters"] for row in await table(stage, "pushed_requests")] == ["", ""]
    # The control: each of them would be found.
    assert all(found_in(before, trace) for trace in kept)

    exported = (await command(stage, "users", "export", ada.open_id(other_key))).stdout
    told = json.loads(exported)
    assert {name for name in about if told.get(name)} == about - {"avatars"}
    assert (told["avatar"]["media_type"], told["union_id"]) == ("image/png", ada.union_id("Sample developer"))
    # Read again, since the export is an event, too.
    now = await everything(database_url)
    in_rows = {str(value) for name, row in now if name in about for value in row.values()}
    for name in about - {"avatars"}:
        assert {str(value) for row in told[name] for value in row.values()} <= in_rows | {"True"}
    for secret in (value for value in kept if isinstance(value, bytes)):
        assert secret.hex() not in exported

    erased = await command(stage, "users", "erase", ada.open_id(other_key), "--yes")
    assert erased.exit_code == 0, erased.output
    assert "for: default, second." in erased.stderr.replace("second, default", "default, second")
    await tiktok_heard(stage)
    await webhook_came(stage, before=1)
    assert revokes(stage) == 2
    for key in (CLIENT_KEY, other_key):
        assert not stage.world.grants.cover("p1", key, ["user.info.basic"])
    after = await everything(database_url)
    # Events stay, and their own ids, which nobody was told.
    ids = {row["id"] for name, row in before if name == "audit_events"}
    assert not any(each in exported for each in ids)
    assert {trace: places for trace in kept - ids if (places := found_in(after, trace))} == {}
    # One stub proves it to whoever knows the sub; Bob has lost nothing.
    (stub,) = json.loads((await command(stage, "audit", "--user", sub, "--json")).stdout)
    assert stub["event"] == "user.erased"
    assert traces(after, bob) == traces(before, bob)
