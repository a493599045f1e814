"""`GET /healthz`: the process lives. `GET /readyz`: it can serve; TikTok being down does not matter to that."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker import log
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
    leaving: Leaving

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
        """200 with a schema this release can run on, and while nobody ends it; 503 with the reason otherwise."""
        if self.leaving.begun:
            return _not_ready("The process is about to end.")
        try:
            found = await self.database.read(revision.current)
        except DatabaseUnavailable as error:
            _log.warning("not_ready", detail=str(error))
            return _not_ready("The database does not answer.")
        if found != revision.HEAD:
            return _not_ready("The database is not at the revision of this release; run `broker db upgrade`.")
        return Json({"status": "ready"})


def _not_ready(reason: str) -> Response:
    return Json({"status": "not ready", "reason": reason}, 503, {"Retry-After": limits.RETRY_AFTER})
