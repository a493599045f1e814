"""What was vouched for, written in one transaction: user, account, session, grant and its code, audit."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from broker.store import accounts, audit, avatars, grants, joining, pushed, sessions, users
from broker.store.database import Transaction


@dataclass(frozen=True, slots=True)
class SignIn:
    """Everything a login that TikTok vouched for writes.

    `old_cookie` is the digest of the session cookie the browser brought, `expected_user` the person that the app
    said it would be, `pushed_request` the digest of the request the login began with. `copy_avatar`: pictures are
    kept here, so another one than before is to be copied.
    """

    profile: users.Profile
    authorization: accounts.Authorization
    session: sessions.Session
    grant: grants.NewGrant
    old_cookie: bytes | None = field(repr=False)
    expected_user: str | None
    pushed_request: bytes | None
    request_id: str | None
    copy_avatar: bool = False

    def at(self, status_index: int | None) -> Self:
        """The same, its grant with this place in the status lists."""
        return replace(self, grant=replace(self.grant, status_index=status_index))

    def about(self, session_id: str, user_id: str | None = None) -> audit.About:
        """What its event tells."""
        return {
            "user_id": user_id,
            "client_id": self.grant.client_id,
            "session_id": session_id,
            "grant_id": self.grant.id,
            "registration": self.authorization.registration,
            "request_id": self.request_id,
        }


@dataclass(frozen=True, slots=True)
class Continuation:
    """Everything a login from a live session writes; the session lives on to `session_until`, epoch seconds."""

    session: sessions.LiveSession
    session_until: int
    grant: grants.NewGrant
    pushed_request: bytes | None
    request_id: str | None

    def at(self, status_index: int | None) -> Self:
        """The same, its grant with this place in the status lists."""
        return replace(self, grant=replace(self.grant, status_index=status_index))

    def about(self) -> audit.About:
        """What its event tells."""
        return {
            "user_id": self.session.user_id,
            "client_id": self.grant.client_id,
            "session_id": self.session.id,
            "grant_id": self.grant.id,
            "registration": self.session.registration,
            "request_id": self.request_id,
            "reason": "session",
        }


@dataclass(frozen=True, slots=True)
class Written:
    """It is written, and the code may go out. `new_avatar`: the name under which their picture is to be copied."""

    user_id: str
    new_avatar: str | None = None


@dataclass(frozen=True, slots=True)
class Blocked:
    """An operator has blocked this person: no session, no code."""


class TurnedAway(Exception):
    """The sign-in is refused and everything rolled back; `reason` is what `refuse` keeps of it."""

    reason: ClassVar[str]


class LoginSpent(TurnedAway):
    """The login was finished before, or its client is no longer welcome: everything is rolled back."""

    reason = "login_spent"


class SomebodyElse(TurnedAway):
    """The person is not the one the app said it would be: everything is rolled back."""

    reason = "somebody_else"


class TakenBack(TurnedAway):
    """The person has taken the consent back while TikTok vouched for them: everything is rolled back."""

    reason = "taken_back"


class SessionOver(Exception):
    """The session ended meanwhile: everything is rolled back."""


async def record(tx: Transaction, sign_in: SignIn, *, now: int) -> Written | Blocked:
    """Write a sign-in. Raises `LoginSpent`, `SomebodyElse` and `TakenBack`, by which nothing is written."""
    user = await _user(tx, sign_in, now=now)
    if user.new_avatar is not None:
        await avatars.ask(tx, user.id, user.new_avatar, now=now)
    if user.blocked:
        await _refused(tx, sign_in, user.id, "blocked", now=now)
        return Blocked()
    if sign_in.expected_user is not None and user.id != sign_in.expected_user:
        raise SomebodyElse
    account_id = await accounts.upsert(tx, sign_in.authorization, user_id=user.id, now=now)
    if account_id is None:
        raise TakenBack
    session_id = await _session(tx, sign_in, user_id=user.id, account_id=account_id, now=now)
    await _begin(tx, sign_in.grant, sign_in.pushed_request, user.id, account_id, session_id, now=now)
    await audit.record(tx, "sign_in", actor="user", now=now, **sign_in.about(session_id, user.id))
    return Written(user.id, user.new_avatar)


async def refuse(tx: Transaction, sign_in: SignIn, reason: str, *, now: int) -> None:
    """Keep that a sign-in was `TurnedAway`, once it has been rolled back; of a stranger, without who it was."""
    await _refused(tx, sign_in, await users.id_of(tx, sign_in.profile.union_id), reason, now=now)


async def refuse_session(
    tx: Transaction,
    session: sessions.LiveSession,
    *,
    client_id: str,
    request_id: str | None,
    reason: str,
    now: int,
) -> None:
    """Keep that somebody who is signed in was not signed in to this app."""
    await audit.record(
        tx,
        "sign_in.refused",
        actor="user",
        user_id=session.user_id,
        client_id=client_id,
        session_id=session.id,
        registration=session.registration,
        request_id=request_id,
        reason=reason,
        now=now,
    )


async def resume(tx: Transaction, again: Continuation, *, now: int) -> Written:
    """Write a sign-in from a live session. Raises `LoginSpent` and `SessionOver`, by which nothing is written."""
    session, grant = again.session, again.grant
    if not await sessions.slide(tx, session.id, until=again.session_until, now=now):
        raise SessionOver
    await _begin(tx, grant, again.pushed_request, session.user_id, session.account_id, session.id, now=now)
    await audit.record(tx, "sign_in", actor="user", now=now, **again.about())
    return Written(session.user_id)


async def _user(tx: Transaction, sign_in: SignIn, *, now: int) -> users.User:
    """The person, under the `sub` that an import has promised them if there is one."""
    vouched = {"registration": sign_in.authorization.registration, "open_id": sign_in.authorization.open_id}
    user = await users.upsert(tx, sign_in.profile, **vouched, copy_avatar=sign_in.copy_avatar, now=now)
    if not user.awaited:
        return user
    sub, unwanted = await joining.join(
        tx,
        user.id,
        new=user.new,
        union_id=sign_in.profile.union_id,
        **vouched,
        request_id=sign_in.request_id,
        now=now,
    )
    return replace(user, id=sub, blocked=user.blocked or unwanted)


async def _refused(tx: Transaction, sign_in: SignIn, user_id: str | None, reason: str, *, now: int) -> None:
    await audit.record(
        tx,
        "sign_in.refused",
        actor="user",
        user_id=user_id,
        client_id=sign_in.grant.client_id,
        registration=sign_in.authorization.registration,
        request_id=sign_in.request_id,
        reason=reason,
        now=now,
    )


async def _session(tx: Transaction, sign_in: SignIn, *, user_id: str, account_id: str, now: int) -> str:
    """The browser's session: its own one renewed, or a new one, ending that of whoever was signed in before."""
    session = sign_in.session
    if sign_in.old_cookie is not None:
        renewed = await sessions.renew(
            tx, sign_in.old_cookie, session, user_id=user_id, account_id=account_id, now=now
        )
        if renewed is not None:
            return renewed
        before = await sessions.id_of(tx, sign_in.old_cookie)
        if before is not None:
            await sessions.end(
                tx,
                before,
                reason="replaced",
                client_id=sign_in.grant.client_id,
                request_id=sign_in.request_id,
                now=now,
            )
    await sessions.begin(tx, session, user_id=user_id, account_id=account_id)
    return session.id


async def _begin(
    tx: Transaction,
    grant: grants.NewGrant,
    pushed_request: bytes | None,
    user_id: str,
    account_id: str,
    session_id: str,
    *,
    now: int,
) -> None:
    if pushed_request is not None and not await pushed.spend(tx, pushed_request, now=now):
        raise LoginSpent
    begun = await grants.begin(tx, grant, user_id=user_id, account_id=account_id, session_id=session_id, now=now)
    if not begun:
        raise LoginSpent
