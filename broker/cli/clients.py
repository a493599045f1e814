"""`broker clients`: the apps that may sign people in. What registers and changes them has files of its own."""

from typing import TYPE_CHECKING, Any

import click

from broker.cli.asking import confirm, yes_option
from broker.cli.clients_add import add
from broker.cli.clients_apply import apply
from broker.cli.clients_found import CLIENT, found, unknown
from broker.cli.clients_update import rotate_secret, update
from broker.cli.options import JSON

if TYPE_CHECKING:
    from broker.store.clients import ClientRow


@click.group("clients")
def clients() -> None:
    """Register the apps that may sign people in, and look after them.

    \b
      broker clients add "My app" --redirect-uri https://app.example/callback

    The database is BROKER_DATABASE_URL; no other setting is needed. A running broker follows within seconds,
    and at once where a code or a refresh token is spent.
    """


for _command in (add, update, apply, rotate_secret):
    clients.add_command(_command)


@clients.command("list")
@JSON
def list_all(as_json: bool) -> None:
    """List all clients, oldest first.

    \b
      broker clients list
      broker clients list --json
    """
    from broker.cli import output
    from broker.cli.database import read
    from broker.store import clients as store

    every = read(store.every)
    if as_json:
        output.print_json([_as_json(client) for client in every])
        return
    if not every:
        click.echo("There is no client yet; `broker clients add --help` shows how to register one.", err=True)
        return
    rows = [("CLIENT ID", "NAME", "AUTHENTICATION", "STATE", "SINCE")]
    for client in every:
        name = client.metadata.get("client_name", "")
        method = client.metadata["token_endpoint_auth_method"]
        rows.append((client.client_id, name, method, _state(client), output.utc(client.created_at)))
    output.print_table(rows)


@clients.command("show")
@CLIENT
@JSON
def show(client_id: str, as_json: bool) -> None:
    """Show everything that a client is registered for.

    \b
      broker clients show cli_…
    """
    from broker.cli import output

    client = found(client_id)
    if as_json:
        output.print_json(_as_json(client))
        return
    rows = [("client_id", client_id), ("state", _state(client)), ("since", output.utc(client.created_at))]
    for name, value in client.metadata.items():
        first, *more = value if isinstance(value, list) else [value]
        rows += [(name, _text(first)), *(("", _text(item)) for item in more)]
    output.print_table(rows)


@clients.command("disable")
@CLIENT
def disable(client_id: str) -> None:
    """Refuse a client until it is enabled again.

    \b
      broker clients disable cli_…

    Nothing of it is lost. Access tokens that it holds pass at backends until they expire.
    """
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.store import client_changes

    found(client_id)
    changed = change(client_changes.disable, client_id, now=system_clock())
    click.echo(f"{client_id} is disabled." if changed else f"{client_id} was disabled already.")


@clients.command("enable")
@CLIENT
def enable(client_id: str) -> None:
    """Let a disabled client in again.

    \b
      broker clients enable cli_…
    """
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.store import client_changes

    found(client_id)
    changed = change(client_changes.enable, client_id, now=system_clock())
    click.echo(f"{client_id} is enabled." if changed else f"{client_id} was enabled already.")


@clients.command("remove")
@CLIENT
@yes_option
def remove(client_id: str, yes: bool) -> None:
    """Delete a client and all that it was granted.

    \b
      broker clients remove cli_…

    Asks first. This cannot be undone; `broker clients disable` can.
    """
    from broker.cli.database import change, read
    from broker.cli.output import visible
    from broker.clock import system_clock
    from broker.store import client_changes
    from broker.store import clients as store

    client = found(client_id)
    grants = read(store.count_grants, client_id)
    name = visible(client.metadata.get("client_name", ""))
    confirm(
        f"This deletes {client_id}{name and f' ({name})'} and its grants ({grants}): nobody can sign in to it any "
        "more, and its refresh tokens are void. Access tokens that it holds pass at backends until they expire.",
        yes=yes,
    )
    if not change(client_changes.remove, client_id, now=system_clock()):
        unknown(client_id)
    click.echo(f"{client_id} is removed.")


def _state(client: "ClientRow") -> str:
    return "enabled" if client.disabled_at is None else "disabled"


def _as_json(client: "ClientRow") -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "client_id_issued_at": client.created_at,
        "disabled_at": client.disabled_at,
        **client.metadata,
    }


def _text(value: Any) -> str:
    import orjson

    return value if isinstance(value, str) else orjson.dumps(value).decode()
