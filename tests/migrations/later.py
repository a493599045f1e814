"""A later release: this one with four more revisions, of both kinds."""

import shutil
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest

from broker.store import revision
from broker.store.migrating import scripts

_HEADER = '''"""{summary}"""

import sqlalchemy as sa
from alembic import op

from broker.store.migrating import online

revision = "{id}"
down_revision = "{previous}"
branch_labels = None
depends_on = None
kind = "{kind}"


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''
_STEPS = (
    (
        "expand",
        "A column that the later release fills.",
        'op.add_column("users", sa.Column("later", sa.BigInteger(), nullable=True))',
        'op.drop_column("users", "later")',
    ),
    (
        "expand",
        "An index on it.",
        'online.create_index("ix_users_later", "users", ["later"])',
        'online.drop_index("ix_users_later", "users")',
    ),
    (
        "contract",
        "The name of a person goes.",
        'op.drop_column("users", "display_name")',
        'op.add_column("users", sa.Column("display_name", sa.Text(), nullable=True))',
    ),
    (
        "expand",
        "A column that the release after that fills.",
        'op.add_column("users", sa.Column("latest", sa.BigInteger(), nullable=True))',
        'op.drop_column("users", "latest")',
    ),
)


@dataclass(frozen=True)
class Later:
    """The ids of its revisions: an expand, an expand that builds an index, a contract, an expand."""

    column: str
    index: str
    contract: str
    after: str


def _ids() -> Later:
    number, letter = int(revision.HEAD[:4]), revision.HEAD[4:]
    moved_on = chr(ord(letter or "a") + 1)
    return Later(
        f"{number + 1:04}{letter}",
        f"{number + 2:04}{letter}",
        f"{number + 3:04}{moved_on}",
        f"{number + 4:04}{moved_on}",
    )


def write(folder: Path, most: int) -> Later:
    """Copy the migrations into this folder and add the first so many of the later ones."""
    shutil.copytree(scripts.folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    ids = _ids()
    previous = revision.HEAD
    for id_, (kind, summary, upgrade, downgrade) in list(zip(astuple(ids), _STEPS, strict=True))[:most]:
        text = _HEADER.format(
            id=id_, previous=previous, kind=kind, summary=summary, upgrade=upgrade, downgrade=downgrade
        )
        (folder / "versions" / f"{id_}_later.py").write_text(text)
        previous = id_
    return ids


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Later:
    """This process is of the next release, which needs two more revisions and brings a contract."""
    folder = tmp_path / "later" / "migrations"
    ids = write(folder, 3)
    monkeypatch.setattr(scripts, "folder", lambda: folder)
    monkeypatch.setattr(revision, "OLDEST", ids.index)
    monkeypatch.setattr(revision, "HEAD", ids.contract)
    return ids


@pytest.fixture
def latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Later:
    """This process is of the release after that, which needs a revision behind the contract."""
    folder = tmp_path / "latest" / "migrations"
    ids = write(folder, 4)
    monkeypatch.setattr(scripts, "folder", lambda: folder)
    monkeypatch.setattr(revision, "OLDEST", ids.after)
    monkeypatch.setattr(revision, "HEAD", ids.after)
    return ids
