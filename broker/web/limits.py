"""How much of a request is read (bytes), and when to come back (seconds)."""

from typing import Final

QUERY: Final = 16 * 1024
BODY: Final = 16 * 1024
WEBHOOK: Final = 64 * 1024
RETRY_AFTER: Final = "2"
