"""`broker simulator`: the TikTok simulator alone, for the broker's own tests and those of app teams."""

from ipaddress import ip_address
from shlex import quote
from typing import cast
from urllib.parse import urlsplit

import click

_KEY = "aw0simulator0key"
_FOR_EVERYBODY = "simulator-client-secret"
_REDIRECT_URIS = ("http://localhost:*/callback/tiktok", "http://127.0.0.1:*/callback/tiktok")


def _origin(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is None:
        return None
    # Here and not above: `broker simulator --help` does without.
    from broker.configuration import addresses
    from broker.configuration.values import BadValue

    try:
        origin = addresses.base(given)
    except BadValue as fault:
        raise click.BadParameter(f"it {fault}.") from fault
    if urlsplit(origin).path:
        raise click.BadParameter("it must end after the host and port.")
    return origin


@click.command("simulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8001, show_default=True)
@click.option(
    "--public-origin",
    metavar="URL",
    callback=_origin,
    help="Where browsers find it when that is not where it listens, as behind a proxy or in a container.",
)
@click.option("--client-key", default=_KEY, show_default=True, help="Client key of the one app that it knows.")
@click.option("--client-secret", help="Its client secret; left out, one for everybody, which is printed.")
@click.option(
    "--redirect-uri",
    "redirect_uris",
    metavar="URI",
    multiple=True,
    default=_REDIRECT_URIS,
    show_default=True,
    help="Where it may send browsers; may be repeated.",
)
@click.option(
    "--platform",
    type=click.Choice(["web", "desktop", "android", "ios"]),
    default="desktop",
    show_default=True,
    help="Whose rules for redirect URIs hold; localhost is for desktop apps only.",
)
@click.option(
    "--native-redirect-uri",
    "native_redirect_uris",
    metavar="URI",
    multiple=True,
    help="Where its sibling on phones is reached, which gets codes by TikTok's SDK; may be repeated.",
)
@click.option("--webhook-url", metavar="URL", help="Where it tells the app what people do at TikTok itself.")
def simulator(
    host: str,
    port: int,
    public_origin: str | None,
    client_key: str,
    client_secret: str | None,
    redirect_uris: tuple[str, ...],
    platform: str,
    native_redirect_uris: tuple[str, ...],
    webhook_url: str | None,
) -> None:
    """Run a TikTok simulator, which needs no account.

    \b
      broker simulator

    It prints what to export for a broker on this machine. In another terminal, after those lines:

    \b
      export BROKER_ISSUER=http://localhost:8000 BROKER_SECRET_KEYS="$(broker secret)"
      broker serve

    It is as strict as TikTok where TikTok is strict. It guards nothing: never use it for real people.
    Its control page lets things go wrong at the press of a button.
    """
    # Here and not above: the other commands need neither its pages nor its server.
    from broker.cli.stopping import end_on_sigterm
    from broker.simulator.apps import App, Platform
    from broker.simulator.people import PEOPLE
    from broker.simulator.serve import serve

    testers = [person.id for person in PEOPLE][:10] if client_key.startswith("sb") else None
    try:
        app = App(
            client_key,
            client_secret or _FOR_EVERYBODY,
            redirect_uris,
            platform=cast(Platform, platform),
            sandbox_testers=testers,
            webhook_url=webhook_url,
            native_redirect_uris=native_redirect_uris,
        )
    except ValueError as error:
        raise click.UsageError(f"TikTok would refuse this app: {error}.") from error
    end_on_sigterm()
    origin = f"http://{_reached_at(host)}:{port}"
    _announce(origin, public_origin or origin, client_key, given=client_secret is not None)
    try:
        serve(host, port, [app], public_origin=public_origin)
    except OSError as error:
        raise click.ClickException(
            f"Port {port} of {host} cannot be used ({error.strerror or error}); "
            "choose another with --port or --host."
        ) from error


def _reached_at(host: str) -> str:
    """What browsers on this machine call the address that it listens on."""
    try:
        address = ip_address(host)
    except ValueError:
        return host or "localhost"
    if address.is_unspecified:
        return "localhost"
    return f"[{host}]" if address.version == 6 else host


def _announce(origin: str, public_origin: str, client_key: str, *, given: bool) -> None:
    secret = "the one that you gave" if given else _FOR_EVERYBODY
    click.echo(f"export BROKER_TIKTOK_CLIENT_KEY={quote(client_key)}")
    click.echo(f"{'# ' if given else ''}export BROKER_TIKTOK_CLIENT_SECRET={secret}")
    click.echo(f"export BROKER_TIKTOK_AUTHORIZE_URL={quote(public_origin + '/v2/auth/authorize/')}")
    click.echo(f"export BROKER_TIKTOK_API_URL={quote(origin)}")
    click.echo(f"# What goes wrong, and for whom, is chosen at {public_origin}/_simulator/")
