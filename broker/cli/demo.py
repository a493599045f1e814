"""`broker demo`: everything on this machine, with nothing to configure."""

import asyncio
import io
import sys

import click

_LAST_PORT = 65_535 - 2


@click.command("demo")
@click.option(
    "--port",
    type=click.IntRange(1, _LAST_PORT),
    default=8000,
    show_default=True,
    help="Port of the sample app; the broker takes the next one and the simulator the one after.",
)
@click.option("--check", is_flag=True, help="Sign somebody in without a browser, print every step, and end.")
@click.option("--live", is_flag=True, help="Use TikTok itself, through a developer app of yours.")
@click.option(
    "--client-key",
    envvar="BROKER_TIKTOK_CLIENT_KEY",
    show_envvar=True,
    help="With --live: the client key of your app; left out, you are asked for it.",
)
@click.option(
    "--client-secret",
    envvar="BROKER_TIKTOK_CLIENT_SECRET",
    show_envvar=True,
    help="With --live: the client secret of your app; left out, you are asked for it, which is safer.",
)
@click.option("--verbose", is_flag=True, help="Log every request to the broker on standard error.")
@click.pass_context
def demo(
    context: click.Context,
    port: int,
    check: bool,
    live: bool,
    client_key: str | None,
    client_secret: str | None,
    verbose: bool,
) -> None:
    """Show "Continue with TikTok" on this machine: TikTok simulator, broker and a sample app.

    Nothing to configure, and nothing left behind. Open the address that it prints.
    """
    # Here and not above: every other command would pay for the sample app and its libraries.
    from broker import app, settings
    from broker.demo.run import Options, run
    from broker.demo.servers import CannotServe
    from broker.demo.tiktok import TikTokApp
    from broker.opaque import Secret

    if live and check:
        raise click.UsageError("Only a person can sign in at TikTok itself: leave out --check or --live.")
    developer = None
    if live:
        key = client_key or _ask("Client key of your TikTok app", hidden=False)
        developer = TikTokApp(key, Secret(client_secret or _ask("Its client secret (not shown)", hidden=True)))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without ✓ must not end the demo.
        sys.stdout.reconfigure(errors="replace")
    try:
        options = Options(port, developer, check=check, verbose=verbose)
        good = asyncio.run(run(options, lambda environ: app.running(settings.load(environ)), click.echo))
    except CannotServe as fault:
        raise click.ClickException(str(fault)) from fault
    context.exit(0 if good else 1)


def _ask(question: str, *, hidden: bool) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError(
            "--live needs a client key and secret: set BROKER_TIKTOK_CLIENT_KEY and BROKER_TIKTOK_CLIENT_SECRET."
        )
    answer: str = click.prompt(question, hide_input=hidden)
    return answer
