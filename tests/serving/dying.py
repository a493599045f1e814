"""`broker` whose worker processes die as soon as they have begun, while the file that `DYING` names is there."""

import os
from collections.abc import Callable
from pathlib import Path

from broker.cli import supervising, worker
from broker.cli.main import broker

_work: Callable[..., None] = worker.work


def work(*given: object) -> None:
    """Die, or do as a worker does."""
    if Path(os.environ["DYING"]).exists():
        os._exit(7)
    _work(*given)


# In the supervisor, and in each worker, which runs this module once more.
for module, name, instead in ((worker, "work", work), (supervising, "_FIRST_DELAY", 0.01)):
    setattr(module, name, instead)

if __name__ == "__main__":
    broker(prog_name="broker")
