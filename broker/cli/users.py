"""`broker users`: the people who have signed in. What blocks them, or takes them out, has files of its own."""

from typing import TYPE_CHECKING, Any

import click

from broker.cli.users_ending import block, sign_out, unblock
from broker.cli.users_found import JSON, PERSON, PersonCommand, found
from broker.cli.users_leaving import disconnect, erase

if TYPE_CHECKING:
    from broker.store.people import Account, Person


@click.group("users")
def users() -> None:
    """Look after the people who have signed in.

    \b
      broker users list
      broker users show usr_…

    PERSON is a sub, a union_id or an open_id. The database is BROKER_DATABASE_URL; no other setting is needed.
    """


for _command in (block, unblock, sign_out, disconnect, erase):
    users.add_command(_command)


@users.command("list")
@click.option("--limit", metavar="N", type=click.IntRange(1, 10_000), default=50, help="At most so many; 50.")
@click.option("--after", metavar="PERSON", help="Go on behind this one, the last of the page before.")
@JSON
def list_page(limit: int, after: str | None, as_json: bool) -> None:
    """List people, the newest first.

    \b
      broker users list
      broker users list --limit 1000 --after usr_… --json
    """
    from broker.cli import output
    from broker.cli.database import read
    from broker.store import people

    last = None if after is None else found(after)
    # One more than is shown tells whether there is another page.
    those = read(people.page, after=last, most=limit + 1)
    page, more = those[:limit], len(those) > limit
    if as_json:
        output.print_json([_as_json(person) for person in page])
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


@users.command("show", cls=PersonCommand)
@PERSON
@JSON
def show(name: str, as_json: bool) -> None:
    """Show a person: profile, accounts at TikTok, and how much of them is signed in.

    \b
      broker users show usr_…
    """
    from broker.cli import output
    from broker.cli.database import read
    from broker.clock import system_clock
    from broker.store import endings, people

    person = found(name)
    accounts = read(people.accounts_of, person.sub)
    standing = read(endings.standing, person.sub, now=system_clock())
    if as_json:
        output.print_json(
            _as_json(person)
            | {
                "accounts": [_account_as_json(account) for account in accounts],
                "live_sessions": standing.sessions,
                "live_grants": standing.grants,
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
    output.print_table(rows)


@users.command("export", cls=PersonCommand)
@PERSON
@click.option("--json", is_flag=True, expose_value=False, help="Print JSON, which it does anyway.")
def export(name: str) -> None:
    """Print everything that is kept of a person, as JSON.

    \b
      broker users export usr_… > person.json

    Tokens and digests are left out: whoever holds this file can do nothing with it in the person's name.
    """
    from base64 import b64encode

    from broker.cli import output
    from broker.cli.database import change, read
    from broker.clock import system_clock
    from broker.store import operations, people

    person = found(name)
    change(operations.export, person.sub, now=system_clock())
    avatar = read(people.avatar_of, person.sub)
    told: dict[str, Any] = _as_json(person)
    told["avatar"] = avatar and {
        "media_type": avatar[0],
        "image": b64encode(avatar[1]).decode(),
        "created_at": avatar[2],
    }
    told["accounts"] = [_account_as_json(account) for account in read(people.accounts_of, person.sub)]
    output.print_json(told | read(people.records_of, person.sub))


def _state(person: "Person") -> str:
    return "blocked" if person.blocked_at is not None else "welcome"


def _as_json(person: "Person") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(person)


def _account_as_json(account: "Account") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(account)
