"""What the status lists tell: which grants ended while a token of theirs may be believed.

A grant's place is given for good. Indices are reserved in blocks, so that the birth of a grant costs no more.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    ScalarSelect,
    Select,
    Table,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from broker.oauth.status_list import LEEWAY_SECONDS, SIZE, number_of
from broker.store.database import Transaction
from broker.store.schema import counters, deleted_grants, grants, signing_keys


@dataclass(frozen=True, slots=True)
class InUse:
    """`lists` that have a grant in them, by number; and how many indices have been `reserved`: those below."""

    lists: Sequence[int]
    reserved: int


PAGE: Final = 2_000
"""How many that have ended are read by one statement. It may be everybody, after a sign-out of all."""

_COUNTER = "status_index"
_NO_INDEX_BEHIND: Final = 2**63 - 1
_MANY = bindparam("many", type_=BigInteger)


def _behind(table: Table) -> ScalarSelect[int]:
    """The first whole block behind every index in use."""
    reach = func.coalesce(func.max(table.c.status_index), -1) + _MANY
    # By the remainder: dividing two integers is not the same in every database that speaks as PostgreSQL does.
    return select(reach - reach % _MANY).where(table.c.status_index >= 0).scalar_subquery()


def _later(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    return case((one > other, one), else_=other)


# A standby that was promoted may have missed the counter's last steps, and have got grants from after them.
_FREE_FROM = _later(_behind(grants), _behind(deleted_grants))
_RESERVE = (
    upsert(counters)
    .values(name=_COUNTER, next=_FREE_FROM + _MANY)
    .on_conflict_do_update(
        index_elements=[counters.c.name], set_={"next": _later(counters.c.next, _FREE_FROM) + _MANY}
    )
    .returning(counters.c.next)
)
_RESERVED = select(counters.c.next).where(counters.c.name == _COUNTER)
_NOW = bindparam("now", type_=BigInteger)
_SINCE = bindparam("since", type_=BigInteger)
_LISTED = grants.c.status_index.is_not(None)
_BELIEVED = grants.c.access_expires_at > _NOW - LEEWAY_SECONDS


def _page(table: Table, *conditions: ColumnElement[bool]) -> Select[tuple[int, int]]:
    """The next of them, in the order of their ends. Each table by itself, so that its index gives the order."""
    index, at = table.c.status_index, table.c.ended_at
    behind = or_(at > _SINCE, index > bindparam("behind", type_=BigInteger))
    page = select(index, at).where(at >= _SINCE, behind, *conditions).order_by(at, index).limit(PAGE)
    return select(page.subquery())


_pages = union_all(_page(grants, _LISTED, _BELIEVED), _page(deleted_grants, deleted_grants.c.expires_at > _NOW))
_ENDED_SINCE = _pages.order_by("ended_at", "status_index").limit(PAGE)
_LONGEST_LIFE = select(func.max(signing_keys.c.token_life).label("seconds")).where(signing_keys.c.use == "sig")
# From list to list by the index, whatever lies between.
_first = select(func.min(grants.c.status_index).label("found")).where(grants.c.status_index >= 0)
_found = _first.cte("in_use", recursive=True)
_next = (
    select(func.min(grants.c.status_index))
    .where(grants.c.status_index >= _found.c.found - _found.c.found % SIZE + SIZE)
    .correlate(_found)
    .scalar_subquery()
)
_in_use = _found.union_all(select(_next).where(_found.c.found.is_not(None)))
_IN_USE = select(_in_use.c.found).where(_in_use.c.found.is_not(None))


def _keeping(whose: str) -> Insert:
    theirs = select(grants.c.status_index, _NOW, grants.c.access_expires_at + LEEWAY_SECONDS)
    return insert(deleted_grants).from_select(
        ["status_index", "ended_at", "expires_at"],
        theirs.where(grants.c[whose] == bindparam("whose"), _LISTED, _BELIEVED),
    )


_KEEP_OF_USER = _keeping("user_id")
_KEEP_OF_CLIENT = _keeping("client_id")


async def reserve(tx: Transaction, *, many: int) -> int:
    """Reserve so many indices; the first of them."""
    row = await tx.one(_RESERVE, many=many)
    if row is None:
        raise LookupError("an upsert answers with its row")
    first: int = row["next"] - many
    return first


async def ended(tx: Transaction, *, now: int) -> Sequence[int]:
    """The indices of all that have ended while a token of theirs may still be believed."""
    # Keys know the longest life of what they signed, whatever the settings say by now. It bounds the search, since
    # a grant that has ended stays for as long as its refresh token would have lived.
    life = await tx.one(_LONGEST_LIFE)
    longest = life["seconds"] if life and life["seconds"] else 0
    return await ended_since(tx, since=now - LEEWAY_SECONDS - longest, now=now)


async def ended_since(tx: Transaction, *, since: int, now: int) -> Sequence[int]:
    """Those of them that ended after `since`."""
    # Of a million a list would take forty megabytes.
    found = array("q")
    behind = _NO_INDEX_BEHIND
    while True:
        page = await tx.all(_ENDED_SINCE, since=since, behind=behind, now=now)
        found.extend(row["status_index"] for row in page)
        if len(page) < PAGE:
            return found
        since, behind = page[-1]["ended_at"], page[-1]["status_index"]


async def in_use(tx: Transaction) -> InUse:
    """Which lists somebody's token may name."""
    lists = [number_of(row["found"]) for row in await tx.all(_IN_USE)]
    counter = await tx.one(_RESERVED)
    return InUse(lists, counter["next"] if counter else 0)


async def keep_of_user(tx: Transaction, user_id: str, *, now: int) -> None:
    """Before the person's grants, which have all ended, are deleted: go on telling of those with live tokens."""
    await tx.run(_KEEP_OF_USER, whose=user_id, now=now)


async def keep_of_client(tx: Transaction, client_id: str, *, now: int) -> None:
    """The same for a client."""
    await tx.run(_KEEP_OF_CLIENT, whose=client_id, now=now)
