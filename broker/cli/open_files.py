"""How many files and connections this process may have open."""

import contextlib
import sys


def allow_many() -> None:
    """Raise the limit as far as the operator allows (`ulimit -Hn`, `LimitNOFILE=`), on systems that have one.

    Everybody who waits for TikTok holds two connections. The soft limit of 1,024 that many systems begin with
    is meant for programs that use select(2), which uvloop does not.
    """
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # macOS says "unlimited", and refuses that.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
