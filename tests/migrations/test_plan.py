"""`broker db plan` tells the truth: what is run, and what PostgreSQL really locks."""

import json
import re

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionProxy

from broker.store import migrations
from broker.store.migrating import effects
from broker.store.schema import metadata
from tests.cli.running import run
from tests.migrations.later import Later

_LOCKS = """
SELECT DISTINCT c.relname AS name, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""
_RANKS = (
    *("RowShare", "RowExclusive", "ShareUpdateExclusive", "Share"),
    *("ShareRowExclusive", "Exclusive", "AccessExclusive"),
)


def test_the_plan_of_a_new_database_is_what_makes_it(new_database_url: str) -> None:
    planned = json.loads(run("db", "plan", "--json", url=new_database_url).stdout)
    assert [step["revision"] for step in planned["steps"]] == [one.id for one in migrations.history()]
    assert planned["held"] is None
    assert run("db", "current", url=new_database_url).stdout == "none\n"
    assert "CREATE TABLE users" in run("db", "plan", url=new_database_url).stdout
    made = [each["sql"] for step in planned["steps"] for each in step["statements"]]
    tables = sorted(effects.new_tables(made) - {"alembic_version"})
    assert tables == sorted(metadata.tables)


def test_the_plan_of_a_database_in_step_is_empty(database_url: str) -> None:
    assert run("db", "plan", url=database_url).stdout == "Nothing to do.\n"


def test_the_plan_says_what_each_statement_locks_and_what_is_held_back(
    own_database_url: str, later: Later
) -> None:
    shown = run("db", "plan", url=own_database_url).stdout
    assert f"{later.column} (expand): A column that the later release fills." in shown
    assert later.contract not in shown.partition("Held back: ")[0]
    assert f"Held back: {later.contract}, since " in shown
    whole = json.loads(run("db", "plan", "--contract", "--json", url=own_database_url).stdout)
    assert [step["revision"] for step in whole["steps"]] == [later.column, later.index, later.contract]
    found = {each["sql"].split(" ix_")[0]: each for step in whole["steps"] for each in step["statements"]}
    if own_database_url.startswith("sqlite"):
        assert "→ locks the file: writes wait, for a moment" in shown
        assert found["CREATE INDEX"]["lasts"] == "as long as reading the table"
    else:
        assert "→ locks ACCESS EXCLUSIVE on users: reads and writes wait, for a moment" in shown
        assert "→ locks SHARE UPDATE EXCLUSIVE on users: nobody waits, for twice as long" in shown
        assert found["CREATE INDEX CONCURRENTLY IF NOT EXISTS"]["waits"] == "nobody"


def test_a_revision_that_there_is_not_has_no_plan(database_url: str) -> None:
    refused = run("db", "plan", "nope", url=database_url)
    assert (refused.exit_code, "broker db history" in refused.stderr) == (1, True)


def strongest(modes: set[str]) -> str:
    """Of PostgreSQL's names of lock modes, the one that conflicts with most, in the words of its manual."""
    mode = max((each.removesuffix("Lock") for each in modes), key=_RANKS.index)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", mode).upper()


async def test_what_the_plan_says_of_locks_is_what_postgresql_takes(postgres_url: str) -> None:
    """Every statement of every revision, and what a contract may bring, each asked of the server itself."""
    async with asyncpg.create_pool(postgres_url, min_size=1) as pool, pool.acquire() as connection:
        await compare(connection, postgres_url)


async def compare(connection: PoolConnectionProxy, postgres_url: str) -> None:
    compared = 0
    for step in migrations.plan(postgres_url, migrations.history()):
        new = effects.new_tables(each.sql for each in step.statements)
        for statement in step.statements:
            if statement.sql not in ("BEGIN;", "COMMIT;") and "CONCURRENTLY" not in statement.sql:
                await agrees(connection, statement.sql, new)
                compared += 1
    assert compared > len(migrations.history())
    for sql in (
        "CREATE INDEX ix_one ON users (username);",
        "CREATE UNIQUE INDEX ix_two ON users (username);",
        "ALTER TABLE users ADD COLUMN x BIGINT DEFAULT (random() * 10);",
        "ALTER TABLE users ALTER COLUMN username SET NOT NULL;",
        "ALTER TABLE users ADD CONSTRAINT x CHECK (created_at > 0) NOT VALID;",
        "ALTER TABLE users VALIDATE CONSTRAINT x;",
        "ALTER TABLE grants ADD CONSTRAINT y FOREIGN KEY (nonce) REFERENCES users (union_id) NOT VALID;",
        "ALTER TABLE grants ADD CONSTRAINT z FOREIGN KEY (nonce) REFERENCES users (union_id);",
        "UPDATE users SET display_name = NULL;",
        "ALTER TABLE users RENAME COLUMN username TO name;",
        "ALTER TABLE users DROP COLUMN name;",
    ):
        await agrees(connection, sql, frozenset())


async def agrees(connection: PoolConnectionProxy, sql: str, new: frozenset[str]) -> None:
    """Run it, and compare the locks of its transaction with what is said of it."""
    said = effects.effect(sql, "postgresql", new)
    async with connection.transaction():
        before = {row["name"] for row in await connection.fetch("SELECT relname AS name FROM pg_class")}
        await connection.execute(sql)
        held: dict[str, set[str]] = {}
        for row in await connection.fetch(_LOCKS):
            if row["mode"] != "AccessShareLock" and row["name"] in before - new - {"alembic_version"}:
                held.setdefault(row["name"], set()).add(row["mode"])
    told = dict.fromkeys(said.tables, said.lock)
    # A table's own triggers and indexes are locked with it; the plan names the table.
    assert {name: strongest(modes) for name, modes in held.items()} == told, sql


@pytest.mark.parametrize(
    ("sql", "dialect", "lasts"),
    [
        ("ALTER TABLE users ADD COLUMN x BIGINT DEFAULT random();", "postgresql", effects.READING),
        ("ALTER TABLE users ADD COLUMN x BIGINT DEFAULT '0';", "postgresql", effects.MOMENT),
        ("ALTER TABLE users ADD CONSTRAINT x CHECK (y > 0);", "postgresql", effects.READING),
        ("ALTER TABLE users DROP COLUMN x;", "sqlite", effects.READING),
        ("ALTER TABLE users ADD COLUMN x BIGINT;", "sqlite", effects.MOMENT),
        ("VACUUM users;", "postgresql", effects.UNKNOWN),
        ("VACUUM users;", "sqlite", effects.UNKNOWN),
    ],
)
def test_how_long_a_statement_takes(sql: str, dialect: str, lasts: str) -> None:
    assert effects.effect(sql, dialect).lasts == lasts
