"""What happened is kept in its order."""

from broker.store import audit
from broker.store.database import Database

NOW = 1_800_000_000


async def test_what_happened_in_one_second_is_read_in_its_order(database: Database) -> None:
    names = [f"event_{number}" for number in range(12)]
    for name in names:
        await database.transact(audit.record, name, actor="broker", now=NOW)
    assert [one.event for one in await database.read(audit.newest, most=12)] == names[::-1]
