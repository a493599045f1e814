"""A release that has not been made yet."""

from tests.migrations.later import later, latest

__all__ = ["later", "latest"]
