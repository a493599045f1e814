"""The processes beside the one that is measured: the load generator and TikTok's stand-in."""

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.connections import Driven


@dataclass(frozen=True, slots=True)
class Generator:
    """A load generator waiting for orders. `legs` are those that its target has."""

    process: subprocess.Popen[str]
    legs: frozenset[str]

    def drive(self, leg: str, count: int) -> Driven:
        """Let it play one leg of `legs.LEGS` that often; what that needs is in stock. Raises `RuntimeError`."""
        return Driven(**self._order("drive", leg, count))

    def stock(self, leg: str, count: int) -> None:
        """Let it make what it takes to play a leg that often. Raises `RuntimeError`."""
        self._order("stock", leg, count)

    def _order(self, do: str, leg: str, count: int) -> Any:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": do, "leg": leg, "count": count}) + "\n")
        self.process.stdin.flush()
        return _heard(self.process, f"at {leg}")


@contextlib.contextmanager
def generating(**plan: Any) -> Iterator[Generator]:
    """A load generator for the length of the block; `plan` says whom it calls, as whom, how many at once."""
    with _running("benchmarks.generator", json.dumps(plan)) as process:
        yield Generator(process, frozenset(_heard(process, "at the discovery document")))


@contextlib.contextmanager
def answering(module: str = "benchmarks.tiktok") -> Iterator[int]:
    """A server that answers for the length of the block, TikTok's stand-in unless another is named; its port."""
    port = free_port()
    with _running(module, str(port)) as process:
        assert process.stdout
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{module} did not start")
        yield port


def free_port() -> int:
    """A port of loopback that nobody has right now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _heard(process: subprocess.Popen[str], place: str) -> Any:
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the load generator gave up {place}; its words are above")
    return json.loads(line)


@contextlib.contextmanager
def _running(module: str, argument: str) -> Iterator[subprocess.Popen[str]]:
    command = (sys.executable, "-m", module, argument)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
