"""The processes beside the one that is measured: the load generator and TikTok's stand-in."""

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.generator import Driven


@dataclass(frozen=True, slots=True)
class Generator:
    """A load generator waiting for orders."""

    process: subprocess.Popen[str]

    def drive(self, leg: str, count: int) -> Driven:
        """Let it do one leg (a method of `journeys.App`) that often. Raises `RuntimeError`."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"leg": leg, "count": count}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator gave up at {leg}; its words are above")
        return Driven(**json.loads(line))


@contextlib.contextmanager
def generating(**plan: Any) -> Iterator[Generator]:
    """A load generator for the length of the block; `plan` says whom it calls, as whom, how many at once."""
    with _running("benchmarks.generator", json.dumps(plan)) as process:
        yield Generator(process)


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


@contextlib.contextmanager
def _running(module: str, argument: str) -> Iterator[subprocess.Popen[str]]:
    command = (sys.executable, "-m", module, argument)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
