"""Databases emptied before each test, and an ear at the driver."""

from tests.store.emptied import database_url, emptied_postgres_url
from tests.store.watching import statements

__all__ = ["database_url", "emptied_postgres_url", "statements"]
