"""Databases in which nothing is, and a release that has not been made yet."""

from pathlib import Path

import pytest

from tests.migrations.later import later, latest

__all__ = ["later", "latest"]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that no migration has touched, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
