"""What is no setting, and yet of this process: who runs it, and where it counts together with others."""

import os
from pathlib import Path

_LONGEST = 64
# The name under which prometheus-client looks for it, when it is imported.
_COUNTS = "PROMETHEUS_MULTIPROC_DIR"


def this_user() -> str:
    """The name of the effective user as the system knows it; its number where it has no name, as in containers.

    Not what the environment claims.
    """
    if os.name == "nt":
        return os.getlogin()[:_LONGEST]
    # Here and not above: the module does not exist for Windows.
    import pwd

    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name[:_LONGEST]
    except KeyError:
        return f"uid-{number}"


def share_counts(folder: Path) -> None:
    """Let the worker processes that this one starts count into files in that folder."""
    os.environ[_COUNTS] = str(folder)


def shared_counts() -> Path | None:
    """Where the worker processes of this service count; None for a process that serves alone."""
    folder = os.environ.get(_COUNTS)
    return Path(folder) if folder else None
