"""Statements as such: that they are compiled once, and that reads need no transaction."""

from pathlib import Path

import pytest
from sqlalchemy import bindparam, make_url, select, text

from broker.store import grants, redeeming, revision
from broker.store.database import Compiler, Database, connect
from broker.store.schema import metadata
from tests.store.rows import CODE, GRANT, NOW
from tests.store.watching import Statements

POSTGRESQL = make_url("postgresql+asyncpg://").get_dialect()


@pytest.fixture
async def quiet(statements: Statements, signed_in: Database) -> Database:
    """Somebody has signed in, and every statement from now on is heard."""
    statements.clear()
    return signed_in


async def test_the_living_grant_and_the_resources_are_one_read_without_a_transaction(
    statements: Statements, quiet: Database
) -> None:
    await quiet.read(grants.find_live, GRANT)
    await quiet.read(redeeming.resources_behind, CODE)
    assert statements.kinds == ["SELECT", "SELECT"]


async def test_resources_behind_a_code_are_found_whatever_became_of_it(quiet: Database) -> None:
    assert await quiet.read(redeeming.resources_behind, CODE) == ""
    assert await quiet.read(redeeming.resources_behind, b"another") is None


async def test_the_revision_is_known_without_alembic(database: Database) -> None:
    assert await database.read(revision.current) == revision.HEAD


async def test_a_database_never_migrated_is_at_no_revision(tmp_path: Path, postgres_url: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'new.db'}", postgres_url):
        database = await connect(url)
        for way in (database.read, database.run, database.transact):
            assert await way(revision.current) is None
        await database.close()


def test_a_statement_is_compiled_once_and_keeps_the_order_of_its_parameters() -> None:
    compiler = Compiler(POSTGRESQL())
    users = metadata.tables["users"]
    statement = select(users.c.id).where(users.c.created_at < bindparam("b"), users.c.union_id == bindparam("a"))
    compiled = compiler(statement)
    assert compiler(statement) is compiled
    assert compiled.arguments({"a": "u", "b": NOW, "unused": 1}) == [NOW, "u"]
    with pytest.raises(KeyError, match="a"):
        compiled.arguments({"b": NOW, "A": "u"})


def test_statements_that_look_alike_are_not_confused() -> None:
    compiler = Compiler(POSTGRESQL())
    assert compiler(text("SELECT 1")).text != compiler(text("SELECT 2")).text
