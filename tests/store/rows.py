"""Rows for tests of the store: a client, a person signed in, and correct presentations to change at will."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import text
from sqlalchemy.sql.elements import TextClause

from broker.store import clients, redeeming, rotating, sign_ins_at_once
from broker.store.accounts import Authorization
from broker.store.database import Database, Row, Transaction
from broker.store.grant_rows import Refused, Spent, StaleClient
from broker.store.grants import NewGrant
from broker.store.sessions import Session
from broker.store.sign_ins import Blocked, SignIn, Written
from broker.store.users import Profile

NOW = 1_800_000_000
APP = "cli_app"
CODE = b"digest of the code"
GRANT = "g" * 32
REDIRECT = "https://app.example/callback"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CODE_TTL, REFRESH_TTL, GRANT_TTL, SESSION_TTL = 60, 1_000, 5_000, 3_000

Outcome = Spent | Refused | StaleClient


async def add_client(database: Database, client_id: str = APP) -> None:
    """A registered client, at version 1."""
    metadata = {"redirect_uris": [REDIRECT]}
    assert await database.transact(clients.add, client_id, metadata, b"digest of the secret", now=NOW)


def profile(**changes: Any) -> Profile:
    """What TikTok told of one person."""
    fields: dict[str, Any] = {"union_id": "u1", "display_name": "Ada", "username": None, "avatar_url": None}
    return Profile(**(fields | changes))


def authorization(**changes: Any) -> Authorization:
    """What TikTok granted for one account."""
    fields: dict[str, Any] = {
        "registration": "default",
        "open_id": "o1",
        "granted_scope": "user.info.basic",
        "sealed_tokens": b"sealed",
        "access_expires_at": NOW + 86_400,
        "refresh_expires_at": NOW + 31_536_000,
        "in_doubt_from": NOW + 1,
    }
    return Authorization(**(fields | changes))


def new_grant(**changes: Any) -> NewGrant:
    """A grant about to begin, for the client `APP`."""
    fields: dict[str, Any] = {
        "id": GRANT,
        "client_id": APP,
        "login_digest": b"digest of the login",
        "code_digest": CODE,
        "code_expires_at": NOW + CODE_TTL,
        "redirect_uri": REDIRECT,
        "code_challenge": CHALLENGE,
        "code_jkt": None,
        "nonce": "n",
        "scope": "openid profile offline_access",
        "resources": "",
        "offline": True,
        "auth_time": NOW,
        "expires_at": NOW + GRANT_TTL,
    }
    return NewGrant(**(fields | changes))


def sign_in(
    *, person: Profile | None = None, account: Authorization | None = None, session: str = "ses_1", **grant: Any
) -> SignIn:
    """A finished login in a fresh browser; `grant` changes fields of its grant."""
    opened = Session(session, session.encode(), NOW, NOW + SESSION_TTL, NOW + SESSION_TTL)
    return SignIn(
        profile=person or profile(),
        authorization=account or authorization(),
        session=opened,
        grant=new_grant(**grant),
        old_cookie=None,
        expected_user=None,
        pushed_request=None,
        request_id="request-1",
    )


def sign_in_of_another() -> SignIn:
    """Somebody else's finished login, in another browser."""
    return sign_in(
        person=profile(union_id="u2"),
        account=authorization(open_id="o2"),
        session="ses_2",
        id="g2",
        login_digest=b"l2",
        code_digest=b"c2",
    )


async def record(database: Database, signed: SignIn | None = None, *, now: int = NOW) -> Written | Blocked:
    """Write a sign-in as the callback does."""
    return await database.run(sign_ins_at_once.record, signed or sign_in(), now=now)


async def redeem(database: Database, **changes: Any) -> Outcome:
    """Present the code as `/token` does, correctly but for the changes."""
    correct: dict[str, Any] = {
        "code_digest": CODE,
        "client_id": APP,
        "client_version": 1,
        "redirect_uri": REDIRECT,
        "code_challenge": CHALLENGE,
        "jkt": None,
        "refresh_jkt": None,
        "refresh_kid": "00000001",
        "refresh_expires_at": NOW + REFRESH_TTL,
        "access_expires_at": NOW + 600,
        "request_id": "request-2",
        "now": NOW,
    }
    return await database.run(redeeming.redeem, **(correct | changes))


async def rotate(database: Database, generation: int = 0, **changes: Any) -> Outcome:
    """Present a genuine refresh token as `/token` does, correctly but for the changes."""
    now = changes.get("now", NOW)
    correct: dict[str, Any] = {
        "grant_id": GRANT,
        "client_id": APP,
        "client_version": 1,
        "generation": generation,
        "refresh_jkt": None,
        "refresh_kid": "00000001",
        "refresh_expires_at": now + REFRESH_TTL,
        "access_expires_at": now + 660,
        "grace": 60,
        "request_id": "request-2",
        "now": now,
    }
    return await database.run(rotating.rotate, **(correct | changes))


async def row(database: Database, sql: str) -> dict[str, Any]:
    """The one row that `sql` answers."""
    found = await database.read(_one, text(sql))
    assert found is not None, sql
    return dict(cast("Mapping[str, Any]", found))  # which both drivers' rows are


async def grant_row(database: Database) -> dict[str, Any]:
    """The grant as it stands."""
    return await row(database, "SELECT * FROM grants")


async def _one(tx: Transaction, statement: TextClause) -> Row | None:
    return await tx.one(statement)
