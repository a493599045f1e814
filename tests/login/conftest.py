"""Databases emptied before each test, and the broker in this process, as the tests of `web` have it."""

from tests.store.emptied import keyed_database_url, keyed_postgres_url
from tests.web.conftest import file_url, front

__all__ = ["file_url", "front", "keyed_database_url", "keyed_postgres_url"]
