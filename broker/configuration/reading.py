"""One variable out of an environment: from itself or from the file that `…_FILE` names, or its default."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.configuration.values import BadValue
from broker.configuration.variable import FILE_SUFFIX, Variable

_MOST_FILE_BYTES = 64 * 1024


def value(environ: Mapping[str, str], variable: Variable, *, terminal: bool) -> Any:
    """What the variable stands at; None when it may be missing, and is. Raises `BadValue`, naming the variable.

    On a terminal the log format is `console` by itself.
    """
    source, text = _given(environ, variable)
    if text is None and variable.remedy:
        raise BadValue(f"{variable.name} is required; {variable.remedy}")
    if text is None:
        text = "console" if terminal and variable.field == "log_format" else variable.default
    if text is None:
        return None
    try:
        return variable.parse(text)
    except BadValue as bad:
        raise BadValue(f"{source} {bad}") from None


def _given(environ: Mapping[str, str], variable: Variable) -> tuple[str, str | None]:
    """The name that was used and the text behind it; an empty value counts as unset."""
    in_file = variable.name + FILE_SUFFIX
    text, path = environ.get(variable.name), environ.get(in_file)
    if text and path:
        raise BadValue(f"{variable.name} and {in_file} are both set; remove one of them")
    if path:
        return in_file, _read(in_file, path)
    if text and variable.is_path:
        return variable.name, _read(variable.name, text)
    return variable.name, text or None


def _read(source: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_MOST_FILE_BYTES + 1)
        # Editors on Windows put a byte order mark in front.
        text = raw.decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise BadValue(
            f"{source} names a file that cannot be read ({error.strerror}); correct the path or the rights"
        ) from None
    except ValueError:
        raise BadValue(f"{source} must be the path of a text file in UTF-8") from None
    if len(raw) > _MOST_FILE_BYTES:
        raise BadValue(f"{source} names a file of more than 64 KiB, which cannot be meant; correct the path")
    if not text:
        raise BadValue(f"{source} names an empty file; fill it or remove the variable")
    return text
