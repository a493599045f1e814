"""Who was imported from another system is joined by the first sign-in for which TikTok names their id.

`union_id` is the identity. An `open_id` counts because TikTok itself has just named both for one person.
"""

from sqlalchemy import BigInteger, Exists, bindparam, exists, literal_column, or_, select, update

from broker.store import audit, user_changes
from broker.store.database import Transaction
from broker.store.schema import imported_people, users

_WAITS = (
    imported_people.c.user_id.is_(None),
    or_(
        imported_people.c.union_id == bindparam("vouched_union_id"),
        (imported_people.c.open_id == bindparam("vouched_open_id"))
        & (imported_people.c.registration == bindparam("vouched_registration")),
    ),
)
AWAITED: Exists = exists(literal_column("1")).where(*_WAITS)
"""Whether an import knows the person whose `vouched_…` ids TikTok has just named."""

_FIND = (
    select(imported_people.c.sub, imported_people.c.union_id, imported_people.c.blocked_at)
    .where(*_WAITS)
    .order_by(imported_people.c.sub)
    .with_for_update()
)
_RENAME = update(users).where(users.c.id == bindparam("user")).values(id=bindparam("sub"))
_JOIN = (
    update(imported_people)
    .where(imported_people.c.sub == bindparam("imported"))
    .values(user_id=bindparam("user"), joined_at=bindparam("now", type_=BigInteger))
)


async def join(
    tx: Transaction,
    user_id: str,
    *,
    new: bool,
    union_id: str,
    registration: str,
    open_id: str,
    request_id: str | None,
    now: int,
) -> tuple[str, bool]:
    """Under which `sub` the person goes on, and whether an operator wants them kept out. For `transact`.

    Somebody `new` takes the `sub` that the import promised; whoever was known before stays who they are.
    """
    found = await tx.all(
        _FIND, vouched_union_id=union_id, vouched_registration=registration, vouched_open_id=open_id
    )
    # More than one only when the other system knew the person twice: by which id they are one is not in doubt.
    found.sort(key=lambda row: row["union_id"] is None)
    if found and new:
        await tx.run(_RENAME, user=user_id, sub=found[0]["sub"])
        user_id = found[0]["sub"]
    for row in found:
        await tx.run(_JOIN, imported=row["sub"], user=user_id, now=now)
        await audit.record(
            tx,
            "user.joined",
            actor="user",
            user_id=user_id,
            registration=registration,
            request_id=request_id,
            reason="imported" if row["sub"] == user_id else "known here before",
            now=now,
        )
    blocked = any(row["blocked_at"] is not None for row in found)
    if blocked:
        await user_changes.block(tx, user_id, now=now)
    return user_id, blocked
