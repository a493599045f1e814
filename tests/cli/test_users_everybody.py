"""`broker users sign-out --all`: nobody is signed in afterwards, however many there were."""

import asyncio

import pytest
from sqlalchemy import text

from broker.store import endings, everybody
from broker.store.database import connect
from tests.by_hand import execute
from tests.cli.running import rows, run
from tests.store.rows import NOW, add_client, authorization, profile, record, sign_in

PEOPLE = 5


@pytest.fixture
def url(database_url: str) -> str:
    """Five people: one has a grant only, one was signed out already, one has nothing but an expired session."""

    async def fill() -> None:
        database = await connect(database_url)
        await add_client(database)
        for number in range(PEOPLE):
            name = f"n{number}"
            digest = name.encode()
            account = authorization(open_id=name)
            person = profile(union_id=name)
            grant = {"id": name, "login_digest": digest, "code_digest": digest}
            await record(database, sign_in(person=person, account=account, session=f"ses_{name}", **grant))
        await execute(database, f"UPDATE sessions SET ended_at = {NOW} WHERE id IN ('ses_n2', 'ses_n3')")
        await execute(database, f"UPDATE grants SET ended_at = {NOW} WHERE id IN ('n3', 'n4')")
        await execute(database, "UPDATE sessions SET expires_at = 5 WHERE id = 'ses_n4'")
        await database.close()

    asyncio.run(fill())
    return database_url


def alive(url: str) -> int:
    tables = ("sessions", "grants")
    return sum(
        row["n"]
        for table in tables
        for row in rows(url, text(f"SELECT count(*) AS n FROM {table} WHERE ended_at IS NULL"))
    )


def test_everybody_is_out_batch_by_batch_and_each_is_an_event(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "MOST", 3)
    monkeypatch.setattr("broker.clock.system_clock", lambda: NOW + 1)
    done = run("users", "sign-out", "--all", "--yes", url=url)
    assert done.exit_code == 0
    assert done.stdout == "Signed out: 4 people; sessions ended: 2, grants ended: 3.\n"
    assert done.stderr == "3 of 4 …\n"
    assert alive(url) == 0
    signed_out = text("SELECT DISTINCT user_id FROM audit_events WHERE event = 'user.signed_out'")
    assert len(rows(url, signed_out)) == PEOPLE - 1
    assert run("users", "sign-out", "--all", url=url).stdout == "Nobody is signed in.\n"


def test_it_asks_first_and_says_how_many(url: str) -> None:
    done = run("users", "sign-out", "--all", url=url)
    assert done.exit_code == 1
    assert "This signs everybody out everywhere (4 people)" in done.stderr
    assert "add --yes" in done.stderr
    assert alive(url) > 0


@pytest.mark.parametrize("arguments", [(), ("usr_x", "--all")])
def test_it_is_one_person_or_everybody(arguments: tuple[str, ...], url: str) -> None:
    done = run("users", "sign-out", *arguments, "--yes", url=url)
    assert done.exit_code == 2
    assert "Name one PERSON, or give --all." in done.stderr
    assert alive(url) > 0


async def test_a_batch_is_bounded_and_goes_on_behind_the_last(url: str) -> None:
    database = await connect(url)
    first = await database.transact(everybody.sign_out, after="", most=3, now=NOW)
    assert first is not None
    assert first.people == 3
    second = await database.transact(everybody.sign_out, after=first.last, most=3, now=NOW)
    assert second is not None
    assert second.people == 1
    assert await database.transact(everybody.sign_out, after=second.last, most=3, now=NOW) is None
    await database.close()
