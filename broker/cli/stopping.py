"""SIGTERM as an orderly way to end a command that has not begun to serve yet."""

import contextlib
import os
import signal
import sys
from types import FrameType


def end_on_sigterm() -> None:
    """Let SIGTERM end this process with exit code 0, even as process 1 of a container, until a server takes over.

    The kernel gives process 1 no default action, so without a handler it would not hear the signal at all.
    """
    signal.signal(signal.SIGTERM, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    # At once and not by an exception, which is lost where the signal happens to land in somebody's callback.
    # Nothing is in hand yet: an unfinished migration is a transaction that the database rolls back.
    # A reader that has gone, or a write cut short by this very signal, is no reason to stay.
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            stream.flush()
    os._exit(0)
