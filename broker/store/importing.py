"""Taking people of another system over, a batch at a time: what is known of each, and what is written.

Whoever is imported gets a `sub` at once, for the apps' databases to be changed over beforehand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sqlalchemy import BigInteger, Text, bindparam, func, update
from sqlalchemy.dialects.postgresql import insert

from broker import opaque
from broker.store import audit, import_matches
from broker.store.database import Transaction
from broker.store.import_matches import Known, Newcomer
from broker.store.schema import imported_people

Outcome: TypeAlias = Literal["added", "updated", "unchanged", "known"]
_AT_ONCE: Final = 25
_MOST_LOOKS: Final = 5


@dataclass(frozen=True, slots=True)
class Taken:
    """The person has this `sub`. `known`: has signed in here already, under it; nothing was written."""

    outcome: Outcome
    sub: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The person was not taken over. `reason` says why, as a sentence without anybody's id."""

    reason: str


_COLUMNS: Final = ("sub", "union_id", "registration", "open_id", "previous_id", "blocked_at", "imported_at")


def _added(rows: int) -> tuple[str, ...]:
    return tuple(f"{name}{row}" for row in range(rows) for name in _COLUMNS)


_ADD: Final = {
    rows: insert(imported_people)
    .values([{name: bindparam(f"{name}{row}") for name in _COLUMNS} for row in range(rows)])
    # Somebody else may be importing the same: whoever is not answered is looked at again.
    .on_conflict_do_nothing()
    .returning(imported_people.c.sub)
    for rows in (1, _AT_ONCE)
}
_UPDATE = (
    update(imported_people)
    .where(imported_people.c.sub == bindparam("imported"), imported_people.c.user_id.is_(None))
    .values(
        previous_id=func.coalesce(bindparam("previous", type_=Text), imported_people.c.previous_id),
        blocked_at=bindparam("blocked", type_=BigInteger),
    )
)


async def look(tx: Transaction, newcomers: Sequence[Newcomer]) -> list[Taken | Refused | None]:
    """What `take` would answer; None for somebody whom it would add. At most `BATCH` of them."""
    known = await import_matches.known(tx, newcomers)
    return [_verdict(known, newcomer) for newcomer in newcomers]


async def take(tx: Transaction, newcomers: Sequence[Newcomer], *, now: int) -> list[Taken | Refused]:
    """Import them, at most `BATCH`, and answer for each; what was imported before stays. For `transact`."""
    outcomes: dict[int, Taken | Refused] = {}
    left = list(range(len(newcomers)))
    for _ in range(_MOST_LOOKS):
        known = await import_matches.known(tx, [newcomers[each] for each in left])
        adding: dict[str, int] = {}
        updating: list[tuple[str, Newcomer]] = []
        for each in left:
            newcomer = newcomers[each]
            verdict = _verdict(known, newcomer)
            if verdict is None:
                sub = newcomer.sub or opaque.identifier("usr_")
                adding[sub] = each
                known.remember(newcomer, sub)
                verdict = Taken("added", sub)
            elif isinstance(verdict, Taken) and verdict.outcome == "updated":
                known.remember(newcomer, verdict.sub)
                updating.append((verdict.sub, newcomer))
            outcomes[each] = verdict
        written = await _add(tx, adding, newcomers, now=now)
        for sub, newcomer in updating:
            blocked = now if newcomer.blocked else None
            await tx.run(_UPDATE, imported=sub, previous=newcomer.previous_id, blocked=blocked)
        lost = adding.keys() - written
        left = [each for each in left if isinstance(taken := outcomes[each], Taken) and taken.sub in lost]
        if not left:
            break
    for each in left:
        outcomes[each] = Refused("Somebody else is importing this person just now.")
    await _record(tx, list(outcomes.values()), now=now)
    return [outcomes[each] for each in range(len(newcomers))]


def _verdict(known: Known, newcomer: Newcomer) -> Taken | Refused | None:
    imported = known.imported(newcomer)
    if imported is None:
        person = known.person(newcomer)
        if person is None:
            return _refusal(known, newcomer)
        if newcomer.sub not in (None, person):
            return Refused("This person has signed in here already and has another sub.")
        return Taken("known", person)
    if newcomer.sub not in (None, imported.goes_as):
        return Refused("This person was imported before and has another sub.")
    if None not in (newcomer.previous_id, imported.previous_id) and newcomer.previous_id != imported.previous_id:
        return Refused("This person was imported before with another previous_id.")
    if imported.user_id is not None:
        return Taken("known", imported.user_id)
    another_name = newcomer.previous_id not in (None, imported.previous_id)
    if another_name and known.has_previous_id(newcomer):
        return Refused("Somebody else was imported with this previous_id.")
    changed = another_name or newcomer.blocked != imported.blocked
    return Taken("updated" if changed else "unchanged", imported.sub)


def _refusal(known: Known, newcomer: Newcomer) -> Refused | None:
    """Why nobody can be imported like this; None when they can."""
    if known.has_previous_id(newcomer):
        return Refused("Somebody else was imported with this previous_id.")
    if newcomer.sub is not None and known.has_sub(newcomer.sub):
        return Refused("Somebody else has this sub, or had it and was erased.")
    return None


async def _add(tx: Transaction, adding: dict[str, int], newcomers: Sequence[Newcomer], *, now: int) -> set[str]:
    """The subs that were written."""
    written: set[str] = set()
    # In one order whoever imports: else two of them could wait for each other.
    in_order = sorted(adding.items(), key=lambda one: _key(newcomers[one[1]]))
    rows = [_row(newcomers[each], sub, now=now) for sub, each in in_order]
    while rows:
        some = rows[: _AT_ONCE if len(rows) >= _AT_ONCE else 1]
        del rows[: len(some)]
        parameters = dict(zip(_added(len(some)), [cell for row in some for cell in row], strict=True))
        written |= {row["sub"] for row in await tx.all(_ADD[len(some)], **parameters)}
    return written


def _key(newcomer: Newcomer) -> tuple[str, ...]:
    return tuple(name or "" for name in (newcomer.union_id, newcomer.registration, newcomer.open_id))


def _row(newcomer: Newcomer, sub: str, *, now: int) -> tuple[object, ...]:
    blocked = now if newcomer.blocked else None
    ids = (newcomer.union_id, newcomer.registration, newcomer.open_id, newcomer.previous_id)
    return (sub, *ids, blocked, now)


async def _record(tx: Transaction, outcomes: list[Taken | Refused], *, now: int) -> None:
    taken = [each.outcome for each in outcomes if isinstance(each, Taken)]
    counts = {what: taken.count(what) for what in ("added", "updated")}
    if any(counts.values()):
        said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        await audit.record(tx, "users.imported", actor="operator", reason=said, now=now)
