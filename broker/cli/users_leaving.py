"""`broker users disconnect` and `erase`: taking a person out of our apps at TikTok, and out of the database."""

import time
from typing import TYPE_CHECKING

import click

from broker.cli.asking import confirm, yes_option
from broker.cli.options import NamingCommand
from broker.cli.users_ending import TOKENS_GO_ON, ended_text
from broker.cli.users_found import PERSON, called, found, found_or_waiting

if TYPE_CHECKING:
    from broker.store.database import StoreFunction
    from broker.store.leaving import Left, Refreshing
    from broker.store.waiting import Waiting

_LOOK_SECONDS = 1
# A lease on a token pair is shorter.
_MOST_LOOKS = 60


@click.command("disconnect", cls=NamingCommand)
@PERSON
@yes_option
def disconnect(name: str, yes: bool) -> None:
    """Take our apps out of a person's TikTok account, and sign them out everywhere.

    \b
      broker users disconnect usr_…

    Asks first. TikTok's tokens are deleted here, and the running broker has TikTok revoke them; while TikTok does
    not answer it tries for a day. The person can sign in again, and is then asked by TikTok as at the first time.
    """
    from broker.store import leaving

    person = found(name)
    confirm(
        f"This takes our apps out of the TikTok account of {called(person)} and signs them out everywhere. "
        f"{TOKENS_GO_ON}",
        yes=yes,
    )
    _say(person.sub, "disconnected", _leave(leaving.disconnect, person.sub))


@click.command("erase", cls=NamingCommand)
@PERSON
@yes_option
def erase(name: str, yes: bool) -> None:
    """Delete a person and whatever leads to them, and take our apps out of their TikTok account.

    \b
      broker users erase usr_…

    Asks first; this cannot be undone. Audit events stay without the person. Whoever signs in again with the same
    TikTok account is somebody new, under another sub.
    """
    from broker.store import leaving
    from broker.store.waiting import Waiting

    person = found_or_waiting(name)
    if isinstance(person, Waiting):
        _erase_waiting(person, yes=yes)
        return
    confirm(
        f"This deletes {called(person)} for good: profile, accounts, sessions and grants. It takes our apps out "
        f"of the TikTok account and signs the person out everywhere. {TOKENS_GO_ON}",
        yes=yes,
    )
    _say(person.sub, "erased", _leave(leaving.erase, person.sub))


def _erase_waiting(person: "Waiting", *, yes: bool) -> None:
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.store import leaving

    confirm(
        f"This deletes {person.sub} for good, who was imported and has not signed in here yet: at their next "
        "sign-in they are somebody new.",
        yes=yes,
    )
    if not change(leaving.erase_waiting, person.sub, now=system_clock()):
        raise click.ClickException(f"{person.sub} was erased or signed in meanwhile; look again.")
    click.echo(f"{person.sub} is erased.")


def _leave(function: "StoreFunction[..., Left | Refreshing | None]", user_id: str) -> "Left":
    """Raises `click.ClickException` when there is nobody any more, or no end to the waiting."""
    from broker.cli.database import change
    from broker.clock import system_clock
    from broker.store.leaving import Left

    for look in range(_MOST_LOOKS):
        outcome = change(function, user_id, now=system_clock())
        if outcome is None:
            raise click.ClickException(f"{user_id} was erased meanwhile.")
        if isinstance(outcome, Left):
            return outcome
        if look == 0:
            click.echo("TikTok's tokens of this person are being renewed just now; waiting for that.", err=True)
        time.sleep(_LOOK_SECONDS)
    raise click.ClickException("TikTok's tokens of this person are being renewed again and again; try later.")


def _say(sub: str, what: str, left: "Left") -> None:
    click.echo(f"{sub} is {what}; {ended_text(left.ended.sessions, left.ended.grants)}")
    if left.registrations:
        click.echo(f"The running broker tells TikTok, for: {', '.join(left.registrations)}.", err=True)
    else:
        click.echo("TikTok is told nothing: no tokens of this person were kept.", err=True)
