"""A database without a row in it."""

from tests.emptied import empty_database_url

__all__ = ["empty_database_url"]
