"""`broker users`: list, show, export, and who is meant; what ends something asks first."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select, text

from broker.store.database import connect
from broker.store.schema import audit_events, grants, sessions, users
from tests.by_hand import execute
from tests.cli.running import rows, run
from tests.store.rows import NOW, add_client, authorization, profile, record, redeem, sign_in

DASHED = "-h00ExampleOpenIdExampleOpenIdExampl"
DESTRUCTIVE = ("sign-out", "block", "disconnect", "erase")


def signed_in(url: str, *, redeemed: bool = True) -> None:
    """Ada with two accounts, and Bob, whose `open_id` under one registration is Ada's under another."""

    async def fill() -> None:
        database = await connect(url)
        await add_client(database)
        ada = profile(union_id="union-ada", display_name="Ada\x1b[2J", username="ada")
        await record(database, sign_in(person=ada, account=authorization(open_id=DASHED)))
        if redeemed:
            await redeem(database)
        for number, (person, registration, open_id) in enumerate(
            [(ada, "second", "twice"), (profile(union_id="union-bob", display_name=None), "default", "twice")], 1
        ):
            await record(
                database,
                sign_in(
                    person=person,
                    account=authorization(registration=registration, open_id=open_id),
                    session=f"ses_more{number}",
                    id=f"grant{number}",
                    login_digest=b"%d" % number,
                    code_digest=b"%d" % number,
                ),
                now=NOW + number,
            )
        await execute(
            database,
            "INSERT INTO webhook_deliveries (digest, registration, event, open_id, occurred_at, received_at,"
            " expires_at) SELECT cookie_digest, 'second', 'unknown', 'twice', 1, 2, 3 FROM sessions"
            " WHERE id = 'ses_1'",
        )
        await database.close()

    asyncio.run(fill())


def sub_of(url: str, union_id: str) -> str:
    (row,) = rows(url, select(users.c.id).where(users.c.union_id == union_id))
    return str(row["id"])


@pytest.fixture
def url(database_url: str) -> str:
    signed_in(database_url)
    return database_url


def test_a_person_is_found_by_sub_union_id_and_open_id(url: str) -> None:
    """An `open_id` may begin with a dash, as an option does."""
    ada = sub_of(url, "union-ada")
    for name in (ada, "union-ada", DASHED):
        shown = run("users", "show", name, "--json", url=url)
        assert shown.exit_code == 0, shown.output
        assert json.loads(shown.stdout)["sub"] == ada
    assert run("users", "show", "--jsno", url=url).exit_code == 2
    assert run("users", "show", "--json", "--", DASHED, url=url).exit_code == 0


def test_an_open_id_of_two_people_is_refused_and_names_both(url: str) -> None:
    result = run("users", "show", "twice", url=url)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "more than one person" in result.stderr
    for union_id in ("union-ada", "union-bob"):
        assert sub_of(url, union_id) in result.stderr


@pytest.mark.parametrize("command", ["show", "export", "unblock", *DESTRUCTIVE])
def test_nobody_is_one_sentence(url: str, command: str) -> None:
    result = run("users", command, "no\x1bbody", url=url)
    assert result.exit_code == 1
    assert result.stderr == (
        r"Error: There is nobody whose sub, union_id or open_id is no\x1bbody; "
        "`broker users list` shows the people that there are.\n"
    )


def test_the_list_has_the_newest_first_in_pages(url: str) -> None:
    ada, bob = sub_of(url, "union-ada"), sub_of(url, "union-bob")
    result = run("users", "list", url=url)
    assert (result.exit_code, result.stderr) == (0, "")
    head, *people = result.stdout.splitlines()
    assert [line.split()[0] for line in people] == [bob, ada]
    assert people[1][head.index("NAME") :].startswith(r"Ada\x1b[2J")
    assert "\x1b" not in result.stdout
    first = run("users", "list", "--limit", "1", url=url)
    assert [line.split()[0] for line in first.stdout.splitlines()[1:]] == [bob]
    assert first.stderr == f"There are more: broker users list --after {bob}\n"
    second = json.loads(run("users", "list", "--limit", "1", "--after", bob, "--json", url=url).stdout)
    assert [person["sub"] for person in second] == [ada]
    assert second[0].keys() == {
        *("sub", "union_id", "display_name", "username", "avatar_url"),
        *("created_at", "updated_at", "blocked_at"),
    }
    behind = run("users", "list", "--after", ada, url=url)
    assert (behind.stdout, behind.stderr) == ("", "There is nobody behind this one.\n")
    assert run("users", "list", "--after", "nobody", url=url).exit_code == 1


def test_a_long_name_leaves_the_table_readable(url: str) -> None:
    """People choose their names, of any length and any characters."""
    asyncio.run(_rename(url, "\u202e" * 100))
    listed = run("users", "list", url=url).stdout.splitlines()
    assert max(map(len, listed)) < 140
    assert "\u202e" not in "".join(listed)


async def _rename(url: str, name: str) -> None:
    database = await connect(url)
    await execute(database, f"UPDATE users SET display_name = '{name}'")
    await database.close()


def test_people_of_one_second_are_all_listed_once(database_url: str) -> None:
    async def fill() -> None:
        database = await connect(database_url)
        for number in range(25):
            await execute(
                database,
                "INSERT INTO users (id, union_id, created_at, updated_at)"
                f" VALUES ('u{number:02}', 'n{number}', 1, 1)",
            )
        await database.close()

    asyncio.run(fill())
    seen: list[str] = []
    while page := json.loads(
        run(
            "users", "list", "--limit", "4", *(("--after", seen[-1]) if seen else ()), "--json", url=database_url
        ).stdout
    ):
        seen += [person["sub"] for person in page]
    assert seen == sorted((f"u{number:02}" for number in range(25)), reverse=True)


def test_no_people_is_an_empty_list_and_a_sentence(database_url: str) -> None:
    assert json.loads(run("users", "list", "--json", url=database_url).stdout) == []
    result = run("users", "list", url=database_url)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Nobody has signed in yet.\n")


def test_show_tells_of_profile_accounts_and_what_is_signed_in(url: str) -> None:
    told = json.loads(run("users", "show", "union-ada", "--json", url=url).stdout)
    assert [(each["registration"], each["open_id"], each["has_tokens"]) for each in told["accounts"]] == [
        ("default", DASHED, True),
        ("second", "twice", True),
    ]
    assert (told["live_sessions"], told["live_grants"]) == (2, 2)
    shown = run("users", "show", "union-ada", url=url).stdout
    for word in (told["sub"], "union-ada", DASHED, "twice", "welcome", "TikTok tokens kept", "user.info.basic"):
        assert word in shown
    assert "\x1b" not in shown


def test_the_export_is_everything_of_one_person_and_no_secret(url: str) -> None:
    async def picture() -> None:
        database = await connect(url)
        await database.transact(add_picture)
        await database.close()

    async def add_picture(tx: Any) -> None:
        columns = [row["name"] for row in await tx.all(text(_COLUMNS[database_kind]))]
        given = {"media_type": "'image/webp'", "image": "cookie_digest", "created_at": "7"}
        values = ", ".join(given.get(name, "sessions.user_id") for name in columns)
        await tx.run(
            text(f"INSERT INTO avatars ({', '.join(columns)}) SELECT {values} FROM sessions WHERE id = 'ses_1'")
        )

    database_kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    asyncio.run(picture())
    exported = run("users", "export", "union-ada", url=url)
    assert exported.exit_code == 0, exported.exception
    told = json.loads(exported.stdout)
    assert told["sub"] == sub_of(url, "union-ada")
    assert told["avatar"] == {"media_type": "image/webp", "image": "c2VzXzE=", "created_at": 7}
    counts = {name: len(told[name]) for name in ("accounts", "sessions", "grants", "audit_events")}
    assert counts == {"accounts": 2, "sessions": 2, "grants": 2, "audit_events": 3}
    assert "user.exported" in {each["event"] for each in told["audit_events"]}
    assert [each["event"] for each in told["webhook_deliveries"]] == ["unknown"]
    assert told["grants"][0]["client_id"] == "cli_app"
    for word in ("digest", "sealed", "challenge", "union-bob"):
        assert word not in exported.stdout
    again = json.loads(run("users", "export", "union-ada", "--json", url=url).stdout)
    assert len(again.pop("audit_events")) == len(told.pop("audit_events")) + 1
    assert again == told
    assert json.loads(run("users", "export", "union-bob", url=url).stdout)["avatar"] is None


_COLUMNS = {
    "sqlite": "SELECT name FROM pragma_table_info('avatars')",
    "postgresql": "SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'avatars'",
}


@pytest.mark.parametrize("command", DESTRUCTIVE)
def test_what_ends_something_says_what_and_needs_a_yes(url: str, command: str) -> None:
    before = rows(url, select(sessions.c.ended_at)), rows(url, select(audit_events.c.id))
    asked = run("users", command, "union-ada", url=url)
    assert asked.exit_code == 1
    assert asked.stderr.count("\n") == 1
    assert sub_of(url, "union-ada") in asked.stderr
    assert "--yes" in asked.stderr
    assert "\x1b" not in asked.stderr
    after = rows(url, select(sessions.c.ended_at)), rows(url, select(audit_events.c.id))
    assert [len(found) for found in after] == [len(found) for found in before]
    assert {row["ended_at"] for row in after[0]} == {None}


def test_block_and_unblock_say_when_nothing_changed(url: str) -> None:
    ada = sub_of(url, "union-ada")
    blocked = run("users", "block", "union-ada", "--yes", url=url)
    assert (blocked.exit_code, blocked.output) == (0, f"{ada} is blocked; sessions ended: 2, grants ended: 2.\n")
    assert "blocked" in run("users", "show", ada, url=url).stdout
    assert run("users", "block", ada, url=url).output == f"{ada} was blocked already.\n"
    assert run("users", "unblock", ada, url=url).output == f"{ada} may sign in again.\n"
    assert run("users", "unblock", ada, url=url).output == f"{ada} was not blocked.\n"
    happened = [
        row["event"] for row in rows(url, select(audit_events).where(audit_events.c.actor.like("operator:%")))
    ]
    ended = ["grant.ended", "grant.ended", "session.ended", "session.ended"]
    assert sorted(happened) == [*ended, "user.blocked", "user.unblocked"]


def test_sign_out_leaves_others_alone(url: str) -> None:
    ada, bob = sub_of(url, "union-ada"), sub_of(url, "union-bob")
    done = run("users", "sign-out", DASHED, "--yes", url=url)
    assert (done.exit_code, done.output) == (0, f"{ada} is signed out; sessions ended: 2, grants ended: 2.\n")
    again = run("users", "sign-out", ada, "--yes", url=url)
    assert again.output == f"{ada} is signed out; sessions ended: 0, grants ended: 0.\n"
    for table in (sessions, grants):
        ended = rows(url, select(table.c.user_id, table.c.ended_at))
        assert {row["user_id"] for row in ended if row["ended_at"] is None} == {bob}
