"""`broker db plan`: the SQL of an upgrade and what it locks, before anything runs."""

from typing import TYPE_CHECKING, Any

import click

from broker.cli.db_found import database
from broker.cli.options import JSON

if TYPE_CHECKING:
    from broker.store.migrating.effects import Effect
    from broker.store.migrating.planning import Step


@click.command("plan")
@click.argument("revision", default="head")
@click.option("--contract", is_flag=True, help="Also what `broker db upgrade --contract` would take away.")
@JSON
def plan(revision: str, contract: bool, as_json: bool) -> None:
    """Print what an upgrade would run and lock.

    \b
      broker db plan
      broker db plan --contract --json

    It is the SQL of `broker db upgrade`, and for each statement what it locks, who waits, and for how long. On
    PostgreSQL a lock is kept until the end of its revision, which is one transaction. Changes nothing.
    """
    from broker.cli import db_reach, output
    from broker.store import migrations

    url = database()
    reach = db_reach.reach(url, revision, contract=contract)
    steps = migrations.plan(url.reveal(), reach.steps)
    held = reach.held.id if reach.held else None
    if as_json:
        output.print_json({"steps": [_as_json(step) for step in steps], "held": held})
        return
    for step in steps:
        _print(step)
    if not steps:
        click.echo("Nothing to do.")
    if held:
        click.echo(f"Held back: {held}, since {reach.why}; see `broker db plan --contract`.")


def _print(step: "Step") -> None:
    from broker.cli import output

    click.echo(f"{step.revision.id} ({step.revision.kind}): {step.revision.summary}")
    for statement in step.statements:
        for line in statement.sql.splitlines():
            click.echo(f"    {output.visible(line)}")
        if statement.effect.lock:
            click.echo(f"  → {_told(statement.effect)}")
    click.echo()


def _told(effect: "Effect") -> str:
    on = f" on {', '.join(effect.tables)}" if effect.tables else ""
    return f"locks {effect.lock}{on}: {effect.waits} wait{_s(effect.waits)}, for {effect.lasts}"


def _s(waits: str) -> str:
    return "s" if waits == "nobody" else ""


def _as_json(step: "Step") -> dict[str, Any]:
    return {
        "revision": step.revision.id,
        "kind": step.revision.kind,
        "summary": step.revision.summary,
        "statements": [
            {
                "sql": each.sql,
                "lock": each.effect.lock,
                "tables": each.effect.tables,
                "waits": each.effect.waits,
                "lasts": each.effect.lasts,
            }
            for each in step.statements
        ],
    }
