"""What really goes to the databases: every statement at the driver, BEGIN and COMMIT too."""

import sqlite3
from typing import Any

import pytest

from broker.store import postgresql, sqlite
from tests.resting import rest

_NO_NEWS = ("PRAGMA", "SAVEPOINT", "RELEASE")
# What a broker that has just started looks for, whatever is asked of it meanwhile; then it rests.
IN_THE_BACKGROUND = (
    "SELECT outbox.id",
    "SELECT signing_keys.kid",
    "SELECT grants.status_index",
    "WITH RECURSIVE",
    "SELECT counters",
    "SELECT max(signing_keys",
    "INSERT INTO leases",
)


class Statements(list[str]):
    """In the order in which they were sent. SQLite's savepoints and settings, which cost nothing, are left out.

    Left out is what begins as one of `aside`, too.
    """

    def __init__(self, aside: tuple[str, ...] = IN_THE_BACKGROUND) -> None:
        super().__init__()
        self._not_heard = (*_NO_NEWS, *aside)

    @property
    def kinds(self) -> list[str]:
        """The first word of each."""
        return [statement.split(maxsplit=1)[0].rstrip(";").upper() for statement in self]

    def heard(self, statement: str) -> None:
        """One statement was sent."""
        if not statement.startswith(self._not_heard):
            self.append(statement)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Everything that databases opened after this send to their drivers, for what is asked of them."""
    heard = Statements()
    rest(monkeypatch)
    listen(monkeypatch, heard)
    return heard


def listen(monkeypatch: pytest.MonkeyPatch, heard: Statements) -> None:
    """Have told to `heard` whatever databases opened after this send."""

    class Watched(postgresql._Connection):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.add_query_logger(lambda query: heard.heard(query.query))

    open_file = sqlite.SqliteDatabase._open

    def watched_open(database: sqlite.SqliteDatabase) -> sqlite3.Connection:
        connection = open_file(database)
        connection.set_trace_callback(heard.heard)
        return connection

    monkeypatch.setattr(postgresql, "_Connection", Watched)
    monkeypatch.setattr(sqlite.SqliteDatabase, "_open", watched_open)
