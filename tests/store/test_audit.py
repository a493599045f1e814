"""What happened is kept in its order."""

import pytest

from broker.store import audit
from broker.store.audit_names import EVENTS
from broker.store.database import Database

NOW = 1_800_000_000


async def test_what_happened_in_one_second_is_read_in_its_order(database: Database) -> None:
    names = [*EVENTS][:12]
    for name in names:
        await database.transact(audit.record, name, actor="broker", now=NOW)
    assert [one.event for one in await database.read(audit.newest, most=12)] == names[::-1]


async def test_an_event_that_no_page_explains_cannot_be_kept(database: Database) -> None:
    with pytest.raises(LookupError, match="nothing_of_ours"):
        await database.transact(audit.record, "nothing_of_ours", actor="broker", now=NOW)
    assert await database.read(audit.newest, most=1) == []
