"""People of another system in a file, and commands that take them over."""

import asyncio
import csv
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from click.testing import Result

from broker.store.database import Database, connect
from tests.cli.running import run

T = TypeVar("T")

COUNTS = ("added", "updated", "unchanged", "known")


def taken_over(url: str, people: list[dict[str, Any]], *arguments: str) -> dict[str, Any]:
    """What `broker users import` says of these people."""
    result = imported(url, "\n".join(map(json.dumps, people)), *arguments)
    assert isinstance(result.exception, SystemExit | None), result.output
    told: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if told["refused"] or told["stopped"] else 0), result.stderr
    return told


def imported(url: str, content: str | bytes, *arguments: str) -> Result:
    """The same of a file of JSON Lines on standard input."""
    return run("users", "import", "-", "--format", "jsonl", "--json", *arguments, url=url, given=content)


def counts(told: dict[str, Any]) -> tuple[int, ...]:
    """How many were added, updated, unchanged, known, and how many lines were refused."""
    return (*(told[each] for each in COUNTS), len(told["refused"]))


def subs(url: str, people: list[dict[str, Any]], folder: Path) -> list[str]:
    """The `sub` of each, as the mapping tells when they are imported again."""
    file = folder / "mapping.csv"
    file.unlink(missing_ok=True)
    taken_over(url, people, "--mapping", str(file))
    with file.open(newline="") as lines:
        return [row["sub"] for row in csv.DictReader(lines)]


def on(url: str, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """What `work` does with the database, from a test that has no event loop of its own."""

    async def opened() -> T:
        database = await connect(url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(opened())
