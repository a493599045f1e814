"""`broker db upgrade`: expand, then what is safe; contract when somebody says so."""

from typing import TYPE_CHECKING

import click

from broker.cli.asking import confirm, yes_option
from broker.cli.db_found import database, say_where

if TYPE_CHECKING:
    from broker.cli.db_reach import Reach
    from broker.opaque import Secret


@click.command("upgrade")
@click.argument("revision", default="head")
@click.option("--contract", is_flag=True, help="Take away, too, what only earlier releases need.")
@yes_option
def upgrade(revision: str, contract: bool, yes: bool) -> None:
    """Bring the database up to date while the broker serves.

    \b
      broker db plan                    what would run, and what it locks
      broker db upgrade                 before the new release starts
      broker db upgrade --contract      after the last replica of the old one has stopped
      broker db upgrade 0001            no further than that

    A revision is an expand or a contract. An expand only adds: the release that runs goes on, and the new one can
    start. A contract takes away what the release before still needs. This runs every expand, and a contract only
    when nobody can mind: the database is new, or every broker that is connected to PostgreSQL is of a release that
    does without. Otherwise it stops there and says so; --contract goes on, and asks first.

    On PostgreSQL no request waits longer than a moment: a lock that is not to be had at once is tried again for
    some time, and indexes are built beside running writes. An upgrade that was interrupted is simply run again.
    Of several at once one does the work and the others wait. A missing SQLite file is made.

    Exits 1 when this release cannot run on what came out. docs/migrations.md has the whole procedure.
    """
    from broker.cli import db_reach, migrating
    from broker.store import revision as revisions

    url = database()
    found = migrating.current(url)
    if found and revisions.is_newer(found) and revisions.runs_on(found):
        click.echo(f"The database is at revision {found}, of a later release; this one can run on it as it is.")
        return
    reach = db_reach.reach(url, revision, contract=contract)
    if reach.unproven:
        confirm(_consequences(url, reach), yes=yes)
    migrating.upgrade(url, reach)
    say_where(url)
    if reach.held:
        _say_what_is_held(url, reach.held.id, reach.why)


def _consequences(url: "Secret", reach: "Reach") -> str:
    from broker.cli import migrating

    taken = ", ".join(each.id for each in reach.unproven)
    return (
        f"This runs {taken} on {migrating.shown(url)}, which take away what earlier releases need: their brokers "
        f"fail from then on, and {reach.why}."
    )


def _say_what_is_held(url: "Secret", held: str, why: str) -> None:
    from broker.cli import migrating, schema

    click.echo(
        f"Held back: {held}, which takes away what earlier releases need, since {why}. Once no "
        "broker of an earlier release runs, run `broker db upgrade --contract`."
    )
    if schema.fault_in(migrating.current(url)):
        raise click.ClickException(
            f"This release cannot start before {held} is done; stop the brokers of earlier releases, "
            "then run `broker db upgrade --contract`."
        )
