"""An SQLite file of its own, as the tests of `web` have it."""

from tests.web.conftest import file_url

__all__ = ["file_url"]
