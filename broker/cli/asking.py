"""The question before something is destroyed."""

import sys
from collections.abc import Callable
from typing import TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., object])


def yes_option(command: Decorated) -> Decorated:
    """`--yes`, which answers the question beforehand."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(command)


def confirm(consequences: str, *, yes: bool) -> None:
    """Go on only if somebody agrees to the consequences.

    Raises `click.Abort` when declined, and `click.ClickException` when there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException(f"{consequences} There is no terminal to ask at: add --yes if you mean it.")
    click.echo(consequences, err=True)
    click.confirm("Go on?", abort=True, err=True)
