"""The broker's commands in this process, and in processes of their own."""

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from sqlalchemy import Executable

from broker.cli.main import broker
from broker.store.database import Row, Transaction, connect
from tests.stage import environment

CHECKOUT = Path(__file__).parents[2]
PATIENCE = 60
"""Seconds after which a process that should have ended is ended by force."""

_LISTENING = "Listening on "


def run(*arguments: str, url: str | None = None, given: str | bytes | None = None) -> Result:
    """One command in this process."""
    return CliRunner().invoke(
        broker,
        arguments,
        input=given,
        env={"BROKER_DATABASE_URL": url, "BROKER_DATABASE_URL_FILE": None},
        prog_name="broker",
    )


def rows(url: str, statement: Executable) -> list[Row]:
    """What a statement finds in the database."""

    async def ask(tx: Transaction) -> list[Row]:
        return await tx.all(statement)

    async def read() -> list[Row]:
        database = await connect(url)
        try:
            return await database.read(ask)
        finally:
            await database.close()

    return asyncio.run(read())


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `environ` as the only settings, and this checkout to import from."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}
    return {**inherited, "PYTHONPATH": str(CHECKOUT), "PYTHONWARNINGS": "error", **environ}


def settings(url: str, **changes: str) -> dict[str, str]:
    """Good settings of a broker on loopback; its TikTok need not be there."""
    return environment("http://127.0.0.1:8000", url, "http://127.0.0.1:8001", **changes)


def ended(*arguments: str, environ: Mapping[str, str], cwd: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, after it has ended."""
    return subprocess.run(
        [sys.executable, "-m", "broker", *arguments],
        env=clean(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **more,
    )


@dataclass
class Serving:
    """A `broker serve` that listens. `announced` is what it printed until then."""

    process: subprocess.Popen[str]
    origin: str
    announced: str
    log: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.origin.rpartition(":")[2])

    def stop(self, number: int) -> int:
        """Send the signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)


@contextlib.contextmanager
def serving(
    *arguments: str,
    environ: Mapping[str, str],
    cwd: Path,
    python: tuple[str, ...] = (),
    program: str = "broker",
) -> Iterator[Serving]:
    """`broker serve` on a free port, from the moment at which it listens."""
    with starting(*arguments, environ=environ, cwd=cwd, python=python, program=program) as begun:
        yield listening(begun)


@contextlib.contextmanager
def starting(
    *arguments: str,
    environ: Mapping[str, str],
    cwd: Path,
    python: tuple[str, ...] = (),
    name: str = "serve.log",
    patience: int = PATIENCE,
    program: str = "broker",
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """`broker serve` on a free port, just begun, and the file that its standard error goes to.

    It lives for `patience` seconds at most. Of another `program` than `broker` no coverage is measured.
    """
    log = cwd / name
    command = [sys.executable, *python, "-m", program, "serve", "--port", "0", *arguments]
    environment = clean(environ)
    if program != "broker":
        environment.pop("COVERAGE_PROCESS_CONFIG", None)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    deadline = threading.Timer(patience, process.kill)
    deadline.start()
    try:
        yield process, log
    finally:
        # In good order if it can, for its workers' sake.
        process.terminate()
        try:
            process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        deadline.cancel()


def listening(begun: tuple[subprocess.Popen[str], Path]) -> Serving:
    """The same when it listens; fails when it ended instead."""
    process, log = begun
    assert process.stdout is not None
    announced = ""
    while not (line := process.stdout.readline()).startswith(_LISTENING):
        assert line, log.read_text()
        announced += line
    return Serving(process, line.removeprefix(_LISTENING).strip(), announced + line, log)
