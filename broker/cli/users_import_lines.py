"""What `broker users import` reads: people, a line each, as JSON Lines or CSV, however long the file is."""

import csv
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from broker.store.import_matches import Newcomer

FIELDS: Final = ("union_id", "open_id", "registration", "previous_id", "sub", "blocked")
_LONGEST_LINE: Final = 16 * 1024
_TIKTOK_ID: Final = re.compile(r"[\x21-\x7e]{1,255}")
_REGISTRATION: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_SUB: Final = re.compile(r"usr_[a-z2-7]{32}")
_LONGEST_PREVIOUS_ID: Final = 255
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class BadLine(Exception):
    """Nobody can be read from this line; the text says why, and quotes nothing of it."""


class Unreadable(Exception):
    """The file cannot be read on from this line; the text says why."""


def people(stream: BinaryIO, *, form: str, registration: str) -> Iterator[tuple[int, Newcomer | str]]:
    """The number of each line with the person it tells of, or with what is wrong with it.

    `form` is `jsonl` or `csv`; `registration` is that of each `open_id` whose line names none. Raises
    `Unreadable`.
    """
    records = _from_csv(stream) if form == "csv" else _from_json_lines(stream)
    for number, fields in records:
        try:
            yield number, _newcomer(fields, registration)
        except BadLine as bad:
            yield number, str(bad)


def _from_json_lines(stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    import orjson

    for number, raw in _lines(stream):
        if not raw.strip():
            continue
        try:
            yield number, orjson.loads(raw)
        except orjson.JSONDecodeError:
            yield number, None


def _from_csv(stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    # Strict: a quotation mark out of place would swallow the lines behind it.
    reader = csv.reader((_text(number, raw) for number, raw in _lines(stream)), strict=True)
    names: list[str] | None = None
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(f"Line {number} is not CSV ({error}); mend it.") from error
        if names is None:
            names = _header(cells)
        elif cells:
            yield number, _row(names, cells)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while raw := stream.readline(_LONGEST_LINE + 1):
        number += 1
        if len(raw) > _LONGEST_LINE:
            raise Unreadable(f"Line {number} is longer than 16 KiB, which nobody's is; is it the right file?")
        yield number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw


def _text(number: int, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Unreadable(f"Line {number} is not UTF-8; save the file as that.") from None


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not set(names) <= set(FIELDS) or len(set(names)) < len(names):
        raise Unreadable(f"Line 1 must name the columns, each once, out of: {', '.join(FIELDS)}.")
    return names


def _row(names: list[str], cells: list[str]) -> dict[str, str] | None:
    if len(cells) != len(names):
        return None
    return {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}


def _newcomer(fields: object, registration: str) -> Newcomer:
    if not isinstance(fields, dict):
        raise BadLine("It must be one JSON object, or have as many cells as line 1.")
    if not fields.keys() <= set(FIELDS):
        raise BadLine(f"It may have {', '.join(FIELDS)}, and nothing else.")
    union_id, open_id = (_matching(fields, name, _TIKTOK_ID, "an id of TikTok's") for name in FIELDS[:2])
    if union_id is None and open_id is None:
        raise BadLine("It needs a union_id or an open_id.")
    through = _matching(fields, "registration", _REGISTRATION, "the name of a registration") or registration
    # The union_id is the person; whatever else TikTok calls them it says itself when they come.
    by_open_id = union_id is None
    return Newcomer(
        union_id=union_id,
        registration=through if by_open_id else None,
        open_id=open_id if by_open_id else None,
        previous_id=_previous_id(fields),
        sub=_matching(fields, "sub", _SUB, "usr_ and 32 characters, as a broker makes it"),
        blocked=_blocked(fields),
    )


def _matching(fields: Mapping[str, Any], name: str, pattern: re.Pattern[str], what: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise BadLine(f"Its {name} must be {what}.")
    return value


def _previous_id(fields: Mapping[str, Any]) -> str | None:
    value = fields.get("previous_id")
    if isinstance(value, int) and not isinstance(value, bool):
        # Many databases number their people.
        value = str(value)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_PREVIOUS_ID or not value.isprintable():
        raise BadLine(f"Its previous_id must be 1 to {_LONGEST_PREVIOUS_ID} printable characters.")
    return value


def _blocked(fields: Mapping[str, Any]) -> bool:
    value = fields.get("blocked", False)
    if isinstance(value, str):
        value = _WORDS.get(value.lower())
    if not isinstance(value, bool):
        raise BadLine("Its blocked must be true or false.")
    return value
