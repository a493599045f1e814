"""What is known of one environment variable."""

from collections.abc import Callable
from dataclasses import dataclass

PREFIX = "BROKER_"
FILE_SUFFIX = "_FILE"


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable."""

    name: str
    field: str
    """The attribute of `Settings` that it fills, or of the registration named `default`."""
    parse: Callable[[str], object]
    """Text → value; raises `BadValue`."""
    purpose: str
    default: str | None = None
    """The text it stands at when unset; None for what is then required or absent."""
    remedy: str = ""
    """What to do when it is missing; empty for what may be."""
    is_path: bool = False
    """The value is a path, read in any case; `…_FILE` is another spelling of the same."""
