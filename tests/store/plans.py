"""How a database means to find rows, in its own words: what is said of a statement that looks at a whole table."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import Executable

from broker.store import postgresql, sqlite
from broker.store.database import Compiled, Compiler
from tests.postgres import PostgresServer
from tests.store.crowding import GROWING, MANY

# Of what is found by its equal, so many at most: whatever else the index is good for, it does not tell rows apart.
_FEW: Final = MANY // 50
_WHOLE: Final = re.compile(r"SCAN (\w+)( USING (?:COVERING )?INDEX)?")
_MUCH_DEARER: Final = 1.5
_SORTING: Final = ("Sort", "Aggregate", "Hash", "Materialize")


@dataclass(frozen=True)
class Asked(Compiled):
    """A statement, and the parameters that it was sent with last."""

    last: list[object] = field(default_factory=list)

    def arguments(self, parameters: Mapping[str, object]) -> list[object]:
        """As any; they are remembered."""
        self.last[:] = super().arguments(parameters)
        return self.last[:]


class Heard(Compiler):
    """Compiles, and remembers what."""

    def __init__(self, dialect: Any) -> None:
        super().__init__(dialect)
        self.statements: dict[str, Asked] = {}

    def __call__(self, statement: Executable) -> Compiled:
        compiled = super().__call__(statement)
        return self.statements.setdefault(compiled.text, Asked(compiled.text, compiled.slots))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Heard]:
    """By database every statement that is sent from now on, as the driver gets it: without its parameters."""
    found = {}
    for module, name in ((postgresql, "postgresql"), (sqlite, "sqlite")):
        found[name] = Heard(module._COMPILER._dialect)
        monkeypatch.setattr(module, "_COMPILER", found[name])
    return found


def faults_on_sqlite(path: str, statements: Iterable[Asked]) -> list[str]:
    """A line for each statement that looks at a whole table which grows."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        return [
            f"{found[0]}: {statement.text}"
            for statement in statements
            for (*_, detail) in file.execute(f"EXPLAIN QUERY PLAN {statement.text}", statement.last)
            if (found := _WHOLE.match(detail))
            and found[1] in GROWING
            # In the order of an index it stops at its limit.
            and not (found[2] and "LIMIT" in statement.text)
        ]


async def faults_on_postgresql(url: str, server: PostgresServer, statements: Sequence[Asked]) -> list[str]:
    """A line for each statement that does not find by an index what it looks for in a table that grows.

    What counts is the one plan for all parameters, which a prepared statement gets; but while that is dearer than
    a plan for those at hand, PostgreSQL goes on making plans for those at hand (PREPARE, "Notes").
    """
    asked = ";".join(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {statement.text}" for statement in statements)
    answer = server.run(asked, urlsplit(url).path.removeprefix("/"))
    reader, place, found = json.JSONDecoder(), 0, []
    connection = await asyncpg.connect(url)
    for statement in statements:
        (generic,), end = reader.raw_decode(answer, place)
        place = end + 1
        wrong = _faults_in(generic["Plan"])
        if wrong:
            text = f"EXPLAIN (FORMAT JSON) {statement.text}"
            (custom,) = json.loads(await connection.fetchval(text, *statement.last))
            if custom["Plan"]["Total Cost"] * _MUCH_DEARER < generic["Plan"]["Total Cost"]:
                wrong = _faults_in(custom["Plan"])
        found += [f"{what}: {statement.text}" for what in wrong]
    await connection.close()
    return found


def _faults_in(plan: dict[str, Any]) -> list[str]:
    return list(_each_fault_in(plan, limited=False))


def _each_fault_in(node: dict[str, Any], *, limited: bool) -> Iterator[str]:
    kind, table = node["Node Type"], node.get("Relation Name")
    condition = node.get("Index Cond", "")
    if kind == "Seq Scan" and table in GROWING:
        yield f"Seq Scan on {table}"
    elif kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        index = node["Index Name"]
        if not condition and not limited:
            yield f"all of {index}"
        elif not limited and not re.search("[<>]", condition) and node["Plan Rows"] > _FEW:
            yield f"too many of {index}"
    limited = kind == "Limit" or (limited and not kind.endswith(_SORTING))
    for below in node.get("Plans", ()):
        yield from _each_fault_in(below, limited=limited)
