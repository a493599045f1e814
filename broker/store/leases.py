"""Who does what only one replica at a time shall do. Whoever dies meanwhile is followed when the time is up."""

from sqlalchemy import BigInteger, bindparam, update
from sqlalchemy.dialects.postgresql import insert

from broker.store.database import Transaction
from broker.store.schema import leases

_insert = insert(leases)
_TAKE = _insert.on_conflict_do_update(
    index_elements=[leases.c.name],
    set_={"holder": _insert.excluded.holder, "until": _insert.excluded.until},
    where=leases.c.until <= bindparam("now", type_=BigInteger),
)
_KEEP = (
    update(leases)
    .where(leases.c.name == bindparam("what"), leases.c.holder == bindparam("me"))
    .values(until=bindparam("end"))
)


async def take(tx: Transaction, name: str, *, holder: str, until: int, now: int) -> bool:
    """Take the lease of `name` until then; False while it is somebody's, the caller's own included."""
    return bool(await tx.run(_TAKE, name=name, holder=holder, until=until, now=now))


async def keep(tx: Transaction, name: str, *, holder: str, until: int) -> bool:
    """Move the end of a lease; False when another holder has it by now."""
    return bool(await tx.run(_KEEP, what=name, me=holder, end=until))
