"""Whether the database keeps its word: what it says of itself, for `broker doctor`."""

from dataclasses import dataclass

from sqlalchemy import func, select, text

from broker.store.database import Transaction

_PROMISES = select(
    func.current_setting("fsync").label("fsync"),
    func.current_setting("full_page_writes").label("full_page_writes"),
    func.current_setting("synchronous_commit").label("synchronous_commit"),
    # On a standby it is on, whatever is set.
    func.current_setting("transaction_read_only").label("read_only"),
)
# Pragmas are no part of SQL that could be built. The first complaint is enough: it means the newest backup.
_QUICK_CHECK = text("PRAGMA quick_check(1)")


@dataclass(frozen=True, slots=True)
class Promises:
    """What a PostgreSQL server is set to. `careless`: settings that may lose what was committed."""

    writable: bool
    careless: tuple[str, ...]


async def promises(tx: Transaction) -> Promises:
    """Of PostgreSQL only (PostgreSQL documentation, §19.5 and §19.11)."""
    row = await tx.one(_PROMISES)
    if row is None:
        raise LookupError("a SELECT without FROM answers one row")
    careless = [name for name in ("fsync", "full_page_writes", "synchronous_commit") if row[name] == "off"]
    return Promises(writable=row["read_only"] == "off", careless=tuple(careless))


async def damage(tx: Transaction) -> str | None:
    """What is broken in a SQLite file, which is read from end to end for that; None when it is sound."""
    rows = await tx.all(_QUICK_CHECK)
    found = str(rows[0]["quick_check"]) if rows else "no answer"
    return None if found == "ok" else found.splitlines()[-1]
