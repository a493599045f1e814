"""Log lines: their shape, and what never gets into them."""

import contextvars
import io
import logging
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import structlog

from broker import log, log_request
from broker.log_masking import MASK
from broker.opaque import Secret

REFRESH_TOKEN = "brt_" + "k5x2" * 14


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What standard error got, every line of it being one JSON object; standard output got nothing."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return [orjson.loads(line) for line in captured.err.split("\n")[:-1]]


def test_a_line_says_when_how_grave_what_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    log.get("tokens").info("token.refreshed", client_id="cli_1", generation=2)
    (line,) = lines(capsys)
    written = datetime.fromisoformat(line.pop("timestamp"))
    assert written.utcoffset() == timedelta(0)
    assert line == {
        "level": "info",
        "event": "token.refreshed",
        "logger": "tokens",
        "client_id": "cli_1",
        "generation": 2,
    }


def test_lines_are_json_from_info_on_until_configured(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()
    logger = log.get("early")
    logger.debug("unheard")
    logger.info("heard", client_secret="hush")
    assert [(line["event"], line["client_secret"]) for line in lines(capsys)] == [("heard", MASK)]


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "warning")
    logger = log.get("level")
    for method in (logger.debug, logger.info, logger.warning, logger.error, logger.critical):
        method("event")
    assert [line["level"] for line in lines(capsys)] == ["warning", "error", "critical"]


def test_configuring_again_changes_loggers_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    logger = log.get("again")
    log.configure("console", "error")
    logger.info("unheard")
    logger.error("first")
    assert "first" in capsys.readouterr().err
    log.configure("json", "debug")
    logger.debug("second")
    assert [line["event"] for line in lines(capsys)] == ["second"]


def test_the_request_id_stays_in_its_own_task(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    logger = log.get("requests")

    def handle(request_id: str) -> None:
        log_request.begin(request_id)
        logger.info("inside")
        logging.getLogger("library").warning("inside too")

    contextvars.copy_context().run(handle, "req_1")
    contextvars.copy_context().run(handle, "req_2")
    logger.info("outside")
    assert [line.get("request_id") for line in lines(capsys)] == ["req_1"] * 2 + ["req_2"] * 2 + [None]


def test_objects_are_shown_by_their_repr_and_bytes_by_their_length(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @dataclass
    class Account:
        name: str
        sealed: str = field(repr=False)

    class Hidden(str):
        def __repr__(self) -> str:
            return "Hidden(…)"

    log.configure("json", "info")
    log.get("objects").info(
        "event",
        account=Account("ann", "hush"),
        wrapped=Secret("hush"),
        subclass=Hidden("hush"),
        raw=b"hush",
        spoken={1: REFRESH_TOKEN.split("_")},
    )
    text = capsys.readouterr().err
    assert "hush" not in text
    line = orjson.loads(text)
    assert line["account"].endswith("Account(name='ann')")
    assert (line["wrapped"], line["subclass"], line["raw"]) == ("Secret(…)", "Hidden(…)", "<4 bytes>")


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize(
    "value", ["\ud800", 2**70, {"\udcff": "\ud800"}, {(1, 2): {3}}, float("nan"), {1, 2}, b"hush"]
)
def test_no_value_makes_a_line_fail(capsys: pytest.CaptureFixture[str], log_format: str, value: object) -> None:
    log.configure(log_format, "info")
    log.get("values").info("event", odd=value, after="told")
    text = capsys.readouterr().err
    assert "told" in text
    assert "hush" not in text


def test_a_value_that_is_no_json_spoils_only_itself(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    log.get("values").info("event", odd="\ud800", raw=b"hush", after=[1])
    (line,) = lines(capsys)
    assert (line["odd"], line["raw"], line["after"], line["level"]) == (r"'\ud800'", "<4 bytes>", [1], "info")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_input_cannot_forge_a_line_nor_steer_a_terminal(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    log.configure(log_format, "info")
    log.get("forged").info("event", client_id='x\n{"event":"forged"}\r\x1b[2J\x9b2J')
    logging.getLogger("library").warning("said %s", "x\nforged\x1b[2J")
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        log.get("forged").exception("failed")
    text = capsys.readouterr().err
    assert not any(character in text for character in "\x1b\r" + "\x9b" * (log_format == "console"))
    assert not any(line.startswith(("forged", '{"event":"forged"}')) for line in text.splitlines())


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_shows_where_but_no_local_variable_and_no_secret(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    def failing(spoken: str) -> None:
        hushed = spoken + "!"
        error = ValueError(f"got {hushed} for refresh_token=abc at postgresql://ann:pw@host/db")
        error.add_note(f"note {spoken}")
        raise error

    log.configure(log_format, "info")
    try:
        try:
            failing(REFRESH_TOKEN)
        except ValueError as error:
            raise ExceptionGroup("both", [KeyError(REFRESH_TOKEN)]) from error
    except ExceptionGroup:
        log.get("exceptions").exception("failed")
    text = capsys.readouterr().err
    assert REFRESH_TOKEN not in text
    assert "=abc" not in text
    assert ":pw@" not in text
    assert '"locals"' not in text
    assert all(shown in text for shown in ("failing", "ValueError", "KeyError", "both", "test_log.py"))


def test_an_exception_is_a_list_of_causes_with_their_frames(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    try:
        raise RuntimeError("outer") from ZeroDivisionError("inner")
    except RuntimeError as error:
        log.get("exceptions").error("failed", exc_info=error)
    (line,) = lines(capsys)
    (stack,) = line["exception"]
    assert (stack["exc_type"], stack["exc_value"]) == ("RuntimeError", "outer")
    assert stack["frames"][-1]["name"] == "test_an_exception_is_a_list_of_causes_with_their_frames"


def test_libraries_are_heard_through_the_same_lines_once(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    log.configure("json", "info")
    logging.getLogger("asyncio").warning("slow %s", "task")
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("alembic.runtime.migration").info("upgraded")
    assert [(line["level"], line["logger"], line["event"]) for line in lines(capsys)] == [
        ("warning", "asyncio", "slow task"),
        ("info", "uvicorn.error", "started"),
        ("info", "alembic.runtime.migration", "upgraded"),
    ]


def test_libraries_stay_quiet_where_they_would_log_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "debug")
    for name in ("sqlalchemy.engine.Engine", "httpx", "httpcore.http11", "aiohttp.client", "asyncio"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
    logging.getLogger("uvicorn.access").critical("GET /callback/tiktok?code=hush")
    assert not logging.getLogger("uvicorn.access").hasHandlers()
    assert lines(capsys) == []


def test_handlers_that_uvicorn_brought_are_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler(sys.stderr))
    logging.getLogger("uvicorn").propagate = False
    log.configure("json", "info")
    logging.getLogger("uvicorn").error("once")
    assert [line["event"] for line in lines(capsys)] == ["once"]


def test_a_level_above_info_holds_for_libraries_too(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "critical")
    logging.getLogger("uvicorn.error").error("unheard")
    logging.getLogger("asyncio").error("unheard")
    assert lines(capsys) == []


def test_a_library_that_formats_wrongly_is_still_heard(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # pytest's own handler would raise for such a record.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    log.configure("json", "info")
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("library").exception("count %d", "many")
    (line,) = lines(capsys)
    assert (line["event"], line["exception"][0]["exc_value"]) == ("count %d", "why")


def test_an_output_that_is_full_or_closed_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    closed = io.StringIO()
    closed.close()
    log.configure("json", "info")
    for stream in (Full(), closed):
        monkeypatch.setattr(sys, "stderr", stream)
        log.get("full").info("event")
        logging.getLogger("library").error("event")
