"""`broker clients update` and `rotate-secret`: changing what an app is registered for, and its secret."""

from typing import Any

import click

from broker.cli import clients_options
from broker.cli.clients_found import CLIENT, found, unknown
from broker.cli.options import JSON


@click.command("update")
@CLIENT
@click.option("--name", "client_name", help="What people are told that the app is called.")
@clients_options.metadata_options
@JSON
def update(client_id: str, as_json: bool, **options: Any) -> None:
    """Change what a client is registered for.

    \b
      broker clients update cli_… --redirect-uri https://app.example/callback --redirect-uri https://app.example/new
      broker clients update cli_… --auth-method private_key_jwt --jwks-uri https://app.example/jwks.json
      echo '{"no_pkce": null, "audience": null}' | broker clients update cli_… --metadata -

    What is named takes the place of what there was, a list as a whole; null in the file takes a name away. It
    holds at once. An app that begins to prove itself with a secret and has none gets one, printed this once.
    """
    from broker import opaque
    from broker.cli import clients_checks, output
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.oauth import client_metadata
    from broker.store import client_changes

    client = found(client_id)
    said = clients_options.read(options)
    if not said:
        raise click.UsageError("Say what to change; `broker clients update --help` lists the options.")
    # RFC 7396: null removes.
    wanted = {name: value for name, value in {**client.metadata, **said}.items() if value is not None}
    clients_checks.check(wanted)
    metadata = client_metadata.complete(wanted)
    needs_secret = clients_checks.uses_secret(wanted) and client.secret_digest is None
    secret = opaque.secret("brs_") if needs_secret else None
    digest = None if secret is None else opaque.digest(secret)
    changed = change(
        client_changes.update, client_id, metadata, digest, version=client.version, now=system_clock()
    )
    if not changed:
        raise click.ClickException(
            f"{client_id} was changed by somebody else meanwhile; look at it and try again."
        )
    shown_once = {} if secret is None else {"client_secret": secret, "client_secret_expires_at": 0}
    if as_json:
        output.print_json({"client_id": client_id, **shown_once, **metadata})
        return
    if secret is not None:
        output.print_table([("client_id", client_id), ("client_secret", secret)])
        click.echo("Keep the secret now: it is not shown again, and the broker has only a digest of it.", err=True)
        return
    click.echo(f"{client_id} is changed.")


def seconds(_context: click.Context, _option: click.Parameter, value: str) -> int:
    """A duration of an option, in seconds."""
    # Here and not above: it brings the libraries of the settings, which the help needs not.
    from broker.configuration.values import BadValue, duration

    try:
        return duration("0s", "90d")(value)
    except BadValue as bad:
        raise click.BadParameter(f"it {bad}.") from None


@click.command("rotate-secret")
@CLIENT
@click.option(
    "--keep",
    metavar="DURATION",
    default="0s",
    callback=seconds,
    help="How long the old secret stays good beside the new one, as 30m, 24h or 7d; by itself not at all.",
)
@JSON
def rotate_secret(client_id: str, keep: int, as_json: bool) -> None:
    """Give a client a new secret.

    \b
      broker clients rotate-secret cli_… --keep 24h

    It is printed this once. Without --keep the old one is void at once: give the app the new one without delay.
    """
    from broker import opaque
    from broker.cli import clients_checks, output
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.store import client_changes

    client = found(client_id)
    if not clients_checks.uses_secret(dict(client.metadata)):
        kind = client.metadata["token_endpoint_auth_method"]
        reason = (
            "is a public client, which has no secret" if kind == "none" else "has keys of its own and no secret"
        )
        raise click.ClickException(f"{client_id} {reason}; there is nothing to rotate.")
    secret, now = opaque.secret("brs_"), system_clock()
    if not change(client_changes.rotate_secret, client_id, opaque.digest(secret), old_until=now + keep, now=now):
        unknown(client_id)
    if as_json:
        output.print_json({"client_id": client_id, "client_secret": secret, "client_secret_expires_at": 0})
        return
    output.print_table([("client_id", client_id), ("client_secret", secret)])
    fate = f"is good until {output.utc(now + keep)}" if keep else "is void from now on"
    click.echo(
        f"The old secret {fate}. This one is not shown again: the broker keeps a digest.",
        err=True,
    )
