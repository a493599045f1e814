"""What the program `broker` has: each command with its arguments, its options and its sentence."""

from collections.abc import Iterator
from dataclasses import dataclass

import click


@dataclass(frozen=True)
class Command:
    """One command that does something, as `broker … --help` tells of it."""

    words: tuple[str, ...]
    options: tuple[str, ...]
    sentence: str

    @property
    def row(self) -> list[str]:
        """Its line in the table of commands."""
        return [f"`{' '.join(self.words)}`", ", ".join(f"`{each}`" for each in self.options) or "–", self.sentence]


def commands(program: click.Command, *path: str) -> Iterator[Command]:
    """Every command below `program`, in the order of its help."""
    context = click.Context(program)
    if isinstance(program, click.Group):
        for name in program.list_commands(context):
            found = program.get_command(context, name)
            assert found is not None
            yield from commands(found, *path, name)
        return
    arguments = [each.make_metavar(context) for each in program.params if isinstance(each, click.Argument)]
    options = [max(each.opts, key=len) for each in program.params if isinstance(each, click.Option)]
    yield Command(("broker", *path, *arguments), tuple(options), program.get_short_help_str(limit=1_000))
