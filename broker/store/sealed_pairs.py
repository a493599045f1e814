"""A look at how TikTok's tokens are sealed, without opening any."""

from sqlalchemy import bindparam, select

from broker.store.database import Transaction
from broker.store.schema import accounts

# By primary key, which is random: a fair sample, and no long look at a large table.
_SAMPLE = (
    select(accounts.c.sealed_tokens)
    .where(accounts.c.sealed_tokens.is_not(None))
    .order_by(accounts.c.id)
    .limit(bindparam("most"))
)


async def sample(tx: Transaction, *, most: int) -> list[bytes]:
    """Some sealed pairs, as they are kept."""
    return [bytes(row["sealed_tokens"]) for row in await tx.all(_SAMPLE, most=most)]
