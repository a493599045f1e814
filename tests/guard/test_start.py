"""What `broker serve` has imported when it is ready: imports are nearly all of its start."""

import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.cli.running import PATIENCE, serving, settings

# Each with all that is below it, and why the service does without.
NOT_FOR_SERVING: Mapping[str, str] = {
    "alembic": "the schema is read by one statement; only an upgrade needs it",
    "mako": "alembic's",
    "broker.store.migrations": "alembic's",
    "broker.store.migrating": "alembic's",
    "sqlalchemy.orm": "statements are Core",
    "sqlalchemy.ext": "rows are read from the driver",
    "asyncpg": "the driver of the other database",
    "authlib": "the sample app's",
    "httpx2": "authlib's",
    "joserfc": "authlib's",
    "broker.demo": "another command",
    "broker.simulator": "another command",
    "jinja2.ext": "pages use no extension",
    "broker.cli.supervising": "several workers only",
    "sqlite3.dump": "nobody dumps",
    "xml": "nothing speaks it",
    "unittest": "tests only",
    "pytest": "tests only",
}
OF_THE_COMMAND = {
    f"broker.cli{name}"
    for name in (
        "",
        ".main",
        ".lazy",
        ".serve",
        ".schema",
        ".listening",
        ".open_files",
        ".http_writing",
        ".serving",
        ".stopping",
        ".output",
        ".faults",
    )
} | {"broker.cli.doctor", "broker.cli.doctor.findings", "broker.cli.doctor.rules"}
"""All that is imported of the commands: none of another one, and of the doctor the rules it warns by."""

OF_DEVELOPMENT = ("rich", "pygments", "markdown_it", "mdurl", "coverage")
"""What libraries take up where it is installed, and a release does not bring along."""
MOST_MODULES = 1000
"""Some twenty more than there are: room for a library's next release, not for another library."""
MOST_MIB = 120


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_it_imports_only_what_it_serves_with_and_stays_small(sqlite_url: str, tmp_path: Path) -> None:
    with serving(environ=settings(sqlite_url), cwd=tmp_path, python=("-X", "importtime")) as broker:
        with urlopen(f"{broker.origin}/readyz", timeout=PATIENCE) as answer:
            assert answer.status == 200
        status = Path(f"/proc/{broker.process.pid}/status").read_text()
        broker.stop(signal.SIGTERM)
    lines = (line.rpartition("|")[2].strip() for line in broker.log.read_text().splitlines() if "|" in line)
    imported = {name for name in lines if not _below(name, OF_DEVELOPMENT)}
    assert "broker.app" in imported
    assert {name for name in imported if _below(name, NOT_FOR_SERVING)} == set()
    assert {name for name in imported if _below(name, ["broker.cli"])} <= OF_THE_COMMAND
    assert len(imported) <= MOST_MODULES
    assert int(status.partition("VmHWM:")[2].split()[0]) < MOST_MIB * 1024


def _below(name: str, tops: Iterable[str]) -> bool:
    return any(name == top or name.startswith(f"{top}.") for top in tops)
