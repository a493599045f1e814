"""`broker users block`, `unblock` and `sign-out`: whether a person may be signed in, and is."""

import click

from broker.cli.asking import confirm, yes_option
from broker.cli.options import NamingCommand
from broker.cli.users_found import PERSON, called, found, found_or_waiting

TOKENS_GO_ON = "Access tokens that apps hold pass at backends until they expire."


@click.command("block", cls=NamingCommand)
@PERSON
@yes_option
def block(name: str, yes: bool) -> None:
    """Refuse a person, and sign them out everywhere.

    \b
      broker users block usr_…

    Asks first. Every session and grant ends, those for offline use too, and the apps that listen are told.
    `broker users unblock` lets the person sign in again.
    """
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.store import user_changes, waiting

    person = found_or_waiting(name)
    if isinstance(person, waiting.Waiting):
        changed = change(waiting.block, person.sub, now=system_clock())
        click.echo(f"{person.sub} will be refused." if changed else f"{person.sub} was blocked already.")
        return
    if person.blocked_at is None:
        confirm(
            f"This refuses {called(person)} from now on and signs them out everywhere. {TOKENS_GO_ON}", yes=yes
        )
    ended = change(user_changes.block, person.sub, now=system_clock())
    if ended is None:
        click.echo(f"{person.sub} was blocked already.")
        return
    click.echo(f"{person.sub} is blocked; {ended_text(ended.sessions, ended.grants)}")


@click.command("unblock", cls=NamingCommand)
@PERSON
def unblock(name: str) -> None:
    """Let a blocked person sign in again.

    \b
      broker users unblock usr_…
    """
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.store import user_changes, waiting

    person = found_or_waiting(name)
    unblock_them = waiting.unblock if isinstance(person, waiting.Waiting) else user_changes.unblock
    changed = change(unblock_them, person.sub, now=system_clock())
    click.echo(f"{person.sub} may sign in again." if changed else f"{person.sub} was not blocked.")


@click.command("sign-out", cls=NamingCommand)
@click.argument("name", metavar="PERSON", required=False)
@click.option("--all", "everybody", is_flag=True, help="Everybody, as after a restored backup.")
@yes_option
def sign_out(name: str | None, everybody: bool, yes: bool) -> None:
    """Sign a person out everywhere, or everybody.

    \b
      broker users sign-out usr_…
      broker users sign-out --all

    Asks first. Every session and grant ends, those for offline use too, and the apps that listen are told. The
    person can sign in again at once; TikTok is told nothing.
    """
    if everybody == (name is not None):
        raise click.UsageError("Name one PERSON, or give --all.")
    if name is None:
        from broker.cli.users_everybody import sign_everybody_out

        sign_everybody_out(yes=yes)
        return
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.store import user_changes

    person = found(name)
    confirm(f"This signs {called(person)} out everywhere. {TOKENS_GO_ON}", yes=yes)
    ended = change(user_changes.sign_out, person.sub, now=system_clock())
    if ended is None:
        raise click.ClickException(f"{person.sub} was erased meanwhile.")
    click.echo(f"{person.sub} is signed out; {ended_text(ended.sessions, ended.grants)}")


def ended_text(sessions: int, grants: int) -> str:
    """How much ended, as the end of a sentence."""
    return f"sessions ended: {sessions}, grants ended: {grants}."
