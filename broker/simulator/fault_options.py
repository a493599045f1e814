"""Reading the fault that a control request describes."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from broker.simulator import options
from broker.simulator.faults import ENDPOINTS, KINDS, Fault
from broker.simulator.options import BadOption, Options

_FIELD = re.compile(r"[a-z_0-9]{1,64}")
_PRINTABLE = re.compile(r"[ -~]*")


def fault_from(wanted: Options) -> Fault:
    """The fault that a control request describes. Raises `BadOption`."""
    known = Fault.__dataclass_fields__
    options.refuse_unknown(wanted, known)
    for name in ("endpoint", "kind"):
        if wanted.get(name) is None:
            raise BadOption(f"A fault needs {name}.")
    values: dict[str, Any] = {name: _READERS[name](wanted) for name in wanted if wanted[name] is not None}
    if "times" in wanted and wanted["times"] is None:
        values["times"] = None
    return Fault(**values)


def _headers(wanted: Options) -> dict[str, str]:
    value = wanted["headers"]
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise BadOption("headers must be an object of header names and printable texts.")
    return value


def _fields(wanted: Options) -> tuple[str, ...]:
    value = wanted["fields"]
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(_is_field(name) for name in names):
        raise BadOption("fields must be a list of field names, such as open_id.")
    return tuple(names)


def _is_field(name: object) -> bool:
    return isinstance(name, str) and _FIELD.fullmatch(name) is not None


def _location(wanted: Options) -> str:
    value = options.text(wanted, "location")
    if not _PRINTABLE.fullmatch(value):
        raise BadOption("location must be printable ASCII.")
    return value


def _times(wanted: Options) -> int | None:
    return None if wanted["times"] == "always" else options.whole(wanted, "times", 1, 1_000_000)


_READERS: Mapping[str, Callable[[Options], Any]] = {
    "endpoint": lambda wanted: options.choice(wanted, "endpoint", ENDPOINTS),
    "kind": lambda wanted: options.choice(wanted, "kind", KINDS),
    "times": _times,
    "after": lambda wanted: options.yes(wanted, "after"),
    "status": lambda wanted: options.whole(wanted, "status", 200, 599),
    "body": lambda wanted: options.text(wanted, "body"),
    "headers": _headers,
    "seconds": lambda wanted: options.seconds(wanted, "seconds", 600),
    "size": lambda wanted: options.whole(wanted, "size", 1, 1 << 30),
    "location": _location,
    "retry_after": lambda wanted: options.whole(wanted, "retry_after", 0, 86_400),
    "error": lambda wanted: options.text(wanted, "error"),
    "error_description": lambda wanted: options.text(wanted, "error_description"),
    "error_type": lambda wanted: options.text(wanted, "error_type"),
    "err_code": lambda wanted: options.whole(wanted, "err_code", -1_000_000, 1_000_000),
    "fields": _fields,
}
