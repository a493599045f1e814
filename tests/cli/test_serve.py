"""`broker serve` in a process of its own: start, answer, end."""

import http.client
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest

from broker import sealing
from broker.cli.listening import bound
from broker.settings import VARIABLES
from tests.cli.running import PATIENCE, clean, ended, run, serving, settings, starting
from tests.stage import TIKTOK_SECRET

CANARY = "canary-password"


def get(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_serves_until_it_is_interrupted_and_exits_0(sqlite_url: str, tmp_path: Path, workers: str) -> None:
    """With nothing to complain of it logs nothing at that level, in any process."""
    environ = settings(sqlite_url, BROKER_LOG_LEVEL="error")
    with serving("--workers", workers, environ=environ, cwd=tmp_path) as broker:
        assert get(broker.port, "/readyz")[0] == 200
        assert broker.stop(signal.SIGINT) == 0
    assert broker.log.read_text() == ""


def test_settings_and_redirect_uris_are_announced_and_no_secret(database_url: str, tmp_path: Path) -> None:
    registrations = tmp_path / "registrations.toml"
    registrations.write_text(
        '[[registrations]]\nname = "second"\nclient_key = "sbawkey"\nclient_secret = "canary-second"\n'
    )
    environ = settings(database_url, BROKER_TIKTOK_REGISTRATIONS=str(registrations))
    with serving(environ=environ, cwd=tmp_path) as broker:
        assert get(broker.port, "/readyz")[0] == 200
        broker.stop(signal.SIGTERM)
    for variable in VARIABLES:
        assert re.search(rf"^  {variable.name} +\S", broker.announced, re.MULTILINE), variable.name
    assert re.search(r"^  default +production +http://127.0.0.1:8000/callback/tiktok$", broker.announced, re.M)
    assert re.search(r"^  second +sandbox +http://127.0.0.1:8000/callback/tiktok/second$", broker.announced, re.M)
    password = re.search(r":([^:@/]+)@", database_url)
    secrets = [
        "canary-second",
        TIKTOK_SECRET,
        environ["BROKER_SECRET_KEYS"],
        *(password.groups() if password else ()),
    ]
    for secret in secrets:
        assert secret not in broker.announced
        assert secret not in broker.log.read_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_open_requests_are_answered_after_sigterm_and_idle_connections_closed(
    sqlite_url: str, tmp_path: Path, workers: str
) -> None:
    """It exits 0, and with nothing to complain of, too."""
    environ = settings(sqlite_url, BROKER_LOG_LEVEL="error")
    with serving("--workers", workers, environ=environ, cwd=tmp_path) as broker:
        assert get(broker.port, "/readyz")[0] == 200
        with (
            socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE) as begun,
            socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE) as idle,
        ):
            begun.sendall(
                b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"
            )
            assert begun.recv(4096).startswith(b"HTTP/1.1 100 ")
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(4096).startswith(b"HTTP/1.1 200 ")
            broker.process.send_signal(signal.SIGTERM)
            while idle.recv(4096):
                pass
            begun.sendall(b"a=b")
            assert begun.recv(4096).startswith(b"HTTP/1.1 401 ")
        assert broker.process.wait(timeout=PATIENCE) == 0
    assert broker.log.read_text() == ""


def test_every_fault_in_the_settings_is_listed(tmp_path: Path) -> None:
    done = ended("serve", environ={"BROKER_DATABASE_URL": f"mysql://x:{CANARY}@h/d"}, cwd=tmp_path)
    first, *faults = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert first == "Error: The settings cannot be used:"
    names = ["ISSUER", "DATABASE_URL", "SECRET_KEYS", "TIKTOK_CLIENT_KEY", "TIKTOK_CLIENT_SECRET"]
    assert [fault.split()[0] for fault in faults] == [f"BROKER_{name}" for name in names]
    assert CANARY not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_one_sentence_and_changes_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = ended("serve", "--port", port, environ=settings(f"sqlite:///{tmp_path}/broker.db"), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: Port {port} of 127.0.0.1 cannot be used")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_here_is_one_sentence(host: str) -> None:
    with pytest.raises(click.ClickException, match=f"^Port 8000 of {host} cannot be used"), bound(host, 8000):
        pass


def test_of_a_names_addresses_those_that_are_not_here_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `localhost` means ::1 too on a machine without IPv6."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, 0)) for name in ("192.0.2.1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with bound("some-name", 0) as sockets:
        assert [opened.getsockname()[0] for opened in sockets] == ["127.0.0.1"]


def test_no_part_of_an_answer_waits_for_the_one_before() -> None:
    """Nagle's algorithm is off on what is accepted, in whatever event loop."""
    with bound("127.0.0.1", 0) as (listener,):
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_localhost_is_every_address_it_means(sqlite_url: str, tmp_path: Path) -> None:
    environ = settings(sqlite_url)
    with serving("--host", "localhost", environ=environ, cwd=tmp_path) as broker:
        for origin in broker.announced.splitlines()[-1].removeprefix("Listening on ").split(", "):
            host, port = origin.removeprefix("http://").rsplit(":", 1)
            assert get(int(port), "/healthz", host.strip("[]"))[0] == 200
        assert get(broker.port, "/healthz", "localhost")[0] == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_keys_sealed_under_another_secret_key_are_told(sqlite_url: str, tmp_path: Path, workers: str) -> None:
    other = settings(sqlite_url, BROKER_SECRET_KEYS=sealing.new_secret_key())
    done = ended("serve", "--port", "0", "--workers", workers, environ=other, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    if workers == "1":
        assert done.stderr.startswith(
            "Error: What is sealed in the database does not open with BROKER_SECRET_KEYS"
        )
        assert done.stderr.count("\n") == 1
    else:
        assert done.stderr.endswith("Error: The worker processes could not start; the log lines above say why.\n")


def test_whoever_supervises_workers_does_without_the_application(tmp_path: Path) -> None:
    """One process more costs little memory, and half a second less until the workers start."""
    program = """
import sys
import broker.cli.serve, broker.cli.schema, broker.cli.serving, broker.login.addresses
sys.exit(", ".join(name for name in ("broker.app", "starlette", "aiohttp", "jwt") if name in sys.modules) or 0)
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=clean({}), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments", [("--port", "65536"), ("--port", "x"), ("--workers", "0"), ("--reload",), ("extra",)]
)
def test_wrong_usage_exits_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run("serve", *arguments).exit_code == 2


def test_sigterm_while_it_starts_ends_it_in_order(tmp_path: Path) -> None:
    """The database that it waits for accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://broker@127.0.0.1:{silent.getsockname()[1]}/broker"
        # What it lets go of so suddenly is warned of in development only.
        with starting(environ=settings(url, PYTHONWARNINGS=""), cwd=tmp_path) as (process, log):
            silent.settimeout(PATIENCE)
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=PATIENCE) == 0
    assert log.read_text() == ""
