"""The rule for who writes a revision: what an expand may do, and how revisions are numbered."""

import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
from alembic import command

from broker.store import migrations, revision
from broker.store.migrating import effects, scripts
from broker.store.migrating.planning import Statement
from broker.store.migrating.timeouts import LOCK, ONLINE_LOCK, STATEMENT
from broker.store.migrations import Revision
from tests.migrations.later import Later

HISTORY = migrations.history()
DIALECTS = {"sqlite": "sqlite://", "postgresql": "postgresql://"}

# All that an expand may say. What is new is nobody's yet; of what is there, nothing may change for whoever knows
# only that. A column must be one that the release before may leave out.
_ALLOWED = (
    r"BEGIN|COMMIT",
    r"SET (lock|statement)_timeout",
    r"CREATE TABLE \w+ \(",
    r"(INSERT INTO|UPDATE) alembic_version ",
    r"ALTER TABLE \w+ ADD COLUMN \w+ \w+;",
    r"ALTER TABLE \w+ SET \(fillfactor = \d+\);",
    r"ALTER TABLE \w+ ADD COLUMN \w+ \w+ DEFAULT ('[^']*'|-?\d+)( NOT NULL)?;",
)
# In one of these, what the first group names must be a table of the same revision.
_ALLOWED_ON_NEW = (
    r"CREATE (?:UNIQUE )?INDEX \w+ ON (\w+) ",
    r"INSERT INTO (\w+) ",
)
# On a table with rows: PostgreSQL's that keeps nobody waiting; SQLite has one writer in any case.
_ONLINE = {"postgresql": r"CREATE INDEX CONCURRENTLY", "sqlite": r"CREATE INDEX"}
_UNIQUE = {
    "postgresql": r"CREATE UNIQUE INDEX CONCURRENTLY (?:IF NOT EXISTS )?\w+ ON (\w+) \(([\w, ]+)\)",
    "sqlite": r"CREATE UNIQUE INDEX \w+ ON (\w+) \(([\w, ]+)\)",
}
_COLUMN = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (\w+) \w+;")


def faults(statements: list[str], dialect: str, before: list[str] | None = None) -> list[str]:
    """The statements that an expand may not contain; `before` are those of the revision before it."""
    new = effects.new_tables(statements)
    columns = {found.groups() for sql in before or () if (found := _COLUMN.match(sql))}
    return [sql for sql in statements if not _allowed(sql, dialect, new) and not _unique(sql, dialect, columns)]


def _allowed(sql: str, dialect: str, new: frozenset[str]) -> bool:
    if any(re.match(pattern, sql) for pattern in (*_ALLOWED, _ONLINE[dialect])):
        return True
    return any((found := re.match(pattern, sql)) and found[1] in new for pattern in _ALLOWED_ON_NEW)


def _unique(sql: str, dialect: str, columns: set[tuple[str, ...]]) -> bool:
    """Whether it only refuses what nobody can have written: columns that came, empty, just before it."""
    found = re.match(_UNIQUE[dialect], sql)
    return found is not None and {(found[1], column) for column in found[2].split(", ")} <= columns


def statements(dialect: str, one: Revision) -> list[Statement]:
    (step,) = migrations.plan(DIALECTS[dialect], [one])
    return list(step.statements)


every_expand = pytest.mark.parametrize(
    "one", [each for each in HISTORY if each.kind == "expand"], ids=lambda one: one.id
)


@pytest.mark.parametrize("dialect", DIALECTS)
@every_expand
def test_an_expand_only_adds(one: Revision, dialect: str) -> None:
    before = [each.sql for other in HISTORY if other.id == one.previous for each in statements(dialect, other)]
    assert faults([each.sql for each in statements(dialect, one)], dialect, before) == []


@every_expand
def test_an_expand_keeps_writes_waiting_for_a_moment_at_most(one: Revision) -> None:
    slow = [
        each.sql
        for each in statements("postgresql", one)
        if each.effect.lasts not in (effects.MOMENT, "as long as it runs") and each.effect.waits != effects.NOBODY
    ]
    assert slow == []


@pytest.mark.parametrize("one", HISTORY, ids=lambda one: one.id)
def test_what_runs_outside_a_transaction_is_a_revision_of_its_own(one: Revision) -> None:
    """Else a try that was interrupted in it could not be repeated."""
    found = [each.sql for each in statements("postgresql", one)]
    if any("CONCURRENTLY" in sql for sql in found):
        rest = [sql for sql in found if "CONCURRENTLY" not in sql and not re.match(r"BEGIN|COMMIT|SET ", sql)]
        assert len(rest) == 1
        assert rest[0].startswith("UPDATE alembic_version ")


@pytest.mark.parametrize("one", HISTORY, ids=lambda one: one.id)
def test_what_keeps_nobody_waiting_has_all_the_time_it_needs_and_nothing_else_has(one: Revision) -> None:
    """An index of a big table takes longer than a statement for which others wait is ever given."""
    haste = {"lock": LOCK, "statement": STATEMENT}
    in_force = dict(haste)
    for sql in (each.sql for each in statements("postgresql", one)):
        if found := re.match(r"SET (\w+)_timeout = '?(\w+)", sql):
            in_force[found[1]] = found[2]
        elif "CONCURRENTLY" in sql:
            assert in_force == {"lock": ONLINE_LOCK, "statement": "0"}
        elif sql not in ("BEGIN;", "COMMIT;"):
            assert in_force == haste


def test_an_index_that_came_online_goes_online() -> None:
    config = scripts.config()
    config.output_buffer = written = io.StringIO()
    config.attributes["dialect"] = "postgresql"
    command.downgrade(config, "0006:0005", sql=True)
    assert written.getvalue().count("DROP INDEX") == written.getvalue().count("DROP INDEX CONCURRENTLY") == 2


def test_every_statement_has_a_known_effect() -> None:
    for dialect in DIALECTS:
        for one in HISTORY:
            assert [each.sql for each in statements(dialect, one) if each.effect.lasts == effects.UNKNOWN] == []


def test_revisions_count_up_and_each_contract_moves_the_letter_on() -> None:
    letter = ""
    for number, one in enumerate(HISTORY, start=1):
        if one.kind == "contract":
            letter = chr(ord(letter or "a") + 1)
        assert one.id == f"{number:04}{letter}"
    assert len(HISTORY) < 10_000


def test_what_this_release_needs_is_its_newest_expand() -> None:
    """A contract that it brings along runs when its predecessor has gone."""
    assert HISTORY[-1].id == revision.HEAD
    assert revision.OLDEST in [one.id for one in HISTORY]
    behind = HISTORY[[one.id for one in HISTORY].index(revision.OLDEST) + 1 :]
    assert {one.kind for one in behind} <= {"contract"}
    assert HISTORY[[one.id for one in HISTORY].index(revision.OLDEST)].kind == "expand" or not behind


def test_a_file_is_named_after_its_revision() -> None:
    names = sorted(path.name.partition("_")[0] for path in (scripts.folder() / "versions").glob("*.py"))
    assert names == [one.id for one in HISTORY]
    assert all(before < after for before, after in pairwise(names))


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE users;",
        "ALTER TABLE users DROP COLUMN username;",
        "ALTER TABLE users RENAME COLUMN username TO name;",
        "ALTER TABLE users RENAME TO people;",
        "ALTER TABLE users ADD COLUMN age BIGINT NOT NULL;",
        "ALTER TABLE users ADD COLUMN age BIGINT DEFAULT random();",
        "ALTER TABLE users ADD COLUMN boss TEXT REFERENCES users (id);",
        "ALTER TABLE users ADD CONSTRAINT ck_age CHECK (age > 0);",
        "ALTER TABLE users ADD CONSTRAINT ck_age CHECK (age > 0) NOT VALID;",
        "ALTER TABLE users ALTER COLUMN username SET NOT NULL;",
        "ALTER TABLE users ALTER COLUMN username DROP NOT NULL;",
        "ALTER TABLE users ALTER COLUMN created_at TYPE TEXT;",
        "CREATE INDEX ix_users_username ON users (username);",
        "CREATE UNIQUE INDEX ix_users_username ON users (username);",
        "CREATE UNIQUE INDEX CONCURRENTLY ix_users_username ON users (username);",
        "DROP INDEX ix_users_username;",
        "UPDATE users SET username = 'x';",
        "DELETE FROM users;",
        "INSERT INTO users (id) VALUES ('x');",
        "CREATE TRIGGER t AFTER INSERT ON users EXECUTE FUNCTION f();",
        "TRUNCATE users;",
    ],
)
def test_what_is_no_addition_is_found(sql: str) -> None:
    assert faults(["CREATE TABLE other (\n\tid TEXT\n)\n\n;", sql], "postgresql") == [sql]


def test_a_unique_index_is_an_addition_on_a_column_that_has_just_come() -> None:
    column = "ALTER TABLE grants ADD COLUMN place BIGINT;"
    index = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON grants (place) WHERE place IS NOT NULL;"
    assert faults([index], "postgresql", [column]) == []
    assert faults([index.replace("CONCURRENTLY IF NOT EXISTS ", "")], "sqlite", [column]) == []
    assert faults([index], "postgresql", []) == [index]
    assert faults([index], "postgresql", [column.replace("BIGINT", "BIGINT DEFAULT '0' NOT NULL")]) == [index]
    wider = index.replace("(place)", "(place, client_id)")
    assert faults([wider], "postgresql", [column]) == [wider]


def test_a_later_release_of_both_kinds_follows_the_rules(later: Later) -> None:
    by_id = {one.id: one for one in migrations.history()}
    for expand in (later.column, later.index):
        assert faults([each.sql for each in statements("postgresql", by_id[expand])], "postgresql") == []
    test_what_runs_outside_a_transaction_is_a_revision_of_its_own(by_id[later.index])
    assert len(faults([each.sql for each in statements("postgresql", by_id[later.contract])], "postgresql")) == 1
    assert Path(scripts.folder()).name == "migrations"
