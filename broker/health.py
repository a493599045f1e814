"""`GET /healthz`: the process lives. `GET /readyz`: it can serve; TikTok being down does not matter to that."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker import log
from broker.claims import Claims
from broker.clock import Clock
from broker.leaving import Leaving
from broker.store import revision
from broker.store.database import Database, DatabaseUnavailable
from broker.web import limits
from broker.web.errors import Json

_log = log.get("health")


@dataclass(frozen=True, slots=True)
class Health:
    """Tells a load balancer whether to send requests here."""

    database: Database
    claims: Claims
    leaving: Leaving
    clock: Clock

    def routes(self) -> list[Route]:
        """`GET /healthz` and `GET /readyz`."""
        return [
            Route("/healthz", self.alive, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
        ]

    async def alive(self, _request: Request) -> Response:
        """200 whenever the process can answer at all."""
        return Json({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """200 with a schema this release can run on and keys to sign with, until it is to end; or 503."""
        if self.leaving.begun:
            return _not_ready("The process is about to end.")
        try:
            found = await self.database.read(revision.current)
        except DatabaseUnavailable as error:
            _log.warning("not_ready", detail=str(error))
            return _not_ready("The database does not answer.")
        if not revision.runs_on(found):
            return _not_ready("This release cannot run on the database's revision; run `broker db upgrade`.")
        if not self.claims.can_sign(now=self.clock()):
            return _not_ready(
                "A key that signs does not open; `broker doctor` tells what BROKER_SECRET_KEYS lacks."
            )
        return Json({"status": "ready"})


def _not_ready(reason: str) -> Response:
    return Json({"status": "not ready", "reason": reason}, 503, {"Retry-After": limits.RETRY_AFTER})
