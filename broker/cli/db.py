"""`broker db`: migrations, from a checkout or an installed package in any folder."""

from typing import TYPE_CHECKING

import click

from broker.cli.asking import confirm, yes_option
from broker.cli.db_backup import backup

if TYPE_CHECKING:
    from broker.opaque import Secret

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("db")
def db() -> None:
    """Migrate the database, or see where it stands.

    The database is BROKER_DATABASE_URL, by itself broker.db in this folder; no other setting is needed. In a
    checkout plain `alembic` commands do the same.
    """


db.add_command(backup)


@db.command("upgrade")
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the database to a revision, by itself to the newest.

    \b
      broker db upgrade
      broker db upgrade 0001

    A missing SQLite file is made. Of several upgrades at once one does the work and the others wait.
    """
    from broker.cli import migrating

    url = _url()
    migrating.refuse_unknown(url)
    migrating.upgrade(url, revision)
    _say_where(url)


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
    run on what comes out.
    """
    # `-1` is a revision; everything else with a dash is a mistyped option.
    if revision.startswith("-") and not revision[1:].isdecimal():
        raise click.NoSuchOption(revision)
    from broker.cli import migrating

    url = _url()
    if migrating.current(url) is None:
        raise click.ClickException("There is nothing to take back: no migration has run on this database.")
    migrating.refuse_unknown(url)
    confirm(
        f"This takes {migrating.shown(url)} back to {revision}; the tables and columns that go are lost with all "
        "that they hold.",
        yes=yes,
    )
    migrating.downgrade(url, revision)
    _say_where(url)


@db.command("current")
@_JSON
def current(as_json: bool) -> None:
    """Print the revision that the database is at.

    \b
      broker db current --json
    """
    from broker.cli import migrating, output
    from broker.store.revision import HEAD

    found = migrating.current(_url())
    if as_json:
        output.print_json({"revision": found, "head": HEAD})
    else:
        click.echo("none" if found is None else f"{found} (head)" if found == HEAD else found)


@db.command("check")
@_JSON
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Say whether the database fits this release.

    \b
      broker db check && broker serve

    Exits 1 when it does not: when it is behind or ahead, or when its tables differ from the program's. Changes
    nothing.
    """
    from broker.cli import migrating, output, schema
    from broker.store.revision import HEAD

    url = _url()
    found = migrating.current(url)
    fault = schema.fault_in(found)
    differences = [] if fault else migrating.differences(url)
    if as_json:
        state = "drifted" if differences else "in step"
        if fault:
            state = "ahead" if found and schema.is_newer(found) else "behind"
        output.print_json({"state": state, "revision": found, "head": HEAD, "differences": differences})
    elif fault:
        click.echo(fault, err=True)
    elif differences:
        for difference in differences:
            click.echo(output.visible(difference))
        click.echo(
            f"The tables at {HEAD} differ from the program's as listed; undo what was changed by hand.", err=True
        )
    else:
        click.echo(f"In step: revision {HEAD}, and no difference.")
    context.exit(1 if fault or differences else 0)


@db.command("history")
@_JSON
def history(as_json: bool) -> None:
    """List the migrations of this release, oldest first.

    \b
      broker db history

    Needs no database.
    """
    from broker.cli import migrating, output

    found = migrating.history()
    if as_json:
        output.print_json(
            [{"revision": one.id, "previous": one.previous, "summary": one.summary} for one in found]
        )
    else:
        output.print_table([(one.id, one.summary) for one in found])


def _url() -> "Secret":
    from broker.settings import database_url

    return database_url()


def _say_where(url: "Secret") -> None:
    from broker.cli import migrating

    found = migrating.current(url)
    click.echo(f"The database is at revision {found}." if found else "The database is empty.")
