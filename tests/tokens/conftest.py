"""Databases emptied before each test, and an ear at the driver."""

from tests.store.emptied import keyed_database_url, keyed_postgres_url
from tests.store.watching import statements

__all__ = ["keyed_database_url", "keyed_postgres_url", "statements"]
