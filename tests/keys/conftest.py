"""Databases emptied before each test."""

from tests.store.emptied import database_url, emptied_postgres_url

__all__ = ["database_url", "emptied_postgres_url"]
