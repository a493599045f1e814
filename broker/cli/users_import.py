"""`broker users import`: people of another system, who are joined by their next sign-in."""

import csv
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, TypeAlias, cast

import click

from broker.cli.options import JSON

if TYPE_CHECKING:
    from broker.store.database import Database
    from broker.store.import_matches import Newcomer
    from broker.store.importing import Refused, Taken

Take: TypeAlias = Callable[[list["Newcomer"]], Awaitable[list["Taken | Refused"]]]

_FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_MOST_FAULTS = 100
_MAPPING = ("previous_id", "registration", "open_id", "union_id", "sub")


@dataclass
class _Report:
    """What became of the lines. `mapping` receives the `sub` of each person."""

    mapping: TextIO | None
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("added", "updated", "unchanged", "known"), 0)
    )
    refused: list[tuple[int, str]] = field(default_factory=list)

    def tell(self, number: int, newcomer: "Newcomer", outcome: "Taken | Refused") -> None:
        from broker.store.importing import Refused

        if isinstance(outcome, Refused):
            self.refused.append((number, outcome.reason))
            return
        self.counts[outcome.outcome] += 1
        if self.mapping is not None:
            ids = (newcomer.previous_id, newcomer.registration, newcomer.open_id, newcomer.union_id)
            csv.writer(self.mapping).writerow((*ids, outcome.sub))


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), help="By itself as the file's name ends.")
@click.option(
    "--registration", metavar="NAME", default="default", help="Whose open_ids they are; by itself `default`."
)
@click.option("--dry-run", is_flag=True, help="Say what would become of each line, and change nothing.")
@click.option(
    "--mapping",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write a CSV of old ids and subs to this new file.",
)
@JSON
def import_(
    file: Path, form: str | None, registration: str, dry_run: bool, mapping: Path | None, as_json: bool
) -> None:
    """Take people of another system over; their next sign-in joins them.

    \b
      broker users import people.csv --dry-run
      broker users import people.csv --mapping subs.csv
      broker users import - --format jsonl < people.jsonl

    A line is a person: union_id, or open_id with its registration; and, if you like, previous_id (what the other
    system called them), blocked, and sub (when another broker gave it). In CSV the first line names the columns.
    Everybody has a sub at once, so that --mapping can change your apps' databases over before anybody comes.

    The same file may be imported again: who is there stays. Bad lines are named and left out, and the exit code
    is 1 then.
    """
    if dry_run and mapping is not None:
        raise click.UsageError("Nobody has a sub after a --dry-run; leave out --mapping.")
    form = form or _FORMATS.get(file.suffix.lower())
    if form is None:
        raise click.UsageError(
            "The file's name does not end in .csv or .jsonl: say --format csv or --format jsonl."
        )
    from broker.cli.users_import_lines import Unreadable, people

    with ExitStack() as stack:
        written = None if mapping is None else stack.enter_context(_mapping(mapping))
        stream = cast("BinaryIO", stack.enter_context(click.open_file(str(file), "rb")))
        report = _Report(written)
        stopped = None
        try:
            _run(people(stream, form=form, registration=registration), report, dry_run=dry_run)
        except Unreadable as unreadable:
            stopped = str(unreadable)
    _say(report, stopped, dry_run=dry_run, as_json=as_json)


def _mapping(path: Path) -> TextIO:
    from broker.cli import private_file

    file = private_file.made(path)
    csv.writer(file).writerow(_MAPPING)
    return file


def _run(lines: Iterator[tuple[int, "Newcomer | str"]], report: _Report, *, dry_run: bool) -> None:
    from broker.cli.database import using

    async def work(database: "Database") -> None:
        async with _taking(database, dry_run=dry_run) as take:
            await _all(lines, report, take)

    using(work)


async def _all(lines: Iterator[tuple[int, "Newcomer | str"]], report: _Report, take: Take) -> None:
    """Raises `Unreadable`, when what came before is done."""
    from broker.cli.progress import progress
    from broker.cli.users_import_lines import Unreadable
    from broker.store.import_matches import BATCH

    batch: list[tuple[int, Newcomer]] = []

    async def flush() -> None:
        outcomes = await take([newcomer for _, newcomer in batch])
        for (number, newcomer), outcome in zip(batch, outcomes, strict=True):
            report.tell(number, newcomer, outcome)
        progress(f"{batch[-1][0]:,} lines" if batch else "")
        batch.clear()

    try:
        for number, read in lines:
            if isinstance(read, str):
                report.refused.append((number, read))
            else:
                batch.append((number, read))
            if len(batch) == BATCH:
                await flush()
            if len(report.refused) >= _MOST_FAULTS:
                raise Unreadable(
                    f"So many lines up to line {number} are bad that it may be the wrong file or --format."
                )
    except Unreadable:
        await flush()
        raise
    await flush()
    progress("")


@asynccontextmanager
async def _taking(database: "Database", *, dry_run: bool) -> AsyncIterator[Take]:
    """What takes a batch over, or on trial says what would become of it."""
    from broker.clock import system_clock
    from broker.store import importing

    now = system_clock()
    if not dry_run:
        yield lambda batch: database.transact(importing.take, batch, now=now)
        return
    async with _scratch() as scratch:

        async def on_trial(batch: "list[Newcomer]") -> "list[Taken | Refused]":
            verdicts = await database.read(importing.look, batch)
            # Whoever is new is held against the lines before, which the database has never seen.
            new = [newcomer for newcomer, verdict in zip(batch, verdicts, strict=True) if verdict is None]
            tried = iter(await scratch.transact(importing.take, new, now=now))
            return [next(tried) if verdict is None else verdict for verdict in verdicts]

        yield on_trial


@asynccontextmanager
async def _scratch() -> "AsyncIterator[Database]":
    """An empty database of this release, for the time being."""
    from tempfile import TemporaryDirectory

    from broker.store import migrations
    from broker.store.database import connect

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/trial.db"
        migrations.upgrade(url)
        database = await connect(url)
        try:
            yield database
        finally:
            await database.close()


def _say(report: _Report, stopped: str | None, *, dry_run: bool, as_json: bool) -> None:
    from broker.cli import output

    report.refused.sort()
    if as_json:
        refused = [{"line": number, "reason": reason} for number, reason in report.refused]
        output.print_json({**report.counts, "refused": refused, "stopped": stopped, "dry_run": dry_run})
    else:
        for number, reason in report.refused:
            click.echo(f"Line {number}: {reason}", err=True)
        counts = {**report.counts, "refused": len(report.refused)}
        output.print_table([(what, str(count)) for what, count in counts.items()])
        if dry_run:
            click.echo("Nothing was changed.", err=True)
    if stopped is not None:
        raise click.ClickException(stopped)
    if report.refused:
        raise click.ClickException("Mend the lines that were refused and run this again; whoever is in stays.")
