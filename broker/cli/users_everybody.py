"""`broker users sign-out --all`: after a restored backup, or when nobody knows who may be signed in as whom."""

import click

from broker.cli.asking import confirm


def sign_everybody_out(*, yes: bool) -> None:
    """Ask, then end every session and grant, batch by batch; whoever was reached stays out if this is stopped."""
    from broker.cli.database import read
    from broker.store import everybody

    there = read(everybody.signed_in)
    if not there:
        click.echo("Nobody is signed in.")
        return
    confirm(
        f"This signs everybody out everywhere ({_people(there)}): they have to sign in again, and apps that work "
        "for people who are away lose their access. Access tokens that apps hold pass at backends until they "
        "expire.",
        yes=yes,
    )
    people, sessions, grants = _sign_out(there)
    click.echo(f"Signed out: {_people(people)}; sessions ended: {sessions}, grants ended: {grants}.")


def _sign_out(there: int) -> tuple[int, int, int]:
    from broker.cli.database import using
    from broker.clock import system_clock
    from broker.store import endings, everybody
    from broker.store.database import Database

    async def every(database: Database) -> tuple[int, int, int]:
        people = sessions = grants = 0
        last = ""
        while batch := await database.transact(
            everybody.sign_out, after=last, most=endings.MOST, now=system_clock()
        ):
            people, last = people + batch.people, batch.last
            sessions, grants = sessions + batch.ended.sessions, grants + batch.ended.grants
            if people < there:
                click.echo(f"{people:,} of {there:,} …", err=True)
        return people, sessions, grants

    return using(every)


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number:,} people"
