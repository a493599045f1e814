"""A database in which somebody has just signed in, and an ear at the driver."""

import pytest

from broker.store.database import Database
from tests.emptied import empty_database_url as database_url
from tests.store.rows import add_client, record
from tests.store.watching import statements

__all__ = ["database_url", "statements"]


@pytest.fixture
async def signed_in(database: Database) -> Database:
    """One client, one person, one grant whose code has not been redeemed."""
    await add_client(database)
    await record(database)
    return database
