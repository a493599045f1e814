"""`GET /avatars/{name}`: a copied picture, for anybody who has its address, in any page.

A name stands for one picture, so an answer may be kept for good. A name that has been superseded leads to the
person's picture of now. It tells nothing of whose picture it is.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.store import avatars
from broker.store.avatars import Copy
from broker.store.database import Database
from broker.web import documents, limits
from broker.web.errors import Json

PATH: Final = "/avatars"
_NAME: Final = re.compile(r"[a-z2-7]{40}")
# Seconds between looks for a picture that is just being copied.
_PAUSES: Final = (0.05, 0.15, 0.3, 0.5)
_EMBEDDABLE: Final = {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
_HARMLESS: Final = {"Content-Security-Policy": "default-src 'none'; sandbox"}
_FOR_GOOD: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class Avatars:
    """Shows copies."""

    database: Database

    def routes(self) -> list[Route]:
        """`GET /avatars/{name}`."""
        return [Route(f"{PATH}/{{name}}", self.get, methods=["GET"])]

    async def get(self, request: Request) -> Response:
        """The picture; the way to the present one; or 404, with `Retry-After` while it is being copied."""
        name = request.path_params["name"]
        if not _NAME.fullmatch(name):
            return _nothing({})
        copy, awaited = await self._look(name)
        if copy is None:
            return _nothing({"Retry-After": limits.RETRY_AFTER} if awaited else {})
        if copy.name != name:
            # Apps keep addresses for months. Which picture is the present one changes, so this answer is not kept.
            return Response(None, 302, {"Location": f"{PATH}/{copy.name}", **_EMBEDDABLE})
        return _shown(copy, ",".join(request.headers.getlist("if-none-match")))

    async def _look(self, name: str) -> tuple[Copy | None, bool]:
        """The person's copy, and whether the one of this name is still to come.

        An app shows the picture in the very second of the sign-in: one that is on its way is waited for.
        """
        copy = await self.database.read(avatars.find, name)
        for pause in (*_PAUSES, None):
            if copy is not None and copy.name == name:
                break
            awaited = await self.database.read(avatars.awaited, name)
            if awaited:
                if pause is None:
                    return copy, True
                await asyncio.sleep(pause)
            # Also when nobody is at it any more: it may have come since the look before.
            copy = await self.database.read(avatars.find, name)
            if not awaited:
                break
        return copy, False


def _shown(copy: Copy, known: str) -> Response:
    etag = f'"{copy.name}"'
    headers = {"ETag": etag, **_FOR_GOOD, **_EMBEDDABLE, **_HARMLESS}
    if documents.knows(known.encode("latin-1"), etag.encode()):
        return Response(None, 304, headers)
    return Response(copy.image, 200, headers, media_type=copy.media_type)


def _nothing(headers: Mapping[str, str]) -> Response:
    refusal = {"error": "not_found", "error_description": "There is no picture at this address."}
    return Json(refusal, 404, {**headers, **_EMBEDDABLE})
