"""Databases emptied before each test."""

from tests.emptied import empty_database_url

__all__ = ["empty_database_url"]
