"""`broker db`: migrations, from a checkout or an installed package in any folder."""

import click

from broker.cli.asking import confirm, yes_option
from broker.cli.db_backup import backup
from broker.cli.db_check import check
from broker.cli.db_found import database, say_where
from broker.cli.db_plan import plan
from broker.cli.db_upgrade import upgrade
from broker.cli.options import JSON


@click.group("db")
def db() -> None:
    """Migrate the database, or see where it stands.

    \b
      broker db plan
      broker db upgrade
      broker db check

    The database is BROKER_DATABASE_URL, by itself broker.db in this folder; no other setting is needed. In a
    checkout plain `alembic` commands do the same, contracts included.
    """


for _command in (upgrade, plan, check, backup):
    db.add_command(_command)


@db.command("downgrade", context_settings={"ignore_unknown_options": True})
@click.argument("revision")
@yes_option
def downgrade(revision: str, yes: bool) -> None:
    """Take the database back to an earlier revision.

    \b
      broker db downgrade -1
      broker db downgrade 0001
      broker db downgrade base      (nothing is left)

    What later revisions hold is lost, so this asks first. Make a backup, and stop the broker: this release cannot
    run on what comes out. To go back to an earlier release no downgrade is needed while there was no contract.
    """
    # `-1` is a revision; everything else with a dash is a mistyped option.
    if revision.startswith("-") and not revision[1:].isdecimal():
        raise click.NoSuchOption(revision)
    from broker.cli import migrating

    url = database()
    if migrating.current(url) is None:
        raise click.ClickException("There is nothing to take back: no migration has run on this database.")
    migrating.refuse_unknown(url)
    confirm(
        f"This takes {migrating.shown(url)} back to {revision}; the tables and columns that go are lost with all "
        "that they hold.",
        yes=yes,
    )
    migrating.downgrade(url, revision)
    say_where(url)


@db.command("current")
@JSON
def current(as_json: bool) -> None:
    """Print the revision that the database is at.

    \b
      broker db current --json
    """
    from broker.cli import migrating, output
    from broker.store.revision import HEAD

    found = migrating.current(database())
    if as_json:
        output.print_json({"revision": found, "head": HEAD})
    else:
        click.echo("none" if found is None else f"{found} (head)" if found == HEAD else found)


@db.command("history")
@JSON
def history(as_json: bool) -> None:
    """List the migrations of this release, oldest first.

    \b
      broker db history

    An expand only adds, so that the release before goes on; a contract takes away. Needs no database.
    """
    from broker.cli import migrating, output

    found = migrating.history()
    if as_json:
        output.print_json(
            [
                {"revision": one.id, "previous": one.previous, "kind": one.kind, "summary": one.summary}
                for one in found
            ]
        )
    else:
        output.print_table([(one.id, one.kind, one.summary) for one in found])
