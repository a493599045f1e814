"""`POST /webhooks/tiktok`: TikTok tells that something happened, above all that somebody took a consent back.

A genuine delivery is written down, with the work it asks for, in one transaction and answered with 200 at once;
the outbox does the work. TikTok repeats whatever got another answer for three days, and repeats now and then what
got a 200: the row of a delivery decides that its work is done once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker import log, telemetry
from broker.clock import Clock
from broker.oauth.errors import OAuthError, invalid_request
from broker.outbox import Outbox
from broker.rates.allowance import Allowance
from broker.store import deauthorization, deliveries
from broker.store.database import Database
from broker.store.deauthorization import Deauthorized, Outdated
from broker.store.deliveries import Arrival
from broker.store.outbox import Outcome
from broker.upstream import tiktok_events
from broker.upstream.tiktok_events import Event, Forged, Malformed, WebhookKeys
from broker.web import limits
from broker.web.errors import back_channel
from broker.web.requests import read_address, read_body

_log = log.get("webhook")
_SENDER: Final = "tiktok"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Takes TikTok's deliveries; `apps` by client key."""

    apps: Mapping[str, WebhookKeys]
    database: Database
    outbox: Outbox
    allowance: Allowance
    clock: Clock

    def routes(self) -> list[Route]:
        """`POST /webhooks/tiktok`."""
        return [Route("/webhooks/tiktok", back_channel(self.post, challenge=_challenge), methods=["POST"])]

    async def post(self, request: Request) -> Response:
        """200 without a body to what TikTok signed. Raises `OAuthError`, `DatabaseUnavailable`."""
        address = read_address(request)
        self.allowance.try_proof(_SENDER, address)
        body = await read_body(request, most=limits.WEBHOOK)
        now = self.clock()
        try:
            event = tiktok_events.read(
                self.apps, request.headers.getlist(tiktok_events.SIGNATURE_HEADER), body, now=now
            )
        except Forged as error:
            self.allowance.failed(_SENDER, address)
            _count(error.registration, "refused")
            detail = f"{error} (registration: {error.registration or 'none'})"
            raise OAuthError(
                "invalid_signature", "The delivery is not signed by TikTok.", detail, status=401
            ) from None
        except Malformed as error:
            _count(error.registration, "refused")
            if error.registration is None:
                self.allowance.failed(_SENDER, address)
            else:
                # Signed, and not as documented: TikTok has changed something.
                _log.warning("webhook.malformed", registration=error.registration, reason=str(error))
            raise invalid_request("The delivery is not of the form that TikTok documents.") from None
        await self._take(event, request.scope["broker.request_id"], now)
        return Response()

    async def _take(self, event: Event, request_id: str, now: int) -> None:
        arrival = Arrival(event.digest, event.registration, event.name, event.open_id, event.occurred_at)
        work = _work(event, request_id)
        new = await self.database.transact(deliveries.take, arrival, work, now=now)
        if new and work is not None:
            self.outbox.nudge(arrival.work_id)
        stale = event.age > tiktok_events.FRESH_AGE
        _count(event.registration, "stale" if stale else "taken" if new else "repeated")
        # Not one word of who it is about.
        said = {
            "registration": event.registration,
            "kind": event.name,
            "delivery": event.digest.hex()[:12],
            "age": event.age,
            "repeated": not new,
        }
        if stale:
            _log.warning("webhook.stale", **said)
        else:
            _log.info("webhook.taken", **said)


@dataclass(frozen=True, slots=True)
class Events:
    """Does what TikTok's events ask for."""

    database: Database
    clock: Clock

    async def deliver(self, payload: Mapping[str, Any]) -> Outcome:
        """End what began through an account whose authorization was removed: one delivery of the outbox."""
        outcome = await self.database.transact(
            deauthorization.deauthorize,
            registration=payload["registration"],
            open_id=payload["open_id"],
            occurred_at=payload["occurred_at"],
            reason=payload["reason"],
            erase=payload["erase"],
            # What the release before this one put there has none.
            request_id=payload.get("request_id"),
            now=self.clock(),
        )
        line = {"registration": payload["registration"], "reason": payload["reason"]}
        match outcome:
            case Deauthorized(sessions=sessions, grants=grants):
                _log.info("authorization.removed", **line, sessions=sessions, grants=grants)
            case Outdated():
                _log.warning("authorization.removed_before_the_newest_sign_in", **line)
            case None:
                _log.info("authorization.removed_from_a_stranger", **line)
        return Outcome.DONE


def _work(event: Event, request_id: str) -> dict[str, Any] | None:
    """What the outbox keeps of an event; None when there is nothing to be done."""
    if event.removal is None:
        return None
    return {
        "registration": event.registration,
        "open_id": event.open_id,
        "occurred_at": event.occurred_at,
        "reason": event.removal.reason,
        "erase": event.removal.erases,
        "request_id": request_id,
    }


def _count(registration: str | None, outcome: str) -> None:
    telemetry.WEBHOOKS.labels(registration or "unknown", outcome).inc()


def _challenge(_request: Request, error: OAuthError) -> str | None:
    """RFC 9110 §15.5.2: a 401 names the scheme by which to do better."""
    return tiktok_events.SIGNATURE_HEADER if error.status == 401 else None
