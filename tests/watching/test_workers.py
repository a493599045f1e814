"""`/metrics` of several worker processes: whichever answers speaks for all of them."""

import http.client
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import PATIENCE, Serving, serving, settings
from tests.watching.scraping import Samples, samples, value

POSIX = pytest.mark.skipif(os.name == "nt", reason="kills a process as POSIX does")
MOST_TRIES = 2_000


def get(broker: Serving, path: str) -> str:
    """One request on a connection of its own: any worker may take it."""
    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def scraped(broker: Serving) -> Samples:
    """What one worker answers; one that is killed while it has our request in hand answers nothing."""
    for _ in range(MOST_TRIES):
        try:
            return samples(get(broker, "/metrics"))
        except (ConnectionError, http.client.HTTPException):
            continue
    raise AssertionError("nobody answers")


def alive(found: Samples) -> float:
    return value(found, "broker_http_requests_total", route="/healthz", method="GET", status="200")


def until(condition: Callable[[], bool]) -> None:
    """Between two tries the worker that is waited for has the machine to itself."""
    assert any(condition() or threading.Event().wait(0.01) for _ in range(MOST_TRIES))


def folder_of(parent: Path) -> Path:
    (folder,) = parent.glob("broker-metrics-*")
    return folder


def counting(folder: Path) -> set[int]:
    """The workers that have counted a request."""
    return {
        int(file.stem.removeprefix("counter_"))
        for file in folder.glob("counter_*.db")
        if b"broker_http_requests_total" in file.read_bytes()
    }


@POSIX
def test_any_worker_answers_for_all_and_what_a_dead_one_counted_stays(sqlite_url: str, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environ = settings(sqlite_url, TMPDIR=str(temporary))
    with serving("--workers", "2", environ=environ, cwd=tmp_path) as broker:
        asked = 0

        def both_have_answered() -> bool:
            nonlocal asked
            get(broker, "/healthz")
            asked += 1
            return len(counting(folder_of(temporary))) == 2

        until(both_have_answered)
        # As a worker leaves its file for an instant, when it counts for the first time.
        (folder_of(temporary) / "histogram_1.db").touch()
        for _ in range(20):
            found = scraped(broker)
            assert alive(found) == asked
            assert value(found, "broker_http_request_seconds_count", route="/healthz") == asked
            assert value(found, "broker_database_up") == 1
        # How things are is added up, too, but of those that live.
        assert value(found, "broker_database_connections") == 2

        victim = min(counting(folder_of(temporary)))
        its_gauges = folder_of(temporary) / f"gauge_livesum_{victim}.db"
        assert its_gauges.exists()
        os.kill(victim, signal.SIGKILL)
        until(lambda: value(scraped(broker), "broker_database_connections") < 3 and not its_gauges.exists())
        assert alive(scraped(broker)) == asked
        until(lambda: value(scraped(broker), "broker_database_connections") == 2)
        assert alive(scraped(broker)) == asked
        assert broker.stop(signal.SIGTERM) == 0
    assert list(temporary.iterdir()) == []


def test_one_worker_needs_no_folder(sqlite_url: str, tmp_path: Path) -> None:
    environ = settings(sqlite_url, TMPDIR=str(tmp_path / "nowhere"))
    with serving(environ=environ, cwd=tmp_path) as broker:
        get(broker, "/healthz")
        assert alive(scraped(broker)) == 1
        assert broker.stop(signal.SIGTERM) == 0
