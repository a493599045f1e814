"""How far a long command has come, for somebody who watches."""

import sys

import click


def progress(text: str) -> None:
    """One line on a terminal, written over by the next; an empty text takes it away."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)
