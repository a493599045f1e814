"""Whom of another system's people the broker knows already, asked in a few statements for a whole batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, Text, bindparam, select
from sqlalchemy.sql.elements import ColumnElement

from broker.store.database import Row, Transaction
from broker.store.leaving import erased
from broker.store.schema import accounts, audit_events, imported_people, users

BATCH: Final = 500
"""So many people are looked up at once."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """One person as the other system knew them: by `union_id`, or by an `open_id` under a `registration`.

    `sub` is one of a broker's making that they shall keep, `previous_id` what the other system called them.
    """

    union_id: str | None
    registration: str | None
    open_id: str | None
    previous_id: str | None
    sub: str | None
    blocked: bool


@dataclass(frozen=True, slots=True)
class Imported:
    """Somebody who was imported before. `user_id`: who they turned out to be, once they have signed in."""

    sub: str
    previous_id: str | None
    blocked: bool
    user_id: str | None

    @property
    def goes_as(self) -> str:
        """The `sub` under which apps know them, or will."""
        return self.user_id or self.sub


_Key = tuple[str | None, str | None, str | None]
# One parameter for each of a batch. Where there are fewer the others are NULL, which equals nothing.
_SLOTS: Final = [bindparam(f"any{number}", type_=Text) for number in range(BATCH)]
_EMPTY: Final[dict[str, str | None]] = dict.fromkeys(slot.key for slot in _SLOTS)


def _of(column: ColumnElement[str], *wanted: ColumnElement[Any]) -> Select[Any]:
    return select(*wanted).where(column.in_(_SLOTS))


def _names(column: ColumnElement[str]) -> Select[Any]:
    return _of(column, column.label("name"))


_IMPORTED: Final = (
    imported_people.c.sub,
    imported_people.c.union_id,
    imported_people.c.registration,
    imported_people.c.open_id,
    imported_people.c.previous_id,
    imported_people.c.blocked_at,
    imported_people.c.user_id,
)
_IMPORTED_BY_UNION_ID = _of(imported_people.c.union_id, *_IMPORTED)
_IMPORTED_BY_OPEN_ID = _of(imported_people.c.open_id, *_IMPORTED)
_PREVIOUS_IDS = _names(imported_people.c.previous_id)
_IMPORTED_SUBS = _names(imported_people.c.sub)
_PEOPLE = _of(users.c.union_id, users.c.union_id, users.c.id)
_SUBS = _names(users.c.id)
_ACCOUNTS = _of(accounts.c.open_id, accounts.c.open_id, accounts.c.user_id).where(
    accounts.c.registration == bindparam("registration")
)
_ERASED = _names(audit_events.c.user_id)


class Known:
    """What the database has on the people of a batch, and what has been decided about them since."""

    def __init__(self) -> None:
        self._imported: dict[_Key, Imported] = {}
        self._people: dict[_Key, str] = {}
        self._previous_ids: set[str] = set()
        self._subs: set[str] = set()

    def imported(self, newcomer: Newcomer) -> Imported | None:
        """How this person was imported before."""
        return self._imported.get(_key(newcomer))

    def person(self, newcomer: Newcomer) -> str | None:
        """The `sub` of this person, who has signed in here."""
        return self._people.get(_key(newcomer))

    def has_previous_id(self, newcomer: Newcomer) -> bool:
        """Whether anybody was imported with this `previous_id`."""
        return newcomer.previous_id in self._previous_ids

    def has_sub(self, sub: str) -> bool:
        """Whether anybody has this `sub`, or had it before they were erased."""
        return sub in self._subs or erased(sub) in self._subs

    def remember(self, newcomer: Newcomer, sub: str) -> None:
        """Somebody has just been imported: the next one of the batch is held against that."""
        before = self.imported(newcomer)
        previous_id = newcomer.previous_id or (before.previous_id if before else None)
        self._imported[_key(newcomer)] = Imported(sub, previous_id, newcomer.blocked, None)
        self._subs.add(sub)
        if previous_id is not None:
            self._previous_ids.add(previous_id)


async def known(tx: Transaction, newcomers: Sequence[Newcomer]) -> Known:
    """Whoever of them, at most `BATCH`, was imported before or has signed in here."""
    found = Known()
    union_ids = [each.union_id for each in newcomers if each.union_id]
    open_ids = [each.open_id for each in newcomers if each.open_id]
    subs = [each.sub for each in newcomers if each.sub]
    previous_ids = [each.previous_id for each in newcomers if each.previous_id]
    # Names come first: whoever is imported meanwhile must not be found by a name and missed as a person.
    for statement, names in ((_IMPORTED_SUBS, subs), (_SUBS, subs), (_ERASED, [erased(sub) for sub in subs])):
        found._subs |= {row["name"] for row in await _all(tx, statement, names)}
    found._previous_ids |= {row["name"] for row in await _all(tx, _PREVIOUS_IDS, previous_ids)}
    for row in await _all(tx, _PEOPLE, union_ids):
        found._people[row["union_id"], None, None] = row["id"]
    for registration in {each.registration for each in newcomers if each.registration}:
        theirs = [each.open_id for each in newcomers if each.registration == registration and each.open_id]
        for row in await _all(tx, _ACCOUNTS, theirs, registration=registration):
            found._people[None, registration, row["open_id"]] = row["user_id"]
    for statement, names in ((_IMPORTED_BY_UNION_ID, union_ids), (_IMPORTED_BY_OPEN_ID, open_ids)):
        for row in await _all(tx, statement, names):
            key = (row["union_id"], row["registration"], row["open_id"])
            found._imported[key] = _imported(row)
    return found


async def _all(tx: Transaction, statement: Select[Any], names: Iterable[str], **more: str) -> list[Row]:
    slots = {slot.key: name for slot, name in zip(_SLOTS, names, strict=False)}
    return await tx.all(statement, **(_EMPTY | slots), **more) if slots else []


def _imported(row: Row) -> Imported:
    return Imported(row["sub"], row["previous_id"], row["blocked_at"] is not None, row["user_id"])


def _key(newcomer: Newcomer) -> _Key:
    return newcomer.union_id, newcomer.registration, newcomer.open_id
