"""What TikTok vouched for, written in one transaction: user, account, session, grant and its code, audit."""

from dataclasses import dataclass

from broker.store import accounts, audit, grants, sessions, users
from broker.store.database import Transaction


@dataclass(frozen=True, slots=True)
class SignIn:
    """Everything a finished login writes."""

    profile: users.Profile
    authorization: accounts.Authorization
    session: sessions.Session
    grant: grants.NewGrant
    request_id: str | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """It is written, and the code may go out."""

    user_id: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """An operator has blocked this person: no session, no code."""


class LoginSpent(Exception):
    """The login was finished before, or its client is no longer welcome: everything is rolled back."""


async def record(tx: Transaction, sign_in: SignIn, *, now: int) -> SignedIn | Blocked:
    """Write the sign-in. Raises `LoginSpent`, by which nothing is written."""
    user = await users.upsert(tx, sign_in.profile, now=now)
    grant = sign_in.grant
    registration = sign_in.authorization.registration
    if user.blocked:
        await audit.record(
            tx,
            "sign_in.refused",
            actor="user",
            user_id=user.id,
            client_id=grant.client_id,
            registration=registration,
            request_id=sign_in.request_id,
            reason="blocked",
            now=now,
        )
        return Blocked()
    account_id = await accounts.upsert(tx, sign_in.authorization, user_id=user.id, now=now)
    session = sign_in.session
    await sessions.begin(tx, session, user_id=user.id, account_id=account_id)
    begun = await grants.begin(tx, grant, user_id=user.id, account_id=account_id, session_id=session.id, now=now)
    if not begun:
        raise LoginSpent
    await audit.record(
        tx,
        "sign_in",
        actor="user",
        user_id=user.id,
        client_id=grant.client_id,
        session_id=session.id,
        grant_id=grant.id,
        registration=registration,
        request_id=sign_in.request_id,
        now=now,
    )
    return SignedIn(user.id)
