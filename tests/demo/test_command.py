"""`broker demo` as a person starts and stops it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from broker.cli.main import broker
from broker.demo import words
from broker.demo.addresses import Addresses
from broker.demo.tiktok import TikTokApp
from broker.opaque import Secret
from tests.demo.threads import free_addresses


@contextlib.contextmanager
def started(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, ended by force when a test has waited too long for it."""
    environ = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-W", "error", "-m", "broker", "demo", *arguments]
    process = subprocess.Popen(
        command, env=environ, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    patience = threading.Timer(60, process.kill)
    patience.start()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        patience.cancel()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    addresses = free_addresses()
    with started(tmp_path, "--port", str(addresses.port)) as process:
        assert process.stdout is not None
        while addresses.app not in (line := process.stdout.readline()):
            assert line
        assert any(tmp_path.iterdir())
        process.send_signal(number)
        output, errors = process.communicate()
    assert process.returncode == 0
    assert "The demo has ended." in output
    assert errors == ""
    assert list(tmp_path.iterdir()) == []


def test_check_exits_0_even_where_the_terminal_knows_no_check_mark(tmp_path: Path) -> None:
    with started(tmp_path, "--check", "--port", str(free_addresses().port)) as process:
        output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert "Everything works." in output
    assert list(tmp_path.iterdir()) == []


def test_no_scratch_folder_is_one_sentence_and_exit_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    result = CliRunner().invoke(broker, ["demo", "--check", "--port", str(free_addresses().port)])
    assert result.exit_code == 1
    assert "set TMPDIR" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_taken_port_is_one_sentence_and_exit_1(offset: int) -> None:
    first = free_addresses().port
    port = first + offset
    with socket.create_server(("127.0.0.1", port)):
        result = CliRunner().invoke(broker, ["demo", "--check", "--port", str(first)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: Port {port} of localhost cannot be used")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words_of_it"),
    [
        (["--live", "--check"], "Only a person can sign in"),
        (["--live"], "BROKER_TIKTOK_CLIENT_SECRET"),
        (["--live", "--client-key", "sbaw0123"], "BROKER_TIKTOK_CLIENT_SECRET"),
        (["--port", "65534"], "1<=x<=65533"),
        (["--port", "x"], "not a valid"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_to_do(arguments: list[str], words_of_it: str) -> None:
    result = CliRunner().invoke(broker, ["demo", *arguments])
    assert result.exit_code == 2
    assert words_of_it in result.stderr


def test_a_live_key_that_cannot_be_one_is_named_and_the_secret_is_not_shown() -> None:
    environ = {"BROKER_TIKTOK_CLIENT_KEY": "a b", "BROKER_TIKTOK_CLIENT_SECRET": "hush hush"}
    result = CliRunner().invoke(broker, ["demo", "--live", "--port", str(free_addresses().port)], env=environ)
    assert result.exit_code == 1
    assert "BROKER_TIKTOK_CLIENT_KEY" in result.stderr
    assert "hush" not in result.output


def test_live_prints_what_to_paste_and_never_the_secret() -> None:
    text = words.running(Addresses(8000), TikTokApp("sbaw0123", Secret("hush")))
    assert "http://localhost:8001/callback/tiktok\n" in text
    assert "    http://localhost:8000\n" in text
    for hint in ("Login Kit", "Desktop", "Target users", "sbaw0123"):
        assert hint in text
    assert "hush" not in text
