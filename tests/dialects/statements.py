"""Every statement of the product as PostgreSQL gets it, for programs that read SQL.

Statements are constants of `broker.store`, wherever in a module they stand; those of the migrations are what
`broker db plan` shows. `python -m tests.dialects.statements` writes each as a line of JSON, with its origin.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Executable, MetaData, make_url
from sqlalchemy.sql.elements import ClauseElement

import broker.store
from broker.store.database import Compiler
from broker.store.migrating import planning, scripts

_FOR_SQLITE = ("PRAGMA",)


@dataclass(frozen=True)
class Written:
    """One statement, and where it is written."""

    origin: str
    sql: str

    @property
    def migration(self) -> bool:
        """Whether a migration runs it, or what looks after those."""
        return self.origin.startswith(("migration ", "broker.store.migrating"))


def everything() -> list[Written]:
    """Those of the service and of the commands, and those of the migrations; each once."""
    found = {one.sql: one for one in (*_of_the_migrations(), *constants()) if not one.sql.startswith(_FOR_SQLITE)}
    return list(found.values())


def constants() -> Iterator[Written]:
    """Those of the service and of the commands, as they go to PostgreSQL."""
    compiler = Compiler(make_url("postgresql+asyncpg://").get_dialect()())
    for module in pkgutil.walk_packages(broker.store.__path__, "broker.store."):
        for name, value in vars(importlib.import_module(module.name)).items():
            for statement in _inside(value):
                yield Written(f"{module.name}.{name}", compiler(statement).text)


def _inside(value: object) -> Iterator[Executable]:
    """Statements in a constant: by itself, in a collection, or in an object of the store's own."""
    if isinstance(value, Executable) and isinstance(value, ClauseElement):
        yield value
    elif isinstance(value, MetaData | type):
        return
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _inside(each)
    elif isinstance(value, tuple | list | set | frozenset):
        for each in value:
            yield from _inside(each)
    elif type(value).__module__.startswith("broker.store"):
        names = getattr(value, "__dataclass_fields__", None) or getattr(value, "__dict__", {})
        for name in names:
            yield from _inside(getattr(value, name))


def _of_the_migrations() -> Iterator[Written]:
    for step in planning.plan("postgresql", scripts.history()):
        for statement in step.statements:
            yield Written(f"migration {step.revision.id}", statement.sql)


if __name__ == "__main__":
    for one in everything():
        sys.stdout.write(json.dumps(asdict(one)) + "\n")
