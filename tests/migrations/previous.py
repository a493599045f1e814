"""The release before this one, out of the repository's history, as a program that runs.

`releases/TAG` names the commit that the tag is put on; a clone that has the tag does without.
"""

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.running import CHECKOUT

TAG = "v0.1.0"
_PARTS = ("broker", "migrations")


@dataclass(frozen=True)
class Release:
    """Its files, which run in the environment of this one."""

    folder: Path

    def environ(self, settings: dict[str, str]) -> dict[str, str]:
        """The environment of its processes: of these settings those that it knows."""
        table = (self.folder / "broker/configuration/table.py").read_text()
        known = {name: value for name, value in settings.items() if f'"{name}"' in table or "BROKER_" not in name}
        return {**known, "PYTHONPATH": str(self.folder)}


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Skips where there is no history to take it from."""
    for name in (f"refs/tags/{TAG}", commit()):
        archive = _archived(name)
        if archive is not None:
            folder = tmp_path_factory.mktemp(TAG)
            with tarfile.open(fileobj=io.BytesIO(archive)) as files:
                files.extractall(folder, filter="data")
            return Release(folder)
    pytest.skip(f"this is no clone of the repository that has {TAG} in its history")


def commit() -> str:
    """The commit that the tag is put on."""
    return (Path(__file__).parent / "releases" / TAG).read_text().strip()


def tagged() -> str | None:
    """The commit that it is on; None in a clone without it."""
    found = _git("rev-parse", "--verify", f"refs/tags/{TAG}^{{commit}}")
    return found.decode().strip() if found else None


def _archived(name: str) -> bytes | None:
    return _git("archive", name, *_PARTS)


def _git(*arguments: str) -> bytes | None:
    if not (CHECKOUT / ".git").exists():
        # Else the repository of some folder above would answer.
        return None
    try:
        done = subprocess.run(
            ("git", "-C", str(CHECKOUT), *arguments), capture_output=True, timeout=60, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
