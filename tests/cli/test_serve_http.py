"""What uvicorn is told: bounds on what is collected, proxies, headers."""

import http.client
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker import settings as broker_settings
from broker.cli.http_head import MOST_BYTES
from broker.cli.serving import server_config
from tests.cli.running import PATIENCE, Serving, serving, settings


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One that serves for all tests here, and has not failed at anything."""
    folder = tmp_path_factory.mktemp("serve")
    with serving(environ=settings(f"sqlite:///{folder}/broker.db"), cwd=folder) as running:
        yield running
        assert running.stop(signal.SIGTERM) == 0
    log = running.log.read_text()
    assert "Traceback" not in log
    assert '"level":"error"' not in log


def status_of(broker: Serving, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def flood(broker: Serving, beginning: bytes, endless: bytes, *, most: int) -> tuple[int, bytes]:
    """Send `endless` again and again: how many bytes were taken before the connection ended, and the answer."""
    sent = 0
    answer = b""
    with socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE) as connection:
        connection.sendall(beginning)
        try:
            while sent < most:
                connection.sendall(endless)
                sent += len(endless)
            while more := connection.recv(4096):
                answer += more
        except ConnectionError:
            pass
    return sent, answer


def test_a_query_of_16_kib_arrives_and_a_larger_one_is_refused_by_name(broker: Serving) -> None:
    assert status_of(broker, "/authorize?x=" + "a" * (16 * 1024 - 2)) == 400
    assert status_of(broker, "/authorize?x=" + "a" * (16 * 1024)) == 413


@pytest.mark.parametrize("size", [60_000, 66_000, 130_000])
def test_an_absurd_request_line_or_header_is_refused_and_never_a_500(broker: Serving, size: int) -> None:
    assert status_of(broker, "/authorize?x=" + "a" * size) in (400, 413, 431)
    assert status_of(broker, "/healthz", **{"X-Large": "a" * size}) in (200, 431)


@pytest.mark.parametrize(
    "beginning",
    [b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", b"GET / HTTP/1.1\r\nHost: x\r\n"],
    ids=["request line", "one header", "many headers"],
)
def test_a_head_without_end_is_cut_off(broker: Serving, beginning: bytes) -> None:
    endless = b"x: y\r\n" * 200 if beginning.endswith(b"\r\n") else b"a" * 1200
    sent, answer = flood(broker, beginning, endless, most=50 * MOST_BYTES)
    assert sent < 50 * MOST_BYTES or answer.startswith(b"HTTP/1.1 431 ")
    assert status_of(broker, "/healthz") == 200


def test_what_is_only_just_too_long_hears_why(broker: Serving) -> None:
    _, answer = flood(broker, b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ", b"a" * (MOST_BYTES + 1), most=MOST_BYTES)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_trailers_without_end_are_cut_off(broker: Serving) -> None:
    beginning = (
        b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\nX-Long: "
    )
    sent, answer = flood(broker, beginning, b"a" * 1200, most=50 * MOST_BYTES)
    # And not because it took too long.
    assert sent < 50 * MOST_BYTES or not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 408"))


def test_a_large_body_is_the_applications_to_refuse(broker: Serving) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=PATIENCE)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/token", body=b"a" * (MOST_BYTES * 2), headers=headers)
    assert connection.getresponse().status == 413
    connection.close()


def test_many_requests_on_one_connection_are_not_added_up(broker: Serving) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=PATIENCE)
    for _ in range(20):
        connection.request("GET", "/healthz", headers={"X-Some": "a" * 8000})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


def test_the_server_does_not_say_what_it_is(broker: Serving) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", broker.port, timeout=PATIENCE)
    connection.request("GET", "/healthz")
    headers = connection.getresponse().headers
    connection.close()
    assert "server" not in headers
    assert "date" in headers


async def seen_by_the_application(
    tmp_path: Path, proxies: str, client: str, **headers: str
) -> tuple[tuple[str, int], str]:
    """Client and scheme that reach the application behind what uvicorn puts before it."""
    seen: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    chosen = broker_settings.load(settings(f"sqlite:///{tmp_path}/broker.db", BROKER_TRUSTED_PROXIES=proxies))
    config = server_config(chosen, app=application)
    config.load()
    given = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: Any = {"type": "http", "client": (client, 5), "scheme": "http", "headers": given}
    nothing: Any = None
    await config.loaded_app(scope, nothing, nothing)
    return seen["client"], seen["scheme"]


@pytest.mark.parametrize(
    ("proxies", "client", "expected"),
    [
        ("", "127.0.0.1", ("127.0.0.1", "http")),
        ("10.0.0.0/8", "127.0.0.1", ("127.0.0.1", "http")),
        ("10.0.0.0/8", "10.1.2.3", ("203.0.113.9", "https")),
        ("10.1.2.3,192.0.2.1", "10.1.2.3", ("203.0.113.9", "https")),
        ("2001:db8::/32", "2001:db8::7", ("203.0.113.9", "https")),
    ],
)
async def test_forwarded_headers_are_believed_from_named_proxies_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxies: str, client: str, expected: tuple[str, str]
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    (address, _), scheme = await seen_by_the_application(
        tmp_path, proxies, client, X_Forwarded_For="198.51.100.1, 203.0.113.9", X_Forwarded_Proto="https"
    )
    assert (address, scheme) == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, 10.0.0.7, 10.0.0.8", "203.0.113.9"),
        ("198.51.100.1,2001:db8::9", "2001:db8::9"),
        ("198.51.100.1, [2001:db8::9]:4711", "2001:db8::9"),
        ("198.51.100.1, 203.0.113.9:4711", "203.0.113.9"),
        ("", "10.1.2.3"),
    ],
)
async def test_who_asks_is_the_last_hop_that_is_no_trusted_proxy(
    tmp_path: Path, forwarded: str, expected: str
) -> None:
    """Whatever stands left of it anybody can have written."""
    (address, _), _ = await seen_by_the_application(tmp_path, "10.0.0.0/8", "10.1.2.3", X_Forwarded_For=forwarded)
    assert address == expected


def test_what_uvicorn_would_read_from_the_environment_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    chosen = broker_settings.load(settings(f"sqlite:///{tmp_path}/broker.db"))
    assert server_config(chosen, app=len).workers == 1
