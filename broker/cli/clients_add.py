"""`broker clients add`: from options, a file of RFC 7591 metadata, or both, to a registered client."""

from typing import Any

import click

from broker.cli import clients_options
from broker.oauth import registration


def _client_id(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and (fault := registration.fault_in_client_id(value)):
        raise click.BadParameter(f"it {fault}")
    return value


@click.command("add")
@click.argument("client_name", metavar="[NAME]", required=False)
@click.option("--client-id", metavar="ID", callback=_client_id, help="An id of your own choice; by itself random.")
@clients_options.metadata_options
@click.option("--json", "as_json", is_flag=True, help="Print the RFC 7591 registration response.")
def add(client_id: str | None, as_json: bool, **options: Any) -> None:
    """Register an app; prints its secret this once.

    \b
      broker clients add "My app" --redirect-uri https://app.example/callback
      broker clients add "Phone app" --public --redirect-uri http://127.0.0.1/callback
      broker clients add "Shop" --redirect-uri https://shop.example/cb --audience https://api.shop.example
      broker clients add "Nightly job" --grant-type client_credentials --scope "orders:read"
      broker clients add "Bank" --redirect-uri https://bank.example --auth-method private_key_jwt --jwks keys.json
      broker clients add --metadata app.json --json

    URI options may be repeated. Every fault is listed, and nothing is registered while there is one.
    """
    metadata = clients_options.read(options)
    if not metadata.get("client_name"):
        raise click.UsageError("Give the app a NAME, or a client_name in --metadata.")
    _print(_register(client_id, metadata), as_json=as_json)


def _register(client_id: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """Keep the client; the registration response of RFC 7591 §3.2.1. Raises `BadMetadata`."""
    # Here and not above: they bring the database's libraries, which the help needs not.
    from broker import opaque
    from broker.cli import clients_checks
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.oauth import client_metadata
    from broker.store import client_changes

    clients_checks.check(given)
    metadata = client_metadata.complete(given)
    chosen = client_id or opaque.identifier("cli_")
    secret = opaque.secret("brs_") if clients_checks.uses_secret(given) else None
    now = system_clock()
    digest = None if secret is None else opaque.digest(secret)
    if not change(client_changes.add, chosen, metadata, digest, now=now):
        raise click.ClickException(
            f"There is a client {chosen} already; choose another --client-id, or leave it out."
        )
    # RFC 7591 §3.2.1: 0 means that the secret does not expire.
    shown_once = {} if secret is None else {"client_secret": secret, "client_secret_expires_at": 0}
    return {"client_id": chosen, "client_id_issued_at": now, **shown_once, **metadata}


def _print(registered: dict[str, Any], *, as_json: bool) -> None:
    from broker.cli import output
    from broker.oauth import client_metadata

    if as_json:
        output.print_json(registered)
        return
    output.print_table([(key, registered[key]) for key in ("client_id", "client_secret") if key in registered])
    if "client_secret" in registered:
        click.echo("Keep the secret now: it is not shown again, and the broker has only a digest of it.", err=True)
    elif client_metadata.read(registered).public:
        click.echo("A public client has no secret; PKCE protects it.", err=True)
    else:
        click.echo("It proves itself with its own key; there is no secret to keep.", err=True)
