"""`broker`: the one program. Its commands stand in the table below; each says in its help what it does."""

from typing import Any

import click

from broker import __version__
from broker.cli.lazy import LazyGroup

_PLACES = {
    "demo": "broker.cli.demo:demo",
    "serve": "broker.cli.serve:serve",
    "doctor": "broker.cli.doctor.command:doctor",
    "simulator": "broker.cli.simulator:simulator",
    "db": "broker.cli.db:db",
    "clients": "broker.cli.clients:clients",
    "explain": "broker.cli.explain.command:explain",
    "keys": "broker.cli.keys:keys",
    "users": "broker.cli.users:users",
    "audit": "broker.cli.audit:audit",
    "purge": "broker.cli.purge:purge",
    "secret": "broker.cli.secret:secret",
}
_INTERRUPTED = 130


class _Program(LazyGroup):
    """Turns what went wrong into a sentence and an exit code; a fault in the program itself stays a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort) as stopped:
            # Abort also means a declined question; Ctrl-C at a question is its context.
            if isinstance(stopped, KeyboardInterrupt) or isinstance(stopped.__context__, KeyboardInterrupt):
                click.echo(err=True)
                ctx.exit(_INTERRUPTED)
            raise
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            # Here and not above: it knows exceptions of rooms that a command may not need.
            from broker.cli.faults import explained

            sentence = explained(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error


@click.group(
    cls=_Program,
    places=_PLACES,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `broker demo`; `broker COMMAND --help` explains each command.",
)
@click.version_option(__version__, prog_name="broker")
def broker() -> None:
    """Sign in with TikTok for all your apps, as an OpenID Connect provider.

    The service is configured by environment variables that begin with BROKER_; `broker serve` names those that are
    missing or wrong.
    """


def main() -> None:
    """What the installed `broker` command and `python -m broker` run."""
    broker(prog_name="broker")
