"""A SQLite file is its owner's alone from the moment at which it is made: SQLite would let everybody read it."""

import contextlib
import os


def make(path: str) -> None:
    """Make an empty file, mode 0600, unless there is one; SQLite gives the files beside it the same rights.

    Where it cannot be made SQLite says so itself. One that is there is not opened: closing it again would take
    the locks that this process has on it (https://www.sqlite.org/howtocorrupt.html §2.2).
    """
    if not path or path == ":memory:":
        return
    with contextlib.suppress(OSError):
        # O_EXCL does not follow a link; it may lead to where the file shall be.
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
