"""The question before something is destroyed, at a real terminal."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.store import revision
from tests.cli.running import PATIENCE, clean, run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")


@contextlib.contextmanager
def asked(sqlite_url: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`broker db downgrade base` when it has put its question, and the keyboard it listens to."""
    keyboard, terminal = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "broker", "db", "downgrade", "base"],
        env=clean({"BROKER_DATABASE_URL": sqlite_url}),
        cwd=tmp_path,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Who runs the tests in the background may have them deaf to it, which a child inherits.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(terminal)
    patience = threading.Timer(PATIENCE, process.kill)
    patience.start()
    try:
        assert process.stderr is not None
        shown = b""
        while b"[y/N]: " not in shown:
            more = os.read(process.stderr.fileno(), 4096)
            assert more, shown
            shown += more
        assert b"are lost with all that they hold" in shown
        yield process, keyboard
    finally:
        process.kill()
        process.communicate()
        patience.cancel()
        os.close(keyboard)


@pytest.mark.parametrize(
    ("answer", "code", "left"), [(b"y\n", 0, "none"), (b"n\n", 1, revision.HEAD), (b"\n", 1, revision.HEAD)]
)
def test_only_yes_goes_on(sqlite_url: str, tmp_path: Path, answer: bytes, code: int, left: str) -> None:
    with asked(sqlite_url, tmp_path) as (process, keyboard):
        os.write(keyboard, answer)
        process.communicate()
    assert process.returncode == code
    assert run("db", "current", url=sqlite_url).stdout.split()[0] == left


def test_an_interrupt_at_the_question_ends_with_130(sqlite_url: str, tmp_path: Path) -> None:
    with asked(sqlite_url, tmp_path) as (process, _):
        for _ in range(10):
            # One that arrives just before the read begins is not heard until the next.
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
                break
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert run("db", "current", url=sqlite_url).stdout == f"{revision.HEAD} (head)\n"
