"""Running revisions on PostgreSQL beside a service that goes on: one deployer, short waits, many of them."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from broker.store.migrating.timeouts import HASTE, STATEMENT

Tell = Callable[[str], None]
"""Takes a line for whoever watches."""

_DEPLOYER: Final = 0x62726F6B
_PAUSE_SECONDS: Final = 0.5
_DEPLOYER_ATTEMPTS: Final = 1_200
_LOCK_ATTEMPTS: Final = 60
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LOCK_NOT_AVAILABLE: Final = "55P03"
_QUERY_CANCELED: Final = "57014"

_TRY = text("SELECT pg_try_advisory_lock(:number)")
_FREE = text("SELECT pg_advisory_unlock(:number)")
_IN_THE_WAY = text(
    "SELECT pid, application_name, floor(extract(epoch FROM clock_timestamp() - xact_start))::int AS seconds "
    "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1"
)


class Blocked(Exception):
    """Others kept the database busy all the time; the text says who, and what to do.

    Revisions that were finished stay; of the one that was not, nothing is left that the next try minds.
    """


def patiently(connection: Connection, run: Callable[[], None], tell: Tell) -> None:
    """Call `run` as the only deployer, again whenever a lock is not to be had quickly. Raises `Blocked`."""
    _wait_for_other_deployer(connection, tell)
    try:
        _retry(connection, run, tell)
    finally:
        # Here and not only by the end of the connection: that of a caller may go on.
        if not connection.closed and not connection.invalidated:
            connection.rollback()
            connection.execute(_FREE, {"number": _DEPLOYER})
            connection.commit()


def _wait_for_other_deployer(connection: Connection, tell: Tell) -> None:
    # Asked again and again: who waited inside a statement would be waited for by an index that is being built.
    for attempt in range(_DEPLOYER_ATTEMPTS):
        # Taken for the session, so that it spans the transactions.
        mine = connection.execute(_TRY, {"number": _DEPLOYER}).scalar_one()
        connection.commit()
        if mine:
            return
        if attempt == 0:
            tell("Another upgrade of this database is running; waiting for its end.")
        time.sleep(_PAUSE_SECONDS)
    raise Blocked(
        "Another upgrade of this database has been running for ten minutes; look what became of it, and run the "
        "command again."
    )


def _retry(connection: Connection, run: Callable[[], None], tell: Tell) -> None:
    for attempt in range(_LOCK_ATTEMPTS):
        for setting in HASTE:
            connection.execute(text(setting))
        connection.commit()
        try:
            run()
            return
        except DBAPIError as error:
            connection.rollback()
            state = getattr(error.orig, "sqlstate", None)
            if state == _QUERY_CANCELED:
                raise Blocked(
                    f"A statement kept others waiting for {STATEMENT} and was given up, its revision undone; "
                    "run the command again at a quieter time."
                ) from error
            if state != _LOCK_NOT_AVAILABLE:
                raise
        if attempt == 0:
            tell(f"A table is in use{_by_whom(connection)}; trying again without keeping others waiting.")
        time.sleep(_PAUSE_SECONDS)
    raise Blocked(
        f"A table was in use{_by_whom(connection)} at each of {_LOCK_ATTEMPTS} tries, so that its revision was "
        "given up and undone; end that transaction, and run the command again."
    )


def _by_whom(connection: Connection) -> str:
    found = connection.execute(_IN_THE_WAY).first()
    connection.commit()
    if found is None:
        return ""
    name = f" of {found.application_name!r}" if found.application_name else ""
    return f", and the oldest open transaction is process {found.pid}{name}, since {found.seconds} s"
