"""What a statement locks, who waits meanwhile, and for how long.

PostgreSQL: https://www.postgresql.org/docs/current/explicit-locking.html and the page of each command. A lock is
kept until the revision's transaction ends, which is when its last statement is done. SQLite locks the whole file
against other writers for the whole upgrade; readers go on (https://www.sqlite.org/wal.html). Not seen here, since
no statement says it: a table that is dropped is locked together with those its foreign keys point to.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NOBODY: Final = "nobody"
WRITES: Final = "writes"
ALL: Final = "reads and writes"
MOMENT: Final = "a moment"
READING: Final = "as long as reading the table"
_TWICE: Final = "twice as long as reading the table"
UNKNOWN: Final = "unknown: read the statement"

_VERSION = "alembic_version"
_NEW = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?\"?(\w+)")
_REFERENCES = re.compile(r"REFERENCES \"?(\w+)")
_TABLE = re.compile(r"\b(?:ON|TABLE|INTO|FROM|UPDATE) (?:ONLY |IF EXISTS |IF NOT EXISTS )?\"?(\w+)")
# A default that is computed is computed for every row there is; a constraint is checked on every row.
_REWRITES = r"DEFAULT .*\(|REFERENCES|UNIQUE|CHECK|GENERATED|SERIAL"
# The first that fits counts.
_POSTGRESQL: Final = (
    (r"BEGIN|COMMIT|SET ", None, NOBODY, MOMENT),
    (
        r"CREATE (UNIQUE )?INDEX CONCURRENTLY",
        "SHARE UPDATE EXCLUSIVE",
        NOBODY,
        _TWICE,
    ),
    (r"DROP INDEX CONCURRENTLY", "SHARE UPDATE EXCLUSIVE", NOBODY, "as long as the oldest open transaction"),
    (r"CREATE (UNIQUE )?INDEX", "SHARE", WRITES, READING),
    (r"ALTER TABLE \S+ (?:RE)?SET \(fillfactor", "SHARE UPDATE EXCLUSIVE", NOBODY, MOMENT),
    (r"ALTER TABLE \S+ VALIDATE CONSTRAINT", "SHARE UPDATE EXCLUSIVE", NOBODY, READING),
    (rf"ALTER TABLE \S+ ADD COLUMN .*({_REWRITES})", "ACCESS EXCLUSIVE", ALL, READING),
    (r"ALTER TABLE \S+ ADD COLUMN", "ACCESS EXCLUSIVE", ALL, MOMENT),
    (r"ALTER TABLE \S+ ADD CONSTRAINT \S+ FOREIGN KEY .* NOT VALID", "SHARE ROW EXCLUSIVE", WRITES, MOMENT),
    (r"ALTER TABLE \S+ ADD CONSTRAINT \S+ FOREIGN KEY", "SHARE ROW EXCLUSIVE", WRITES, READING),
    (r"ALTER TABLE \S+ ADD .* NOT VALID", "ACCESS EXCLUSIVE", ALL, MOMENT),
    (r"ALTER TABLE \S+ (ADD|ALTER COLUMN \S+ (SET NOT NULL|TYPE))", "ACCESS EXCLUSIVE", ALL, READING),
    (r"ALTER TABLE|DROP TABLE|DROP INDEX", "ACCESS EXCLUSIVE", ALL, MOMENT),
    (r"INSERT|UPDATE|DELETE", "ROW EXCLUSIVE", "writes to the same rows", "as long as it runs"),
)
_SQLITE: Final = (
    (r"CREATE (UNIQUE )?INDEX|ALTER TABLE \S+ DROP", READING),
    (r"ALTER TABLE|CREATE TABLE|DROP", MOMENT),
    (r"INSERT|UPDATE|DELETE", "as long as it runs"),
)


@dataclass(frozen=True, slots=True)
class Effect:
    """`lock`: the mode in the database's own word, on `tables`; None when it keeps nobody from anything.

    `waits`: who waits while it is held; `lasts`: how long the statement takes, in words.
    """

    lock: str | None
    tables: tuple[str, ...]
    waits: str
    lasts: str


def new_tables(statements: Iterable[str]) -> frozenset[str]:
    """The tables that these statements make: nobody else knows them yet."""
    return frozenset(found[1] for sql in statements if (found := _NEW.match(sql)))


def effect(sql: str, dialect: str, new: frozenset[str] = frozenset()) -> Effect:
    """What this statement does to others; `new` are tables that nobody else knows yet."""
    return _on_sqlite(sql, new) if dialect == "sqlite" else _on_postgresql(sql, new)


def _on_postgresql(sql: str, new: frozenset[str]) -> Effect:
    if _NEW.match(sql):
        # A foreign key's trigger is hung onto the table it points to, too.
        others = tuple(sorted(set(_REFERENCES.findall(sql)) - new))
        if others:
            return Effect("SHARE ROW EXCLUSIVE", others, WRITES, MOMENT)
        return Effect(None, (), NOBODY, MOMENT)
    tables = tuple(sorted({*_TABLE.findall(sql), *_REFERENCES.findall(sql)} - new))
    for pattern, lock, waits, lasts in _POSTGRESQL:
        if re.match(pattern, sql, re.DOTALL):
            # An index that goes is named without its table.
            if lock is None or (set(tables) <= {_VERSION} and not sql.startswith("DROP INDEX")):
                return Effect(None, (), NOBODY, MOMENT)
            return Effect(lock, tables, waits, lasts)
    return Effect("unknown", tables, ALL, UNKNOWN)


def _on_sqlite(sql: str, new: frozenset[str]) -> Effect:
    tables = set(_TABLE.findall(sql))
    if re.match("BEGIN|COMMIT", sql):
        return Effect(None, (), NOBODY, MOMENT)
    for pattern, lasts in _SQLITE:
        if re.match(pattern, sql):
            short = tables <= {*new, _VERSION}
            return Effect("the file", (), WRITES, MOMENT if short else lasts)
    return Effect("the file", (), WRITES, UNKNOWN)
