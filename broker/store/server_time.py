"""What time it is for PostgreSQL. SQLite has no clock but the machine's."""

from sqlalchemy import BigInteger, cast, func, select

from broker.store.database import Transaction

_NOW = select(cast(func.extract("epoch", func.clock_timestamp()), BigInteger).label("now"))


async def now(tx: Transaction) -> int:
    """Epoch seconds on the server's clock."""
    row = await tx.one(_NOW)
    return int(row["now"]) if row else 0
