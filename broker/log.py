"""Structured logs, one event a line, on standard error: JSON for machines, columns for a terminal.

Standard output stays free for what a command was asked to print. An event is a constant name with keys and
values, as in `get("tokens").info("token.refreshed", client_id=…)`; what libraries log through `logging` takes
the same way. A line's time is structlog's own reading and not `broker.clock`'s: it says when the line was
written, nothing is decided by it, and a log needs fractions of a second.
"""

import contextlib
import logging
import sys
from traceback import format_exception
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor

from broker import log_request
from broker.log_masking import masked, scrubbed

# Below this level libraries log SQL parameters, headers and URLs with their queries.
_LIBRARIES_FROM = logging.WARNING
# Of alembic the steps only: it tells of each of its own parts at import.
_LIBRARIES_HEARD = {"uvicorn": logging.INFO, "alembic.runtime.migration": logging.INFO}
# The middleware writes a line for each request; uvicorn's own would hold codes and states.
_LIBRARY_SILENCED = "uvicorn.access"
# A dataclass goes through its `repr`, which hides what it should; orjson would spell out every field.
_JSON_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS

_loggers: dict[str, FilteringBoundLogger] = {}
_pipeline: list[Processor] = []
_stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
_stacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, use_rich=False)


def get(name: str) -> FilteringBoundLogger:
    """The logger of one room. Until `configure` is called it writes JSON from `info` on."""
    if not structlog.is_configured():
        _configure_structlog("json", "info")
    if name not in _loggers:
        _loggers[name] = structlog.get_logger(name)
    return _loggers[name]


def configure(log_format: str, level: str) -> None:
    """Set the format (`json`, `console`) and the lowest level (`debug` … `critical`), `logging` included.

    To be called once, when the settings are known; called again, it also changes loggers in use.
    """
    _configure_structlog(log_format, level)
    lowest = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, _Bridge)] + [_Bridge()]
    root.setLevel(max(lowest, _LIBRARIES_FROM))
    for name, from_level in _LIBRARIES_HEARD.items():
        _hand_over(name, propagate=True).setLevel(max(lowest, from_level))
    _hand_over(_LIBRARY_SILENCED, propagate=False).setLevel(logging.CRITICAL + 1)


def _hand_over(name: str, *, propagate: bool) -> logging.Logger:
    library = logging.getLogger(name)
    library.handlers.clear()
    library.propagate = propagate
    return library


def _configure_structlog(log_format: str, level: str) -> None:
    _pipeline[:] = [_begin, *(_console() if log_format == "console" else _json())]
    structlog.configure(
        processors=_pipeline,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Output,
        cache_logger_on_first_use=True,
    )
    for logger in _loggers.values():
        # structlog freezes a logger at its first use by this attribute, so that a line costs no look-ups.
        vars(logger).pop("bind", None)


class _Output:
    """Lines to standard error, whatever that is by now; when it is full or gone, sign-ins go on without."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = write


class _Bridge(logging.Handler):
    """Lets the records of `logging` take the way of our own events."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError):
            text = str(record.msg)
        output = _Output(record.name)
        line: Any = {"event": scrubbed(text), "exc_info": record.exc_info}
        for process in _pipeline:
            line = process(output, record.levelname.lower(), line)
        output.write(line)


def _begin(output: _Output, method: str, fields: EventDict) -> EventDict:
    line = _stamp(output, method, {})
    line["level"] = method
    line["event"] = fields.pop("event")
    line["logger"] = output.name
    request = log_request.current()
    if request is not None:
        line["request_id"] = request.id
        if request.trace_id is not None:
            line["trace_id"] = request.trace_id
        if request.client_id is not None:
            line["client_id"] = request.client_id
    exc_info = fields.pop("exc_info", None)
    line.update(masked(fields))
    if exc_info:
        line["exc_info"] = exc_info
    return line


def _json() -> list[Processor]:
    return [structlog.processors.ExceptionRenderer(_scrubbed_stacks), _as_json]


def _scrubbed_stacks(exc_info: ExcInfo) -> list[dict[str, Any]]:
    return [_scrubbed_stack(stack) for stack in _stacks(exc_info)]


def _scrubbed_stack(stack: dict[str, Any]) -> dict[str, Any]:
    return stack | {
        "exc_value": scrubbed(stack["exc_value"]),
        "exc_notes": [scrubbed(note) for note in stack["exc_notes"]],
        "exceptions": [[_scrubbed_stack(inner) for inner in group] for group in stack["exceptions"]],
    }


def _as_json(_: object, __: str, line: EventDict) -> str:
    try:
        return orjson.dumps(line, default=_described, option=_JSON_OPTIONS).decode()
    except TypeError:
        # Lone surrogates and integers beyond 64 bits are no JSON to orjson; a line must not fail a request.
        return orjson.dumps({key: _encodable(value) for key, value in line.items()}).decode()


def _encodable(value: object) -> object:
    try:
        return orjson.Fragment(orjson.dumps(value, default=_described, option=_JSON_OPTIONS))
    except TypeError:
        return ascii(value)


def _described(value: object) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else scrubbed(repr(value))


def _console() -> list[Processor]:
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=_print_exception, sort_keys=False
    )
    return [_printable, renderer]


def _printable(_: object, __: str, line: EventDict) -> EventDict:
    for key, value in line.items():
        if isinstance(value, bytes):
            line[key] = _described(value)
        elif isinstance(value, str) and not value.isprintable():
            line[key] = ascii(value)
    return line


def _print_exception(output: TextIO, exc_info: ExcInfo) -> None:
    for text in "".join(format_exception(*exc_info)).splitlines():
        shown = scrubbed(text)
        output.write("\n" + (shown if shown.isprintable() else ascii(shown)))
