"""`python -m benchmarks.scale.soak`: does a worker's memory grow with the sign-ins that it does? Exits 1 if so.

Everybody comes from an address of their own, as a trusted proxy says it, and every other one is new.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks import accounting, rounds, service
from benchmarks.processes import answering
from benchmarks.scale.visitors import Plan, generating
from tests.postgres import postgres_server

_LOOKS: Final = 10
_ALLOWED_MIB: Final = 8.0
"""What the second half may add: the allocator keeps pages that are not full, and gives back whole ones only."""
_KNOWN: Final = 100_000
_SETTINGS: Final = {"BROKER_TRUSTED_PROXIES": "127.0.0.1", "BROKER_DATABASE_STATEMENT_TIMEOUT": "30s"}
_NO_KEY: Final = "00"


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale.soak", description="Let one worker do many sign-ins.")
    parser.add_argument("--sign-ins", type=int, default=200_000, help="how many (%(default)s)")
    chosen = parser.parse_args()
    if chosen.sign_ins < _LOOKS * 100:
        parser.error("so few tell nothing")
    looks = []
    for done, memory in _soak(chosen.sign_ins):
        looks.append(memory)
        print(f"{done:>10,} sign-ins {memory:>8.1f} MiB", flush=True)
    grown = looks[-1] - looks[len(looks) // 2]
    print(f"the second half added {grown:.1f} MiB; {_ALLOWED_MIB:.0f} are allowed")
    sys.exit(0 if grown <= _ALLOWED_MIB else 1)


def _soak(sign_ins: int) -> Iterator[tuple[int, float]]:
    """How many have been done, and the worker's resident memory in MiB."""
    cores = rounds.keep_apart()
    with (
        postgres_server(settings=("shared_buffers=256MB",)) as server,
        answering() as tiktok,
        tempfile.TemporaryDirectory(prefix="broker-bench-") as scratch,
    ):
        url = server.create_database()
        secret = service.prepare(url)
        settings = {**service.environment(url, tiktok), **_SETTINGS}
        with service.serving(settings, log=Path(scratch) / "log", cores=cores) as broker:
            plan = Plan(
                port=broker.port,
                host=service.ISSUER.removeprefix("https://"),
                client_id=service.CLIENT_ID,
                secret=secret,
                users=_KNOWN,
                coming=_KNOWN,
                refresh_kid=_NO_KEY,
                refresh_secret=_NO_KEY,
                everywhere=True,
            )
            with generating(plan) as generator:
                yield 0, accounting.memory(broker.pid).now
                for look in range(1, _LOOKS + 1):
                    generator.play("sign_in", sign_ins // _LOOKS)
                    yield look * (sign_ins // _LOOKS), accounting.memory(broker.pid).now


if __name__ == "__main__":
    main()
