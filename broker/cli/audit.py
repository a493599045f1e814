"""`broker audit`: what happened."""

import click

from broker.cli.options import JSON
from broker.store.audit_names import EVENTS


def _moment(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """Epoch seconds of a date, a date and time, or a time ago."""
    if value is None:
        return None
    from datetime import UTC, datetime

    from broker.clock import system_clock
    from broker.configuration.values import BadValue, duration

    try:
        return system_clock() - duration()(value)
    except BadValue:
        pass
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            "it must be a date such as 2027-01-31, with a time such as 2027-01-31T08:30Z, or so long ago: 24h, 7d."
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


@click.command("audit")
@click.option("--user", metavar="PERSON", help="What concerns this sub, union_id or open_id.")
@click.option("--client", metavar="CLIENT_ID", help="What concerns this app.")
@click.option(
    "--event", metavar="NAME", type=click.Choice(sorted(EVENTS)), help="Events of this name, such as sign_in."
)
@click.option(
    "--since", metavar="TIME", callback=_moment, help="From then on: 2027-01-31, 2027-01-31T08:30Z, 24h."
)
@click.option("--until", metavar="TIME", callback=_moment, help="Before then.")
@click.option("--limit", metavar="N", type=click.IntRange(1, 100_000), default=50, help="At most so many; 50.")
@JSON
def audit(
    user: str | None,
    client: str | None,
    event: str | None,
    since: int | None,
    until: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List what happened, the newest first.

    \b
      broker audit
      broker audit --user usr_… --since 7d
      broker audit --event grant.ended --since 2027-01-31 --until 2027-02-01 --json

    Times without a zone are UTC. Of an erased person, --user with the sub finds the erasure and nothing else.
    """
    from dataclasses import asdict

    from broker.cli import output
    from broker.cli.database import read
    from broker.store import audit as store

    events = read(
        store.newest,
        user=None if user is None else _user_id(user),
        client=client,
        event=event,
        since=since,
        until=until,
        most=limit,
    )
    if as_json:
        output.print_json([asdict(one) for one in events])
        return
    if not events:
        click.echo("Nothing of the kind has happened.", err=True)
        return
    rows = [("TIME", "EVENT", "BY", "USER", "CLIENT", "REASON")]
    for one in events:
        who, app, why = one.user_id or "", one.client_id or "", one.reason or ""
        rows.append((output.utc(one.at), one.event, one.actor, who, app, why))
    output.print_table(rows)


def _user_id(name: str) -> str:
    """What events name the person by, here or erased. Raises `click.ClickException` for several."""
    from broker.cli.database import read
    from broker.cli.users_found import found_or_waiting
    from broker.store import leaving, people, waiting

    here = bool(read(people.find, name)) or bool(read(waiting.find, name))
    return found_or_waiting(name).sub if here else leaving.erased(name)
