"""A sign-in in one statement, where one may write to several tables (PostgreSQL): a round trip instead of eight.

The schema decides. Where something is not as in nearly every sign-in, a column is left without the value that it
must have, or a digest is there already: then nothing is written, and the way of many steps finds out why.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Insert, Select, Table, Text, bindparam, insert, or_, select

from broker.store import accounts, audit, avatars, sign_ins, users
from broker.store import grants as grants_store
from broker.store import sessions as sessions_store
from broker.store.database import ConstraintViolated, Transaction
from broker.store.schema import audit_events, clients, grants, sessions
from broker.store.sign_ins import Blocked, Continuation, SignIn, Written


async def record(tx: Transaction, sign_in: SignIn, *, now: int) -> Written | Blocked:
    """What `sign_ins.record` does, in one statement whenever that will do. For `run`; raises what that raises."""
    if tx.folds and sign_in.old_cookie is None and sign_in.pushed_request is None:
        try:
            return await _record(tx, sign_in, now=now)
        except ConstraintViolated:
            pass
    async with tx.whole():
        return await sign_ins.record(tx, sign_in, now=now)


async def _record(tx: Transaction, sign_in: SignIn, *, now: int) -> Written:
    person = users.vouched(
        sign_in.profile,
        registration=sign_in.authorization.registration,
        open_id=sign_in.authorization.open_id,
        copy_avatar=sign_in.copy_avatar,
        now=now,
    )
    event = audit.happened("sign_in", actor="user", now=now, **sign_in.about(sign_in.session.id))
    row = await tx.one(
        _RECORD,
        **person,
        expected_user=sign_in.expected_user,
        **accounts.yielded(sign_in.authorization, now=now),
        **_named("session", sessions_store.columns(sign_in.session)),
        **_named("grant", grants_store.columns(sign_in.grant, now=now)),
        **_named("event", event),
        **avatars.asked(now=now),
    )
    if row is None:
        raise LookupError("an upsert answers with its row")
    user = users.known(row, person)
    return Written(user.id, user.new_avatar)


async def resume(tx: Transaction, again: Continuation, *, now: int) -> Written:
    """What `sign_ins.resume` does, in the same way."""
    if tx.folds and again.pushed_request is None:
        try:
            return await _resume(tx, again, now=now)
        except ConstraintViolated:
            pass
    async with tx.whole():
        return await sign_ins.resume(tx, again, now=now)


async def _resume(tx: Transaction, again: Continuation, *, now: int) -> Written:
    session = again.session
    event = audit.happened("sign_in", actor="user", now=now, **again.about())
    await tx.run(
        _RESUME,
        session=session.id,
        session_id=session.id,
        grant_account_id=session.account_id,
        until=again.session_until,
        now=now,
        **_named("grant", grants_store.columns(again.grant, now=now)),
        **_named("event", event),
    )
    return Written(session.user_id)


def _named(part: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{part}_{column}": value for column, value in values.items()}


def _inserted(part: str, table: Table, given: Iterable[str], found: Mapping[str, ColumnElement[Any]]) -> Insert:
    """A row of what is `given` under its part's name, and of what other parts have `found`."""
    parameters = {name: bindparam(f"{part}_{name}", type_=table.c[name].type) for name in given}
    return insert(table).values(parameters | dict(found))


def _recording() -> Select[Any]:
    expected = bindparam("expected_user", type_=Text)
    person = users.UPSERT.cte("person")
    account = accounts.upserting(
        person.c.id,
        person.c.blocked_at.is_(None),
        ~person.c.awaited,
        or_(expected.is_(None), person.c.id == expected),
        # A consent may be taken back while this waits for the person's row, and this looks at what was before. The
        # account's row says so when it is changed; where a known person has none yet, there is nothing to say it.
        or_(person.c.id == bindparam("person_id"), accounts.KNOWN),
        known_only_if=accounts.CONNECTED,
    ).cte("account")
    its_person = {"user_id": select(person.c.id).scalar_subquery()}
    whose = its_person | {"account_id": select(account.c.id).scalar_subquery()}
    return select(person).add_cte(
        _inserted("session", sessions, sessions_store.GIVEN, whose).cte("session"),
        _inserted("grant", grants, grants_store.GIVEN, whose | _BEGUN).cte("begun"),
        _inserted("event", audit_events, audit_events.columns.keys(), its_person).cte("event"),
        avatars.asking(person.c.id, person.c.avatar_id).cte("picture"),
    )


def _resuming() -> Insert:
    session = sessions_store.SLIDE.returning(sessions.c.user_id).cte("session")
    its_person = {"user_id": select(session.c.user_id).scalar_subquery()}
    account = {"account_id": bindparam("grant_account_id", type_=Text)}
    begun = _inserted("grant", grants, grants_store.GIVEN, its_person | account | _BEGUN).cte("begun")
    return _inserted("event", audit_events, audit_events.columns.keys(), its_person).add_cte(begun)


# Of an app that is disabled there is none.
_APP = select(clients.c.client_id).where(
    clients.c.client_id == bindparam("grant_client_id"), clients.c.disabled_at.is_(None)
)
_BEGUN: Final = {"client_id": _APP.scalar_subquery(), "session_id": bindparam("session_id", type_=Text)}
_RECORD: Final = _recording()
_RESUME: Final = _resuming()
