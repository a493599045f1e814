"""`broker db check`: does the database fit this release."""

from typing import Final

import click

from broker.cli.db_found import database
from broker.cli.options import JSON

EXITS: Final = {"in step": 0, "behind": 1, "ahead": 3, "drifted": 4}
"""The exit code of each state."""


@click.command("check")
@JSON
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Say whether the database fits this release.

    \b
      broker db check && broker serve

    Changes nothing. The exit code is:

    \b
      0  in step: this release runs on it, and its tables are as the program has them
      1  behind: `broker db upgrade` has to run first, or the database cannot be reached
      3  ahead: a later release has migrated it; what is printed says whether this one can still run on it
      4  drifted: at the right revision, but its tables differ from the program's
    """
    from broker.cli import migrating, output, schema
    from broker.store import revision

    url = database()
    found = migrating.current(url)
    runs = revision.runs_on(found)
    differences = migrating.differences(url, found) if runs else []
    state = _state(found, runs=runs, differs=bool(differences))
    if as_json:
        output.print_json(
            {
                "state": state,
                "revision": found,
                "head": revision.HEAD,
                "can_run": runs,
                "differences": differences,
            }
        )
    elif state == "drifted":
        for difference in differences:
            click.echo(output.visible(difference))
        click.echo(
            f"The tables at {found} differ from the program's as listed; undo what was changed by hand.", err=True
        )
    elif not runs:
        click.echo(schema.fault_in(found), err=True)
    elif state == "ahead":
        click.echo(f"Ahead: revision {found} only added to {revision.HEAD}; this release can run on it.", err=True)
    elif found != revision.HEAD:
        click.echo(f"In step: revision {found}; what is left up to {revision.HEAD} only takes away.")
    else:
        click.echo(f"In step: revision {found}, and no difference.")
    context.exit(EXITS[state])


def _state(found: str | None, *, runs: bool, differs: bool) -> str:
    from broker.store import revision

    if differs:
        return "drifted"
    if found is not None and revision.is_newer(found):
        return "ahead"
    return "in step" if runs else "behind"
