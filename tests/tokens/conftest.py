"""An ear at the driver."""

from tests.store.watching import statements

__all__ = ["statements"]
