"""Runs the migrations: for the `alembic` command in a checkout, and for `broker db` from anywhere.

`broker db` hands its connection in; the plain command opens the database of BROKER_DATABASE_URL. On
PostgreSQL an advisory lock keeps two deployers apart, on SQLite the one write lock does.
"""

from functools import partial

from alembic import context
from sqlalchemy import Connection

from broker.clock import system_clock
from broker.settings import database_url, operator
from broker.store import schema_steps
from broker.store.migrating.connections import with_connection
from broker.store.migrating.running import patiently
from broker.store.schema import metadata


def run() -> None:
    """What alembic was asked for."""
    with context.begin_transaction():
        context.run_migrations()


def migrate(connection: Connection) -> None:
    """The same on this connection."""
    if connection.dialect.name == "postgresql":
        configure(connection)
        patiently(connection, run, context.config.attributes.get("tell", context.config.print_stdout))
        return
    # One write transaction around all steps: whoever waits for it reads the revision afterwards, and finds the
    # work done. Alembic leaves it alone only when it was there first; else it commits it with the first step.
    with connection.begin():
        configure(connection)
        run()


def configure(connection: Connection) -> None:
    """How alembic works on this connection."""
    on_postgresql = connection.dialect.name == "postgresql"
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        on_version_apply=partial(schema_steps.record, operator(), system_clock()),
        transaction_per_migration=on_postgresql,
        render_as_batch=not on_postgresql,
    )


def write_down() -> None:
    """Write the SQL instead, for `broker db plan` and `alembic upgrade head --sql`."""
    dialect = context.config.attributes.get("dialect")
    if dialect is None:
        dialect = "sqlite" if database_url().reveal().startswith("sqlite:") else "postgresql"
    context.configure(
        dialect_name=dialect,
        target_metadata=metadata,
        transaction_per_migration=True,
        transactional_ddl=True,
        literal_binds=True,
    )
    run()


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    write_down()
elif given is None:
    with_connection(database_url().reveal(), migrate)
else:
    migrate(given)
