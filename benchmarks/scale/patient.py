"""The service with all the patience in the world: `python -m benchmarks.scale.patient serve …`.

Ten thousand sign-ins are half a minute of work for one core. When all of them come in one second, the last
waits for longer than the service lets anybody wait for TikTok, or for a connection to the database. What is
asked here is what one costs meanwhile, so nobody is turned away.
"""

from typing import Final

from broker.store import postgresql
from broker.upstream import http

_PATIENCE: Final = 120.0

# Before anything copies them as a default, and again in each worker, which imports this module by its name.
http.CALL_SECONDS = http.CONNECT_SECONDS = _PATIENCE
postgresql._LONGEST_REACH_SECONDS = _PATIENCE

from broker.cli.main import broker  # noqa: E402

if __name__ == "__main__":
    broker(prog_name="broker")
