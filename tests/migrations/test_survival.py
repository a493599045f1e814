"""Rows written at every old revision survive the way to the head and back, on both databases.

`rows/ID.json` holds, for each table of a revision, rows as a release of that time may have written them: one with
every column filled, one with every column empty that may be. A file is written once, with its revision, and stays.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData

from broker.store import migrations, revision
from broker.store.audit_names import SCHEMA_CHANGED

ROWS = Path(__file__).parent / "rows"
HISTORY = migrations.history()
Tables = dict[str, list[dict[str, Any]]]

every_revision = pytest.mark.parametrize("id_", [one.id for one in HISTORY])


def kept(id_: str) -> Tables:
    """The rows of this revision; bytes are written in hexadecimal."""

    def opened(value: dict[str, Any]) -> Any:
        return bytes.fromhex(value["hex"]) if value.keys() == {"hex"} else value

    tables: Tables = json.loads((ROWS / f"{id_}.json").read_text(encoding="utf-8"), object_hook=opened)
    return tables


def write(url: str, tables: Tables) -> None:
    """Insert them, into whatever tables are there."""

    def use(connection: Connection) -> None:
        with connection.begin():
            found = MetaData()
            found.reflect(connection)
            for name, rows in tables.items():
                connection.execute(found.tables[name].insert(), rows)

    migrations.with_connection(url, use)


def read(url: str) -> Tables:
    """Every row of every table, but for the revision, and what the migrating itself has the audit keep."""

    def use(connection: Connection) -> Tables:
        with connection.begin():
            found = MetaData()
            found.reflect(connection)
            return {
                name: [
                    dict(row)
                    for row in connection.execute(table.select()).mappings()
                    if row.get("event") != SCHEMA_CHANGED
                ]
                for name, table in found.tables.items()
                if name != "alembic_version"
            }

    return migrations.with_connection(url, use)


def of(tables: Tables, columns: dict[str, list[str]]) -> dict[str, list[list[Any]]]:
    """The values of these columns, row by row in the order of the first one."""
    return {
        name: sorted(([row[column] for column in chosen] for row in tables[name]), key=lambda row: str(row[0]))
        for name, chosen in columns.items()
    }


@every_revision
def test_rows_of_every_revision_survive_to_the_head_and_back(id_: str, new_database_url: str) -> None:
    written = kept(id_)
    migrations.upgrade(new_database_url, id_)
    write(new_database_url, written)
    migrations.upgrade(new_database_url)
    assert migrations.current(new_database_url) == revision.HEAD
    assert migrations.differences(new_database_url) == []
    at_head = read(new_database_url)
    # What a contract took away is not there to be compared.
    stayed = {name: [column for column in rows[0] if column in at_head[name][0]] for name, rows in written.items()}
    assert of(at_head, stayed) == of(written, stayed)
    migrations.downgrade(new_database_url, id_)
    back = read(new_database_url)
    assert {name: list(rows[0]) for name, rows in back.items()} == {
        name: list(rows[0]) for name, rows in written.items()
    }
    assert of(back, stayed) == of(written, stayed)


@every_revision
def test_the_rows_of_a_revision_fill_every_column_of_it(id_: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/broker.db"
    migrations.upgrade(url, id_)
    columns = {}

    def use(connection: Connection) -> None:
        found = MetaData()
        found.reflect(connection)
        for name, table in found.tables.items():
            columns[name] = set(table.columns.keys())

    migrations.with_connection(url, use)
    del columns["alembic_version"]
    filled = {
        name: {column for row in rows for column, value in row.items() if value is not None}
        for name, rows in kept(id_).items()
    }
    assert filled == columns
