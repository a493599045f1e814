"""Issuing a code: the grant it begins, written with all that was vouched for in one transaction."""

from dataclasses import dataclass, field

from starlette.requests import Request

from broker import opaque
from broker.clock import Clock
from broker.indices import Indices
from broker.login.request import Asked
from broker.login.started import Login
from broker.oauth.authorization_request import AuthorizationRequest
from broker.outbox import Outbox
from broker.store import avatars, sign_ins, sign_ins_at_once
from broker.store.database import Database
from broker.store.grants import NewGrant
from broker.store.sessions import LiveSession, Session
from broker.store.sign_ins import Blocked, Continuation, SignIn, TurnedAway
from broker.store.users import Profile
from broker.upstream.connector import SignedIn
from broker.vault import Vault


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long what a sign-in begins may live, in seconds."""

    code: int
    session: int
    session_max: int
    grant: int


@dataclass(frozen=True, slots=True)
class Issued:
    """A code for the app and, for the browser, the secret of its session."""

    code: str = field(repr=False)
    session_cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Codes:
    """Writes sign-ins. `avatars` is what is to be done with pictures of people: `copy`, `link` or `off`."""

    database: Database
    vault: Vault
    indices: Indices
    lifetimes: Lifetimes
    avatars: str
    outbox: Outbox
    clock: Clock

    async def from_tiktok(
        self, request: Request, login: Login, signed_in: SignedIn, *, asked_at: int, old_cookie: str | None
    ) -> Issued | Blocked:
        """Write what TikTok, asked at `asked_at`, vouched for.

        Raises `LoginSpent`, `SomebodyElse`, `TakenBack`, `DatabaseUnavailable`.
        """
        now = self.clock()
        code, cookie = opaque.secret("brc_"), opaque.secret()
        identity = signed_in.identity
        sign_in = SignIn(
            profile=Profile(
                identity.union_id,
                identity.display_name,
                identity.username,
                identity.avatar_url if self.avatars != "off" else None,
            ),
            authorization=self.vault.authorization(
                login.registration,
                signed_in,
                # What was taken back in the very second in which this login began is what it brings anew.
                in_doubt_from=max(asked_at, login.started_at + 1),
            ),
            session=self._session(cookie, now),
            grant=self._grant(
                code,
                login,
                login_digest=login.digest,
                client_id=login.client_id,
                redirect_uri=login.redirect_uri,
                auth_time=now,
                now=now,
            ),
            old_cookie=opaque.digest(old_cookie) if old_cookie else None,
            expected_user=login.expected_user,
            pushed_request=opaque.from_base64url(login.pushed) if login.pushed else None,
            request_id=request.scope["broker.request_id"],
            copy_avatar=self.avatars == "copy",
        )
        try:
            outcome = await self.indices.placing(
                lambda place: self.database.run(sign_ins_at_once.record, sign_in.at(place), now=now)
            )
        except TurnedAway as refusal:
            await self.database.transact(sign_ins.refuse, sign_in, refusal.reason, now=now)
            raise
        if isinstance(outcome, Blocked):
            return outcome
        if outcome.new_avatar is not None:
            link = sign_in.profile.avatar_url
            self.outbox.begin(avatars.copying(outcome.user_id, outcome.new_avatar, link=link, now=now))
        return Issued(code, cookie)

    async def from_session(
        self, request: Request, asked: Asked, wanted: AuthorizationRequest, session: LiveSession
    ) -> str:
        """A code from a live session. Raises `LoginSpent`, `SessionOver`, `DatabaseUnavailable`."""
        now = self.clock()
        code = opaque.secret("brc_")
        again = Continuation(
            session=session,
            session_until=now + self.lifetimes.session,
            grant=self._grant(
                code,
                wanted,
                # No login was begun at TikTok: this one is spent by being unheard of.
                login_digest=opaque.random_bytes(32),
                client_id=asked.client.client_id,
                redirect_uri=asked.reply_to.redirect_uri,
                auth_time=session.auth_time,
                now=now,
            ),
            pushed_request=asked.pushed,
            request_id=request.scope["broker.request_id"],
        )
        await self.indices.placing(
            lambda place: self.database.run(sign_ins_at_once.resume, again.at(place), now=now)
        )
        return code

    async def refused(self, request: Request, client_id: str, session: LiveSession, reason: str) -> None:
        """Keep that somebody who is signed in was not signed in to this app. Raises `DatabaseUnavailable`."""
        await self.database.transact(
            sign_ins.refuse_session,
            session,
            client_id=client_id,
            request_id=request.scope["broker.request_id"],
            reason=reason,
            now=self.clock(),
        )

    def _grant(
        self,
        code: str,
        wanted: Login | AuthorizationRequest,
        *,
        login_digest: bytes,
        client_id: str,
        redirect_uri: str,
        auth_time: int,
        now: int,
    ) -> NewGrant:
        return NewGrant(
            id=opaque.identifier(),
            client_id=client_id,
            login_digest=login_digest,
            code_digest=opaque.digest(code),
            code_expires_at=now + self.lifetimes.code,
            redirect_uri=redirect_uri,
            code_challenge=wanted.code_challenge,
            code_jkt=wanted.code_jkt,
            nonce=wanted.nonce,
            scope=" ".join(wanted.scope),
            resources=" ".join(wanted.resources),
            offline="offline_access" in wanted.scope,
            auth_time=auth_time,
            expires_at=now + self.lifetimes.grant,
        )

    def _session(self, cookie: str, now: int) -> Session:
        return Session(
            id=opaque.identifier("ses_"),
            cookie_digest=opaque.digest(cookie),
            auth_time=now,
            expires_at=now + self.lifetimes.session,
            max_expires_at=now + self.lifetimes.session_max,
        )
