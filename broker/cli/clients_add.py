"""`broker clients add`: from options, a file of RFC 7591 metadata, or both, to a registered client."""

import re
from pathlib import Path
from typing import Any

import click

from broker.oauth.client_metadata import AUTH_METHODS, GRANT_TYPES

_MOST_FILE_BYTES = 64 * 1024
_CLIENT_ID = re.compile(r"[!-~]{1,64}")


def _client_id(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    # RFC 6749 §A.1 would allow spaces as well, which no shell, log or configuration file is glad of.
    if value is not None and _CLIENT_ID.fullmatch(value) is None:
        raise click.BadParameter("it is 1 to 64 visible ASCII characters without spaces.")
    return value


@click.command("add")
@click.argument("name", required=False)
@click.option("--redirect-uri", "redirect_uris", metavar="URI", multiple=True, help="Where answers may go; exact.")
@click.option("--public", is_flag=True, help="An app that can keep no secret: in a browser or on a device.")
@click.option(
    "--auth-method",
    type=click.Choice(AUTH_METHODS),
    help="How it proves itself at the token endpoint; by itself client_secret_basic.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help='What it may ask for: repeated, or a list in quotes; by itself "openid profile offline_access".',
)
@click.option("--audience", metavar="URI", multiple=True, help="A backend that its access tokens are for.")
@click.option("--grant-type", "grant_types", type=click.Choice(GRANT_TYPES), multiple=True, help="By itself both.")
@click.option("--client-id", metavar="ID", callback=_client_id, help="An id of your own choice; by itself random.")
@click.option("--no-pkce", is_flag=True, help="Do not demand PKCE; for a client with a secret only.")
@click.option("--registration", metavar="NAME", help="TikTok app to sign people in through; by itself `default`.")
@click.option("--client-uri", metavar="URI", help="Its home page, to which error pages lead back.")
@click.option(
    "--metadata",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="JSON of RFC 7591 metadata, - for standard input; options come before what it says.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the RFC 7591 registration response.")
def add(
    name: str | None,
    redirect_uris: tuple[str, ...],
    public: bool,
    auth_method: str | None,
    scopes: tuple[str, ...],
    audience: tuple[str, ...],
    grant_types: tuple[str, ...],
    client_id: str | None,
    no_pkce: bool,
    registration: str | None,
    client_uri: str | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Register an app; prints its secret this once.

    \b
      broker clients add "My app" --redirect-uri https://app.example/callback
      broker clients add "Phone app" --public --redirect-uri http://127.0.0.1/callback
      broker clients add "Shop" --redirect-uri https://shop.example/cb --audience https://api.shop.example
      broker clients add --metadata app.json --json

    URI options may be repeated. Every fault is listed, and nothing is registered while there is one.
    """
    if public and auth_method not in (None, "none"):
        raise click.UsageError("--public means --auth-method none; leave one of them out.")
    given = {
        "client_name": name,
        "redirect_uris": list(redirect_uris),
        "token_endpoint_auth_method": "none" if public else auth_method,
        "grant_types": list(grant_types),
        "scope": " ".join(scopes),
        "audience": list(audience),
        "no_pkce": no_pkce,
        "registration": registration,
        "client_uri": client_uri,
    }
    metadata = _read(file) | {key: value for key, value in given.items() if value}
    if not metadata.get("client_name"):
        raise click.UsageError("Give the app a NAME, or a client_name in --metadata.")
    _print(_register(client_id, metadata), as_json=as_json)


def _read(file: Path | None) -> dict[str, Any]:
    import orjson

    if file is None:
        return {}
    try:
        with click.open_file(str(file), "rb") as stream:
            content = stream.read(_MOST_FILE_BYTES + 1)
    except OSError as error:
        raise click.ClickException(
            f"{file} cannot be read ({error.strerror}); correct the path or the rights."
        ) from error
    if len(content) > _MOST_FILE_BYTES:
        raise click.ClickException(
            f"{file} is larger than 64 KiB, which no client's metadata is; correct the path."
        )
    try:
        metadata = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"{file} is not JSON ({error}); mend it.") from error
    if not isinstance(metadata, dict):
        raise click.ClickException(f"{file} must hold one JSON object of RFC 7591 metadata.")
    return metadata


def _register(client_id: str | None, given: dict[str, Any]) -> dict[str, Any]:
    """Keep the client; the registration response of RFC 7591 §3.2.1. Raises `BadMetadata`."""
    # Here and not above: they bring the database's libraries, which the help needs not.
    from broker import opaque
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.oauth import client_metadata
    from broker.store import client_changes

    if isinstance(given.get("scope"), str):
        given["scope"] = " ".join(given["scope"].split())
    read = client_metadata.read(given)
    metadata = client_metadata.complete(given)
    chosen = client_id or opaque.identifier("cli_")
    secret = None if read.public else opaque.secret("brs_")
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

    if as_json:
        output.print_json(registered)
        return
    output.print_table([(key, registered[key]) for key in ("client_id", "client_secret") if key in registered])
    if "client_secret" in registered:
        click.echo("Keep the secret now: it is not shown again, and the broker has only a digest of it.", err=True)
    else:
        click.echo("A public client has no secret; PKCE protects it.", err=True)
