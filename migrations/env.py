"""Runs the migrations: for the `alembic` command in a checkout, and for `broker db` from anywhere.

`broker db` hands its connection in; the plain command opens the database of BROKER_DATABASE_URL. On
PostgreSQL an advisory lock keeps two deployers apart, on SQLite the one write lock does.
"""

from functools import partial

from alembic import context
from sqlalchemy import Connection, text

from broker.clock import system_clock
from broker.settings import database_url, operator
from broker.store import schema_steps
from broker.store.migrations import with_connection
from broker.store.schema import metadata

_LOCK = 0x62726F6B
_LOCK_TIMEOUT = "5s"


def migrate(connection: Connection) -> None:
    """Run on this connection what alembic was asked for."""
    on_postgresql = connection.dialect.name == "postgresql"
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        transaction_per_migration=on_postgresql,
        render_as_batch=not on_postgresql,
        on_version_apply=partial(schema_steps.record, operator(), system_clock()),
    )
    if on_postgresql:
        # Taken for the session, so that it spans the transactions; the connection's end frees it.
        connection.execute(text(f"SELECT pg_advisory_lock({_LOCK})"))
        connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
        connection.commit()
        with context.begin_transaction():
            context.run_migrations()
        return
    # The revision is read inside the one write transaction: whoever waits for it finds the work done.
    with connection.begin(), context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is None:
    with_connection(database_url().reveal(), migrate)
else:
    migrate(given)
