"""Databases emptied before each test, and the broker in this process, as the tests of `web` have it."""

from tests.store.emptied import database_url, emptied_postgres_url
from tests.web.conftest import file_url, front

__all__ = ["database_url", "emptied_postgres_url", "file_url", "front"]
