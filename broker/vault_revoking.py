"""Taking a person out of our app at TikTok, with the pair that was theirs: one delivery of the outbox."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from broker import log, opaque
from broker.opaque import Secret
from broker.store import revocations
from broker.store.database import DatabaseUnavailable
from broker.store.outbox import Outcome
from broker.store.revocations import Revocation
from broker.upstream.connector import Misconfigured, Rejected, Trace, UpstreamError
from broker.upstream.tiktok import TikTok
from broker.vault import FRESH_SECONDS, Vault

_log = log.get("tiktok_revocation")
_MOST_STORINGS: Final = 8
_CALM_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class TikTokRevocation:
    """Revokes at TikTok. The access token does it, so one that is about to expire is refreshed first."""

    vault: Vault

    async def deliver(self, payload: Mapping[str, Any]) -> Outcome:
        """Until TikTok has done it, or nothing is left to do."""
        revocation = Revocation.of(dict(payload))
        registration = revocation.registration
        if await self.vault.database.read(revocations.is_outdated, revocation):
            _log.info("tiktok_revocation.outdated", registration=registration)
            return Outcome.DONE
        tiktok = self.vault.tiktok.get(registration)
        if tiktok is None:
            _log.error("tiktok_revocation.failed", registration=registration, reason="not configured any more")
            return Outcome.AGAIN
        try:
            await tiktok.revoke(await self._access_token(tiktok, revocation))
        except UpstreamError as error:
            return _after(error, registration)
        _log.info("tiktok_revocation.done", registration=registration)
        return Outcome.DONE

    async def _access_token(self, tiktok: TikTok, revocation: Revocation) -> Secret:
        """One that TikTok still takes. Raises `UpstreamError`."""
        now = self.vault.clock()
        access_token, refresh_token = self.vault.open(
            revocation.sealed_tokens, revocation.registration, revocation.open_id
        )
        if revocation.access_expires_at - now >= FRESH_SECONDS:
            return access_token
        if revocation.refresh_expires_at <= now:
            raise Rejected("both tokens have expired", Trace("refresh"))
        issued = await tiktok.refresh(refresh_token)
        if not opaque.equal(issued.open_id.encode(), revocation.open_id.encode()):
            raise Rejected("TikTok answered with the tokens of somebody else", Trace("refresh"))
        sealed = self.vault.seal(issued.tokens, revocation.registration, revocation.open_id)
        await self._keep(
            replace(
                revocation,
                sealed_tokens=sealed,
                access_expires_at=issued.tokens.access_expires_at,
                refresh_expires_at=issued.tokens.refresh_expires_at,
            )
        )
        return issued.tokens.access_token

    async def _keep(self, revocation: Revocation) -> None:
        """Before it is used: the pair before is dead, and this one may be needed for another try."""
        for storing in range(_MOST_STORINGS):
            try:
                await self.vault.database.run(revocations.renew, revocation)
            except DatabaseUnavailable:
                if storing == _MOST_STORINGS - 1:
                    raise
                await self.vault.pause(_CALM_SECONDS)
            else:
                return


def _after(error: UpstreamError, registration: str) -> Outcome:
    """What the failure makes of the delivery, told to the log."""
    said = {"registration": registration, "reason": error.sentence, **error.trace.fields()}
    if isinstance(error, Rejected):
        # Then the person has taken us out already, or nobody has a token any more that could.
        _log.warning("tiktok_revocation.not_needed", **said)
        return Outcome.DONE
    if isinstance(error, Misconfigured):
        _log.error("tiktok_revocation.failed", **said)
    else:
        _log.warning("tiktok_revocation.waiting", **said)
    return Outcome.AGAIN
