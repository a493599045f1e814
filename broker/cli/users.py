"""`broker users`: the people who have signed in. What blocks them, or takes them out, has files of its own."""

from typing import TYPE_CHECKING

import click

from broker.cli.options import JSON, NamingCommand
from broker.cli.users_ending import block, sign_out, unblock
from broker.cli.users_export import export
from broker.cli.users_found import PERSON, found, found_or_waiting
from broker.cli.users_import import import_
from broker.cli.users_leaving import disconnect, erase

if TYPE_CHECKING:
    from broker.store.people import Person
    from broker.store.waiting import Waiting


@click.group("users")
def users() -> None:
    """Look after the people who have signed in.

    \b
      broker users list
      broker users show usr_…

    PERSON is a sub, a union_id or an open_id. The database is BROKER_DATABASE_URL; no other setting is needed.
    """


for _command in (block, unblock, sign_out, disconnect, erase, export, import_):
    users.add_command(_command)


@users.command("list")
@click.option("--limit", metavar="N", type=click.IntRange(1, 10_000), default=50, help="At most so many; 50.")
@click.option("--after", metavar="PERSON", help="Go on behind this one, the last of the page before.")
@click.option("--waiting", is_flag=True, help="Those who were imported and have not signed in yet, by sub.")
@JSON
def list_page(limit: int, after: str | None, waiting: bool, as_json: bool) -> None:
    """List people, the newest first.

    \b
      broker users list
      broker users list --limit 1000 --after usr_… --json
      broker users list --waiting
    """
    if waiting:
        _list_waiting(limit, after, as_json=as_json)
        return
    from dataclasses import asdict

    from broker.cli import output
    from broker.cli.database import read
    from broker.store import people

    last = None if after is None else found(after)
    # One more than is shown tells whether there is another page.
    those = read(people.page, after=last, most=limit + 1)
    page, more = those[:limit], len(those) > limit
    if as_json:
        output.print_json([asdict(person) for person in page])
        return
    if not page:
        click.echo("Nobody has signed in yet." if last is None else "There is nobody behind this one.", err=True)
        return
    rows = [("SUB", "NAME", "USERNAME", "STATE", "SINCE")]
    for person in page:
        name, username = output.shortened(person.display_name or ""), output.shortened(person.username or "")
        rows.append((person.sub, name, username, _state(person), output.utc(person.created_at)))
    output.print_table(rows)
    if more:
        click.echo(f"There are more: broker users list --after {page[-1].sub}", err=True)


@users.command("show", cls=NamingCommand)
@PERSON
@JSON
def show(name: str, as_json: bool) -> None:
    """Show a person: profile, accounts at TikTok, and how much of them is signed in.

    \b
      broker users show usr_…
    """
    from dataclasses import asdict

    from broker.cli import output
    from broker.cli.database import read
    from broker.clock import system_clock
    from broker.store import endings, people, waiting

    person = found_or_waiting(name)
    if isinstance(person, waiting.Waiting):
        _show_waiting(person, as_json=as_json)
        return
    accounts = read(people.accounts_of, person.sub)
    standing = read(endings.standing, person.sub, now=system_clock())
    imported = read(waiting.joined_as, person.sub)
    if as_json:
        output.print_json(
            asdict(person)
            | {
                "accounts": [asdict(account) for account in accounts],
                "live_sessions": standing.sessions,
                "live_grants": standing.grants,
                "previous_ids": imported,
            }
        )
        return
    rows = [
        ("sub", person.sub),
        ("union_id", person.union_id),
        ("name", person.display_name or ""),
        ("username", person.username or ""),
        ("state", _state(person)),
        ("since", output.utc(person.created_at)),
        ("last change", output.utc(person.updated_at)),
        ("live sessions", str(standing.sessions)),
        ("live grants", str(standing.grants)),
    ]
    for account in accounts:
        tokens = "TikTok tokens kept" if account.has_tokens else "no TikTok tokens"
        signed_in = f"signed in {output.utc(account.authorized_at)}"
        rows.append((f"account {account.registration}", f"{account.open_id}, {signed_in}, {tokens}"))
        rows.append(("", account.granted_scope))
    rows += [("previous id", previous_id) for previous_id in imported]
    output.print_table(rows)


def _list_waiting(limit: int, after: str | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from broker.cli import output
    from broker.cli.database import read
    from broker.store import waiting

    those = read(waiting.page, after=after, most=limit + 1)
    page, more = those[:limit], len(those) > limit
    if as_json:
        output.print_json([asdict(person) for person in page])
        return
    if not page:
        click.echo("Nobody waits." if after is None else "There is nobody behind this one.", err=True)
        return
    rows = [("SUB", "PREVIOUS ID", "KNOWN AS", "STATE", "IMPORTED")]
    for person in page:
        previous_id = output.shortened(person.previous_id or "")
        rows.append((person.sub, previous_id, _known_as(person), _state(person), output.utc(person.imported_at)))
    output.print_table(rows)
    if more:
        click.echo(f"There are more: broker users list --waiting --after {page[-1].sub}", err=True)


def _show_waiting(person: "Waiting", *, as_json: bool) -> None:
    from dataclasses import asdict

    from broker.cli import output

    if as_json:
        output.print_json(asdict(person))
        return
    rows = [
        ("sub", person.sub),
        ("known as", _known_as(person)),
        ("previous id", person.previous_id or ""),
        ("state", f"{_state(person)}, has not signed in here yet"),
        ("imported", output.utc(person.imported_at)),
    ]
    output.print_table(rows)


def _known_as(person: "Waiting") -> str:
    return person.union_id or f"{person.open_id} ({person.registration})"


def _state(person: "Person | Waiting") -> str:
    return "blocked" if person.blocked_at is not None else "welcome"
