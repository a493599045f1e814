"""How long a migration may keep requests waiting on PostgreSQL.

Whoever waits for a lock on a table makes everybody wait who comes after, even for what would not conflict with
those who have it now. So the wait is short and repeated, never long.
"""

from typing import Final

LOCK: Final = "400ms"
"""How long a statement waits for its lock, and writes queue behind it."""

STATEMENT: Final = "5s"
"""After which a statement that should take a moment, and keeps others waiting, is given up."""

ONLINE_LOCK: Final = "10min"
"""How long a statement that keeps nobody waiting waits for transactions that began before it."""

HASTE: Final = (f"SET lock_timeout = '{LOCK}'", f"SET statement_timeout = '{STATEMENT}'")
"""For statements that keep others waiting."""

LEISURE: Final = (f"SET lock_timeout = '{ONLINE_LOCK}'", "SET statement_timeout = 0")
"""For statements that keep nobody waiting, however long they take."""
