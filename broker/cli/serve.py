"""`broker serve`: settings, port, database, then the service."""

import asyncio
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from broker.opaque import Secret
    from broker.settings import Settings


@click.command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address or name to listen on; 0.0.0.0 for all."
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="0 takes a free one."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Number of processes.")
@click.option("--migrate", is_flag=True, help="Run `broker db upgrade` first; of several starts one does it.")
def serve(host: str, port: int, workers: int, migrate: bool) -> None:
    """Run the broker.

    \b
      export BROKER_ISSUER=https://login.example.com
      export BROKER_SECRET_KEYS="$(broker secret)"
      export BROKER_TIKTOK_CLIENT_KEY=… BROKER_TIKTOK_CLIENT_SECRET=…
      broker serve

    Settings are environment variables that begin with BROKER_, each also as …_FILE with a path to read it
    from; every fault in them is listed. The effective ones are printed, secrets masked, and with them the
    redirect URI to register at TikTok.

    A SQLite file that does not exist is made. Another database must be at a revision this release can run on: run
    `broker db upgrade` beforehand, or add --migrate. Logs go to standard error.

    SIGTERM lets it serve on for BROKER_SHUTDOWN_DRAIN while /readyz says no; then, and after Ctrl-C at once,
    open requests and deliveries get BROKER_SHUTDOWN_GRACE to finish. A second signal ends it without waiting.
    With several --workers, one that dies, or serves and hangs, is replaced.

    Put a proxy that speaks TLS in front, and name its address in BROKER_TRUSTED_PROXIES.
    """
    # Here and not above: `broker --help` and the other commands do without them.
    from broker import log, settings
    from broker.cli.listening import bound, listen
    from broker.cli.open_files import allow_many
    from broker.cli.serving import BACKLOG, serve_here
    from broker.cli.stopping import end_on_sigterm

    end_on_sigterm()
    allow_many()
    chosen = settings.from_environment()
    log.configure(chosen.log_format, chosen.log_level)
    with bound(host, port) as sockets:
        _prepare(chosen.database_url, migrate=migrate)
        listen(sockets, BACKLOG)
        _warn(chosen)
        _announce(chosen, sockets)
        if workers == 1:
            serve_here(chosen, sockets)
        else:
            # Likewise here and not above: one process does without.
            from broker.cli.supervising import serve_in_workers

            serve_in_workers(chosen, sockets, workers)


def _prepare(url: "Secret", *, migrate: bool) -> None:
    from broker.cli import schema
    from broker.store import revision

    found = asyncio.run(schema.revision_of(url))
    behind = found is None or found < revision.HEAD
    if schema.not_made_yet(url) or (migrate and behind):
        # Here and not above: alembic takes half a second, and a database that is up to date needs none.
        from broker.cli import db_reach, migrating

        migrating.upgrade(url, db_reach.reach(url))
        found = asyncio.run(schema.revision_of(url))
    schema.demand(found)


def _announce(settings: "Settings", sockets: Sequence[socket.socket]) -> None:
    from broker.cli.listening import address
    from broker.cli.output import print_table
    from broker.login.addresses import callback_address
    from broker.settings import effective
    from broker.upstream.tiktok_redirects import advice

    click.echo("Settings:")
    print_table(effective(settings), indent="  ")
    click.echo("Redirect URI to register at TikTok:")
    rows: list[tuple[str, str, str]] = []
    for registration in settings.registrations:
        uri = callback_address(settings.issuer, registration.name)
        rows += [(registration.name, registration.environment, uri), ("", "", advice(uri))]
    print_table(rows, indent="  ")
    click.echo(f"Listening on {', '.join(map(address, sockets))}")


def _warn(settings: "Settings") -> None:
    """A line for whatever `broker doctor` would not leave at that; none of it keeps the service from starting."""
    from broker import log
    from broker.cli.doctor import rules

    logger = log.get("settings")
    for finding in rules.for_others(settings):
        if finding.outcome != "ok":
            logger.warning("settings.doubtful", check=finding.check, found=finding.found, advice=finding.remedy)
