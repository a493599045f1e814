"""What an operator does to keys, each with its audit event in the same transaction; `reason` names the key."""

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
        if not younger and await keys.add(tx, spare):
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
