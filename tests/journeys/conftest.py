"""Databases emptied before each test, and an SQLite file of its own, as the tests of `web` have it."""

from tests.store.emptied import database_url, emptied_postgres_url
from tests.web.conftest import file_url

__all__ = ["database_url", "emptied_postgres_url", "file_url"]
