"""What `broker doctor` says of a database that may lose what was answered, and of pages that cannot be used."""

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from tests.cli.examining import examine
from tests.postgres import PostgresServer

Usage = namedtuple("Usage", ["total", "used", "free"])


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "broker.db"))


def test_a_damaged_file_is_a_fault(file: Path) -> None:
    """Pages that nothing else reads at that moment."""
    with file.open("r+b") as opened:
        opened.seek(-4096, os.SEEK_END)
        opened.write(os.urandom(4096))
    finding = examine(f"sqlite:///{file}")["soundness"]
    assert (finding.outcome, "damaged (" in finding.found) == ("fault", True)
    assert "restore the newest backup" in (finding.remedy or "")
    assert "signing keys" not in examine(f"sqlite:///{file}"), "which could not be read for certain"


@pytest.mark.parametrize(("at", "words"), [(0, "not a database"), (100, "malformed")])
def test_a_file_that_cannot_be_read_at_all_is_to_be_restored(file: Path, at: int, words: str) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(b"damage" * 600)
    finding = examine(f"sqlite:///{file}")["database"]
    assert (finding.outcome, words in finding.found) == ("fault", True)
    assert "restore the newest backup" in (finding.remedy or "")


@pytest.mark.parametrize("rights", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_open_is_a_warning(file: Path, rights: int) -> None:
    file.chmod(rights)
    finding = examine(f"sqlite:///{file}")["rights"]
    assert (finding.outcome, f"({rights:o})" in finding.found) == ("warning", True)
    assert f"chmod 600 {file}" in (finding.remedy or "")


def test_a_disk_that_is_nearly_full_is_a_warning(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: Usage(10**9, 0, 511 * 2**20))
    finding = examine(f"sqlite:///{file}")["disk"]
    assert (finding.outcome, finding.found.startswith("511 MiB are free")) == ("warning", True)
    assert "Make room" in (finding.remedy or "")
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: Usage(10**9, 0, 512 * 2**20))
    assert examine(f"sqlite:///{file}")["disk"].outcome == "ok"


@pytest.fixture
def own_postgres(postgres: PostgresServer, postgres_template: str) -> "tuple[PostgresServer, str]":
    url = postgres.create_database(copy_of=postgres_template)
    return postgres, url


def test_a_server_that_does_not_wait_for_its_disk_is_a_warning(
    own_postgres: "tuple[PostgresServer, str]",
) -> None:
    server, url = own_postgres
    name = url.rpartition("/")[2]
    server.run(f"ALTER DATABASE {name} SET synchronous_commit = off")
    finding = examine(url)["durability"]
    assert finding.outcome == "warning"
    assert finding.found.startswith("off: fsync, full_page_writes, synchronous_commit; ")
    assert "must stay spent" in (finding.remedy or "")
    server.drop_database(url)


def test_a_server_that_takes_no_writes_is_a_fault(own_postgres: "tuple[PostgresServer, str]") -> None:
    server, url = own_postgres
    name = url.rpartition("/")[2]
    assert examine(url)["writing"].outcome == "ok"
    server.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    finding = examine(url)["writing"]
    assert (finding.outcome, "takes no writes" in finding.found) == ("fault", True)
    assert "to the primary" in (finding.remedy or "")
    server.drop_database(url)


def test_each_page_that_keeps_the_broker_from_starting_is_a_fault(tmp_path: Path, file: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "error.html").write_text("{% if %}")
    (pages / "page.css").write_bytes(b"\xff")
    findings = examine(f"sqlite:///{file}", BROKER_TEMPLATES=str(pages))
    assert [findings[check].outcome for check in ("pages", "pages 2")] == ["fault", "fault"]
    assert {"error.html", "page.css"} == {findings[check].found.split()[0] for check in ("pages", "pages 2")}
    for page in pages.iterdir():
        page.unlink()
    assert examine(f"sqlite:///{file}", BROKER_TEMPLATES=str(pages))["pages"].found == f"with those in {pages}"
