"""Databases emptied before each test."""

import pytest

from tests.emptied import Emptied, empty_database_url

__all__ = ["empty_database_url"]


@pytest.fixture
def postgres_with_keys(emptied_postgres: Emptied) -> str:
    """PostgreSQL, with signing keys and nothing else in it."""
    return emptied_postgres.empty(keys=True)
