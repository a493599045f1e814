"""A new file that only its owner may read."""

import os
from pathlib import Path
from typing import TextIO

import click


def made(path: Path) -> TextIO:
    """The file, open for writing; it must not have been there.

    Raises `click.ClickException` when it was, or cannot be made.
    """
    try:
        # At once with its rights: between making and closing it anybody could open it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise click.ClickException(f"{path} is there already; name a new file, or take that one away.") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be made ({error.strerror}); correct the path.") from error
    return os.fdopen(descriptor, "w", encoding="utf-8", newline="")
