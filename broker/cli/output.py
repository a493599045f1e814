"""Text and JSON for standard output."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
import orjson

_GAP = "  "


def print_json(value: Any) -> None:
    """Indented JSON; keys stay in the order in which they were given."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def print_table(rows: Sequence[Sequence[str]], *, indent: str = "") -> None:
    """Rows of equally many cells, in aligned columns."""
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(indent + _GAP.join(cells).rstrip())


def visible(text: str) -> str:
    """The text with escapes for whatever could move a terminal's cursor or end the line."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def shortened(text: str, most: int = 32) -> str:
    """The text as far as a column of a table has room for what others chose."""
    shown = visible(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def utc(epoch: int) -> str:
    """Epoch seconds as people read them."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
