"""Databases without a row in them."""

from tests.emptied import empty_database_url as database_url

__all__ = ["database_url"]
