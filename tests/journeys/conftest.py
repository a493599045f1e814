"""Databases emptied before each test, and an SQLite file of its own, as the tests of `web` have it."""

from tests.store.emptied import keyed_database_url, keyed_postgres_url
from tests.web.conftest import file_url

__all__ = ["file_url", "keyed_database_url", "keyed_postgres_url"]
