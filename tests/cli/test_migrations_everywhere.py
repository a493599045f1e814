"""The same migrations from the `alembic` command in a checkout and from an installed package in any folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.running import CHECKOUT, PATIENCE, clean, run

PARTS = ("broker", "migrations", "pyproject.toml", "LICENSE")


def alembic(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Plain alembic in the checkout, which finds everything by alembic.ini."""
    environ = clean({"BROKER_DATABASE_URL": url})
    del environ["PYTHONPATH"]
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        env=environ,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_plain_alembic_does_what_broker_db_does(new_database_url: str) -> None:
    done = alembic(new_database_url, "upgrade", "head")
    assert done.returncode == 0, done.stderr
    assert run("db", "check", url=new_database_url).exit_code == 0
    assert run("db", "downgrade", "base", "--yes", url=new_database_url).exit_code == 0
    assert alembic(new_database_url, "current").stdout.strip() == ""


def test_plain_alembic_writes_the_sql_down(new_database_url: str) -> None:
    written = alembic(new_database_url, "upgrade", "head", "--sql")
    assert written.returncode == 0, written.stderr
    assert "CREATE TABLE users" in written.stdout
    assert ("BYTEA" in written.stdout) is new_database_url.startswith("postgresql")
    assert run("db", "current", url=new_database_url).stdout == "none\n"


def test_without_a_setting_plain_alembic_and_broker_db_mean_the_same_file(tmp_path: Path) -> None:
    copied = tmp_path / "checkout"
    copied.mkdir()
    for part in ("alembic.ini", "migrations", "broker"):
        copy(part, copied)
    environ = clean({})
    del environ["PYTHONPATH"]
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    done = subprocess.run(command, env=environ, cwd=copied, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert run("db", "check", url=f"sqlite:///{copied}/broker.db").exit_code == 0


def copy(part: str, folder: Path) -> None:
    if (CHECKOUT / part).is_dir():
        shutil.copytree(CHECKOUT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(CHECKOUT / part, folder / part)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contents of the wheel, built from a copy so that the checkout stays as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for part in PARTS:
        copy(part, source)
    (source / "README.md").write_text("# Broker\n")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "dist")],
        cwd=source,
        env={**os.environ, "PYTHONWARNINGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_an_installed_package_migrates_from_any_folder(
    installed: Path, new_database_url: str, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environ = clean({"BROKER_DATABASE_URL": new_database_url, "PYTHONPATH": str(installed)})

    def broker(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=environ,
            cwd=elsewhere,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert broker("-c", "import broker; print(broker.__file__)").startswith(str(installed))
    assert "upgrade base -> 0001" in broker("-m", "broker", "db", "upgrade")
    assert "In step" in broker("-m", "broker", "db", "check")
    assert run("db", "check", url=new_database_url).exit_code == 0
    assert list(elsewhere.iterdir()) == []


def test_the_wheel_carries_no_tests(installed: Path) -> None:
    assert (installed / "broker" / "migrations" / "env.py").exists()
    assert not (installed / "tests").exists()
    # What the wheel brought, and not what running the program from it has compiled since.
    (record,) = installed.glob("*.dist-info/RECORD")
    assert "broker/migrations/env.py" in record.read_text()
    assert "__pycache__" not in record.read_text()
