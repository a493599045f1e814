"""TikTok's tokens: sealed when they come in, kept alive, and opened only for whoever is to use one now.

Routes: none. A pair is bound to its account, so that a row's tokens open nowhere else. Of all callers of all
replicas that find a pair near its end one refreshes it, holding a lease and no lock; the others wait for what it
stores. Whether an app may have a token at all is left to the token endpoint.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from broker import log, log_request, opaque, telemetry
from broker.clock import Clock
from broker.opaque import Secret
from broker.sealing import Sealer
from broker.store import token_pairs
from broker.store.accounts import Authorization
from broker.store.database import Database, DatabaseUnavailable
from broker.store.token_pairs import Kept, NewPair
from broker.upstream.connector import Rejected, SignedIn, TokenPair, Trace, Unavailable, UpstreamError
from broker.upstream.tiktok import TikTok

_log = log.get("vault")
_PURPOSE: Final = "tiktok tokens"
FRESH_SECONDS: Final = 120
"""With less than this left a token is refreshed before it is used."""
# Longer than the slowest call to TikTok and its one repetition, with room for clocks that differ.
_LEASE_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.1
_MOST_LOOKS: Final = 100
_CALM_SECONDS: Final = 1


class SignInNeeded(Exception):
    """TikTok's tokens of this account are gone; only a new sign-in brings others. The words are for the log."""


@dataclass(frozen=True, slots=True)
class LiveToken:
    """A TikTok access token that is good now, and as far as TikTok said until `expires_at` (epoch seconds)."""

    access_token: Secret
    expires_at: int
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals pairs and keeps them alive. `pause` waits for so many seconds."""

    database: Database
    sealer: Sealer
    tiktok: Mapping[str, TikTok]
    clock: Clock
    pause: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)

    def authorization(self, registration: str, signed_in: SignedIn, *, in_doubt_from: int) -> Authorization:
        """What a sign-in yielded for its account, tokens sealed."""
        tokens, open_id = signed_in.tokens, signed_in.identity.open_id
        return Authorization(
            registration=registration,
            open_id=open_id,
            granted_scope=" ".join(tokens.scopes),
            sealed_tokens=self.seal(tokens, registration, open_id),
            access_expires_at=tokens.access_expires_at,
            refresh_expires_at=tokens.refresh_expires_at,
            in_doubt_from=in_doubt_from,
        )

    def seal(self, tokens: TokenPair, registration: str, open_id: str) -> bytes:
        """The pair as the row of this account may hold it."""
        pair = [tokens.access_token.reveal(), tokens.refresh_token.reveal()]
        return self.sealer.seal(orjson.dumps(pair), purpose=_PURPOSE, row=_row(registration, open_id))

    def open(self, sealed: bytes, registration: str, open_id: str) -> tuple[Secret, Secret]:
        """Access token and refresh token. Raises `Unsealable` when the secret key they need is not there."""
        pair = self.sealer.open(sealed, purpose=_PURPOSE, row=_row(registration, open_id))
        access_token, refresh_token = orjson.loads(pair)
        return Secret(access_token), Secret(refresh_token)

    async def live(self, kept: Kept) -> LiveToken:
        """A live access token of this account, refreshed at TikTok when less than two minutes remain.

        Raises `SignInNeeded`, `UpstreamError` when TikTok cannot be asked now, `DatabaseUnavailable`.
        """
        found = kept.sealed_tokens
        for _ in range(_MOST_LOOKS):
            now = self.clock()
            if kept.sealed_tokens is None:
                raise SignInNeeded("there are no tokens of this account")
            if kept.lease_until is not None:
                await self._wait_or_bury(kept, now)
            # What was renewed meanwhile is not renewed again, however short TikTok lets it live.
            elif kept.access_expires_at - now >= FRESH_SECONDS or kept.sealed_tokens != found:
                return self._opened(kept)
            elif kept.refresh_expires_at <= now:
                raise SignInNeeded("the refresh token has expired")
            else:
                try:
                    await self._refresh(kept, now)
                except Unavailable:
                    # TikTok has kept the pair as it was, and it is good to its last second.
                    if self.clock() >= kept.access_expires_at:
                        raise
                    return self._opened(kept)
            kept = await self._again(kept)
        raise Unavailable("another replica has been refreshing this pair for too long", Trace("refresh"))

    async def _again(self, kept: Kept) -> Kept:
        found = await self.database.read(token_pairs.of_account, kept.account_id)
        if found is None:
            raise SignInNeeded("the account is gone")
        return found

    async def _wait_or_bury(self, kept: Kept, now: int) -> None:
        if kept.lease_until is not None and now < kept.lease_until:
            await self.pause(_LOOK_SECONDS)
            return
        buried = await self.database.transact(
            token_pairs.bury,
            kept.account_id,
            registration=kept.registration,
            request_id=log_request.current_id(),
            now=now,
        )
        if buried:
            _count(kept, "lost")
            _log.error("tiktok_tokens.lost", registration=kept.registration, reason="abandoned")

    async def _refresh(self, kept: Kept, now: int) -> None:
        """Refresh the pair unless somebody else is at it. Raises `UpstreamError` when that left it as it was."""
        tiktok = self.tiktok.get(kept.registration)
        if tiktok is None:
            raise SignInNeeded("the registration of this account is not configured any more")
        # Before the lease: a pair that does not open here, for want of a secret key, is not given up for that.
        _, refresh_token = self._pair_of(kept)
        lease = opaque.identifier()
        until = now + _LEASE_SECONDS
        if not await self.database.run(token_pairs.lease, kept, lease, until=until, now=now):
            return
        try:
            issued = await tiktok.refresh(refresh_token)
        except UpstreamError as error:
            await self._not_refreshed(kept, lease, error)
            raise
        if not opaque.equal(issued.open_id.encode(), kept.open_id.encode()):
            await self._give_up(kept, lease, "another_account")
            raise SignInNeeded("TikTok answered with the tokens of somebody else")
        await self._store(kept, lease, issued.tokens, until)
        _count(kept, "done")

    async def _store(self, kept: Kept, lease: str, tokens: TokenPair, until: int) -> None:
        """Keep what TikTok answered before anybody uses it. The old pair is dead: the database is given time."""
        pair = NewPair(
            sealed_tokens=self.seal(tokens, kept.registration, kept.open_id),
            granted_scope=" ".join(tokens.scopes) or kept.granted_scope,
            access_expires_at=tokens.access_expires_at,
            refresh_expires_at=tokens.refresh_expires_at,
        )
        while True:
            try:
                await self.database.run(token_pairs.renew, kept.account_id, lease, pair)
            except DatabaseUnavailable:
                if self.clock() >= until - _CALM_SECONDS:
                    raise
                await self.pause(_CALM_SECONDS)
            else:
                return

    async def _not_refreshed(self, kept: Kept, lease: str, error: UpstreamError) -> None:
        """What a failed refresh leaves behind: the pair as it was only where TikTok has certainly not renewed it.

        Raises `SignInNeeded` otherwise.
        """
        if isinstance(error, Rejected):
            await self._give_up(kept, lease, "refused")
            raise SignInNeeded(str(error)) from error
        if isinstance(error, Unavailable) and not _certainly_not_renewed(error):
            await self._give_up(kept, lease, "answer_lost")
            raise SignInNeeded(str(error)) from error
        _count(kept, "unavailable")
        _log.warning("tiktok_tokens.not_refreshed", registration=kept.registration, **error.trace.fields())
        await self.database.run(token_pairs.release, kept.account_id, lease)

    async def _give_up(self, kept: Kept, lease: str, reason: str) -> None:
        _count(kept, "dead" if reason == "refused" else "lost")
        _log.error("tiktok_tokens.lost", registration=kept.registration, reason=reason)
        await self.database.transact(
            token_pairs.give_up,
            kept.account_id,
            lease,
            registration=kept.registration,
            reason=reason,
            request_id=log_request.current_id(),
            now=self.clock(),
        )

    def _opened(self, kept: Kept) -> LiveToken:
        access_token, _ = self._pair_of(kept)
        return LiveToken(access_token, kept.access_expires_at, tuple(kept.granted_scope.split()))

    def _pair_of(self, kept: Kept) -> tuple[Secret, Secret]:
        return self.open(kept.sealed_tokens or b"", kept.registration, kept.open_id)


def resealed(sealer: Sealer, sealed: bytes, registration: str, open_id: str) -> bytes:
    """The same pair under the first secret key. Raises `Unsealable`."""
    return sealer.reseal(sealed, purpose=_PURPOSE, row=_row(registration, open_id))


def _row(registration: str, open_id: str) -> str:
    return f"{registration} {open_id}"


def _certainly_not_renewed(error: Unavailable) -> bool:
    """Whether TikTok got no request, or answered it with an error or a status that is no success."""
    status = error.trace.status
    return error.nothing_sent or error.trace.error is not None or (status is not None and not 200 <= status < 300)


def _count(kept: Kept, outcome: str) -> None:
    telemetry.TIKTOK_REFRESHES.labels(kept.registration, outcome).inc()
