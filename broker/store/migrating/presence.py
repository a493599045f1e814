"""Which releases of the broker are connected: each says in its connections for which revision it was written."""

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, text

from broker.store.migrating.connections import APPLICATION_NAME

_BROKER: Final = re.compile(r"broker (\d{4}[a-z]?)")

# https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
_CONNECTED = text(
    "SELECT coalesce(application_name, '') AS name FROM pg_stat_activity WHERE datname = current_database() "
    "AND usename = current_user AND pid <> pg_backend_pid() AND application_name IS DISTINCT FROM :mine"
)


@dataclass(frozen=True, slots=True)
class Presence:
    """The revisions for which connected brokers were written, and how many connections do not say."""

    revisions: tuple[str, ...]
    strangers: int

    def all_know(self, revision: str) -> bool:
        """Whether brokers are connected, and nobody else, and the release of each carries this revision."""
        return bool(self.revisions) and not self.strangers and min(self.revisions) >= revision


def look(connection: Connection) -> Presence:
    """Who is connected as this database's user. SQLite cannot tell, and shows nobody."""
    if connection.dialect.name != "postgresql":
        return Presence((), 0)
    names = connection.execute(_CONNECTED, {"mine": APPLICATION_NAME}).scalars().all()
    found = [_BROKER.fullmatch(name) for name in names]
    return Presence(tuple(sorted({each[1] for each in found if each})), found.count(None))
