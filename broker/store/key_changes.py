"""What becomes of keys, each change with its audit event in the same transaction; `reason` names the key.

Every function answers False or None when it changed nothing, and then records nothing.
"""

from dataclasses import dataclass

from sqlalchemy import BigInteger, bindparam, delete, select, update

from broker.store import audit, keys
from broker.store.database import Transaction
from broker.store.keys import KeyRow
from broker.store.schema import signing_keys

_THIS_RING = (signing_keys.c.use == bindparam("its_use"), signing_keys.c.alg == bindparam("its_alg"))
_NUMBER = bindparam("its_number", type_=BigInteger)
_NOW = bindparam("now", type_=BigInteger)
_REVOKE = (
    delete(signing_keys)
    .where(signing_keys.c.kid == bindparam("this"))
    .returning(signing_keys.c.use, signing_keys.c.alg, signing_keys.c.number, signing_keys.c.signs_from)
)
_YOUNGER = (
    select(signing_keys.c.kid, signing_keys.c.signs_from)
    .where(*_THIS_RING, signing_keys.c.number > _NUMBER)
    .order_by(signing_keys.c.number)
)
_TAKE_OVER = (
    update(signing_keys)
    .where(signing_keys.c.kid == bindparam("this"), signing_keys.c.signs_from > _NOW)
    .values(signs_from=_NOW)
)


@dataclass(frozen=True, slots=True)
class Revoked:
    """A key that is gone. `successor` is the key that signs instead, when another one does from now on."""

    use: str
    alg: str
    successor: str | None


async def make(tx: Transaction, key: KeyRow, *, now: int) -> bool:
    """Keep a new key; False when another replica was quicker with this number."""
    return await _recorded(tx, await keys.add(tx, key), "key.made", key.kid, now)


async def hasten(tx: Transaction, kid: str, *, at: int, now: int) -> bool:
    """Have an announced key sign from `at` on; False when it does so anyway, or earlier."""
    return await _recorded(tx, await keys.hasten(tx, kid, at=at), "key.hastened", kid, now)


async def defer(tx: Transaction, kid: str, *, ready_at: int, now: int) -> bool:
    """Have an announced key sign from `ready_at` on at the earliest."""
    return await _recorded(tx, await keys.defer(tx, kid, ready_at=ready_at), "key.deferred", kid, now)


async def prolong(tx: Transaction, kid: str, *, token_life: int, now: int) -> bool:
    """What the key signs may be good for so long from now on."""
    return await _recorded(tx, await keys.prolong(tx, kid, token_life=token_life), "key.prolonged", kid, now)


async def forget(tx: Transaction, kid: str, *, token_life: int, now: int) -> bool:
    """Delete a key that nothing refers to any more, with the `token_life` that this was reckoned with."""
    return await _recorded(tx, await keys.forget(tx, kid, token_life=token_life), "key.forgotten", kid, now)


async def rotate(tx: Transaction, kid: str, *, at: int, now: int) -> bool:
    """Have an announced key sign from `at` on; False when it does so anyway, or earlier, or is not there."""
    if not await keys.hasten(tx, kid, at=at):
        return False
    await audit.record(tx, "key.rotated", actor="operator", reason=kid, now=now)
    return True


async def revoke(tx: Transaction, kid: str, *, spare: KeyRow, now: int) -> Revoked | None:
    """Delete a key; None when there is none of this id.

    If it was the one that signs, the announced one does from `now` on, however short a time it has been announced.
    Where there is none, `spare` is kept, a key of the same use and algorithm with the next number.
    """
    gone = await tx.one(_REVOKE, this=kid)
    if gone is None:
        return None
    await audit.record(tx, "key.revoked", actor="operator", reason=kid, now=now)
    use, alg, number = gone["use"], gone["alg"], gone["number"]
    successor = None
    if gone["signs_from"] <= now:
        younger = await _younger(tx, use, alg, number)
        if not younger and await make(tx, spare, now=now):
            successor = spare.kid
        elif not younger:
            # Another replica announced one in this very moment.
            younger = await _younger(tx, use, alg, number)
        if younger and await tx.run(_TAKE_OVER, this=younger[0], now=now):
            successor = younger[0]
    return Revoked(use, alg, successor)


async def _younger(tx: Transaction, use: str, alg: str, number: int) -> list[str]:
    rows = await tx.all(_YOUNGER, its_use=use, its_alg=alg, its_number=number)
    return [row["kid"] for row in rows]


async def _recorded(tx: Transaction, changed: bool, event: str, kid: str, now: int) -> bool:
    if changed:
        await audit.record(tx, event, actor="broker", reason=kid, now=now)
    return changed
