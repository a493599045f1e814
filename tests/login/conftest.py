"""The broker in this process, as the tests of `web` have it."""

from tests.web.conftest import file_url, front

__all__ = ["file_url", "front"]
