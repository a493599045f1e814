"""How much of a request is read (bytes)."""

from typing import Final

QUERY: Final = 16 * 1024
BODY: Final = 16 * 1024
