"""The person that a command is about, and the sentence when there is none, or more than one."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from broker.store.people import Person
    from broker.store.waiting import Waiting

PERSON = click.argument("name", metavar="PERSON")


def found(name: str) -> "Person":
    """The person of this sub, union_id or open_id. Raises `click.ClickException` unless it is exactly one."""
    from broker.store.waiting import Waiting

    person = found_or_waiting(name)
    if isinstance(person, Waiting):
        raise click.ClickException(
            f"{person.sub} was imported and has not signed in here yet, so there is nothing to do."
        )
    return person


def found_or_waiting(name: str) -> "Person | Waiting":
    """The same, or somebody who was imported and has not signed in yet."""
    from broker.cli.database import read
    from broker.cli.output import visible
    from broker.store import people, waiting

    persons: list[Person | Waiting] = [*read(people.find, name)] or [*read(waiting.find, name)]
    if not persons:
        raise click.ClickException(
            f"There is nobody whose sub, union_id or open_id is {visible(name)[:64]}; "
            "`broker users list` shows the people that there are."
        )
    if len(persons) > 1:
        subs = ", ".join(person.sub for person in persons)
        raise click.ClickException(f"{visible(name)[:64]} is more than one person: name one of {subs}.")
    return persons[0]


def called(person: "Person") -> str:
    """The `sub`, and the display name when there is one, for a sentence."""
    from broker.cli.output import visible

    return f"{person.sub} ({visible(person.display_name)})" if person.display_name else person.sub
