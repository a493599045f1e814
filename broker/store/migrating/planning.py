"""The SQL of revisions, written down by alembic's offline mode instead of being run."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from alembic import command

from broker.store.migrating import effects, scripts
from broker.store.migrating.effects import Effect
from broker.store.migrating.scripts import Revision


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement, and what it does to others."""

    sql: str
    effect: Effect


@dataclass(frozen=True, slots=True)
class Step:
    """One revision with its statements."""

    revision: Revision
    statements: tuple[Statement, ...]


def plan(dialect: str, revisions: Sequence[Revision]) -> list[Step]:
    """What an upgrade through these revisions would run. `dialect`: `postgresql` or `sqlite`."""
    return [Step(each, _statements(dialect, each)) for each in revisions]


def _statements(dialect: str, revision: Revision) -> tuple[Statement, ...]:
    written = _Statements()
    config = scripts.config()
    config.output_buffer = written
    config.attributes["dialect"] = dialect
    reach = f"{revision.previous}:{revision.id}" if revision.previous else revision.id
    command.upgrade(config, reach, sql=True)
    new = effects.new_tables(written.found)
    return tuple(Statement(sql, effects.effect(sql, dialect, new)) for sql in written.found)


class _Statements(io.StringIO):
    """Alembic writes each statement at once, and comments in between."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def write(self, text: str) -> int:
        statement = text.strip()
        if statement and not statement.startswith("--"):
            self.found.append(statement)
        return len(text)
