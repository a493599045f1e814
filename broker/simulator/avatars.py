"""`GET /avatars/…`: pictures behind signed links that really expire.

Source: the example of page "Get User Info" and field reports. The signature covers the query as it was written:
whoever decodes and re-encodes it gets 403, as from TikTok's CDN. `x-expires` is rounded down to the hour.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from broker.simulator import opaque
from broker.simulator.people import Person
from broker.simulator.picture import picture
from broker.simulator.world import World

FOLDER = "/avatars/tos-avt-0068-tx/"

_HOUR = 3_600
_FILE = re.compile(r"([0-9a-f]{32})~c5_([0-9]{2,3})x[0-9]{2,3}\.png")
_EXPIRES = re.compile(r"&x-expires=([0-9]{1,12})$")
_SIGNATURE = "&x-signature="


def avatar_url(world: World, person: Person, size: int, origin: str) -> str:
    """A fresh link to a person's picture of `size` × `size` pixels."""
    expires = world.clock() + world.switches.avatar_lifetime
    if world.switches.avatar_lifetime > 2 * _HOUR:
        expires -= expires % _HOUR
    nonce, refresh_token = opaque.avatar_nonce()
    path = f"{FOLDER}{person.avatar_name}~c5_{size}x{size}.png"
    query = f"lk3s=a5d48078&nonce={nonce}&refresh_token={refresh_token}&x-expires={expires}"
    return f"{world.public_origin or origin}{path}?{query}{_SIGNATURE}{_signature(world, path, query)}"


@dataclass(frozen=True)
class Avatars:
    """The picture host."""

    world: World

    async def respond(self, request: Request) -> Response:
        """The picture as PNG; 403 for a link that was changed or is too old, 404 for no such picture."""
        path: str = request.scope["path"]
        names = _FILE.fullmatch(path.removeprefix(FOLDER))
        if names is None:
            return PlainTextResponse("There is no such picture.\n", 404)
        query, _, signature = request.scope["query_string"].decode("latin-1").rpartition(_SIGNATURE)
        expires = _EXPIRES.search(query)
        if expires is None or not opaque.equal(signature, _signature(self.world, path, query)):
            return PlainTextResponse("The signature of this link is wrong.\n", 403)
        left = int(expires[1]) - self.world.clock()
        if left <= 0:
            return PlainTextResponse("This link has expired.\n", 403)
        headers = {
            "cache-control": f"public, max-age={left}",
            "cross-origin-resource-policy": "cross-origin",
            "x-content-type-options": "nosniff",
        }
        return Response(picture(names[1], int(names[2])), 200, headers, media_type="image/png")


def _signature(world: World, path: str, query: str) -> str:
    digest = hmac.digest(world.avatar_key, f"{path}?{query}".encode(), hashlib.sha256)
    return quote(base64.b64encode(digest[:20]).decode("ascii"), safe="")
