"""`GET /v2/user/info/`: who the person of an access token is, field by field.

Source: pages "Get User Info", "TikTok API v2 Error Handling", "Rate Limits". One field outside the granted scopes
fails the whole call. Not written down, chosen here: missing, repeated and unknown fields are `invalid_params`, and
only calls with a live token count against the limit. `switches.py` has what else nobody knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from broker.simulator import requests
from broker.simulator.answers import ApiRefusal, answer, api_error
from broker.simulator.avatars import avatar_url
from broker.simulator.grants import Pair
from broker.simulator.world import World

FIELD_SCOPES: Mapping[str, str] = {
    "open_id": "user.info.basic",
    "union_id": "user.info.basic",
    "display_name": "user.info.basic",
    "avatar_url": "user.info.basic",
    "avatar_url_100": "user.info.basic",
    "avatar_large_url": "user.info.basic",
    "bio_description": "user.info.profile",
    "profile_deep_link": "user.info.profile",
    "username": "user.info.profile",
    "is_verified": "user.info.profile",
    "follower_count": "user.info.stats",
    "following_count": "user.info.stats",
    "likes_count": "user.info.stats",
    "video_count": "user.info.stats",
}
"""Every field and the scope that it needs."""

_AVATAR_SIZES = {"avatar_url": 168, "avatar_url_100": 100, "avatar_large_url": 720}


@dataclass(frozen=True)
class UserInfo:
    """The user info endpoint."""

    world: World

    async def respond(self, request: Request) -> Response:
        """`data.user` with exactly the fields asked for, or a refusal."""
        log_id = self.world.log_id()
        try:
            pair = self._token(request)
            self._count_against_limit(pair)
            fields = _fields(request)
            if not all(FIELD_SCOPES[field] in pair.scopes for field in fields):
                raise ApiRefusal("scope_not_authorized")
            user = self._user(pair, fields, requests.origin(request))
            error = {"code": "ok", "message": "", "log_id": log_id}
            return answer({"data": {"user": user}, "error": error}, log_id=log_id)
        except ApiRefusal as refusal:
            self.world.count("user_info", "errors")
            switches = self.world.switches
            response = api_error(refusal.code, log_id=log_id, data=switches.user_info_error_data)
            if refusal.code == "rate_limit_exceeded" and switches.user_info_retry_after:
                response.headers["retry-after"] = str(switches.user_info_retry_after)
            return response

    def _count_against_limit(self, pair: Pair) -> None:
        switches = self.world.switches
        name = pair.client_key
        if switches.user_info_limited_by == "person":
            name += f"|{pair.person_id}"
        admitted = self.world.user_info_rate.admit(
            name, limit=switches.user_info_per_minute, now=self.world.clock()
        )
        if not admitted:
            raise ApiRefusal("rate_limit_exceeded")

    def _token(self, request: Request) -> Pair:
        headers = request.headers.getlist("authorization")
        scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        pair = self.world.grants.by_access_token(token, self.world.clock())
        if scheme.lower() != "bearer" or pair is None:
            raise ApiRefusal("access_token_invalid")
        return pair

    def _user(self, pair: Pair, fields: list[str], origin: str) -> dict[str, Any]:
        person = self.world.people[pair.person_id]
        app = self.world.apps[pair.client_key]
        user: dict[str, Any] = {}
        for field in fields:
            match field:
                case "open_id":
                    user[field] = person.open_id(app.client_key)
                case "union_id":
                    user[field] = person.union_id(app.developer)
                case "avatar_url" | "avatar_url_100" | "avatar_large_url":
                    user[field] = avatar_url(self.world, person, _AVATAR_SIZES[field], origin)
                case "profile_deep_link":
                    user[field] = f"https://vm.tiktok.com/{person.avatar_name[:9]}/"
                case _:
                    user[field] = getattr(person, field)
        return user


def _fields(request: Request) -> list[str]:
    """The fields asked for. Raises `ApiRefusal`."""
    try:
        pairs = requests.fields(request.scope["query_string"])
    except requests.Malformed:
        raise ApiRefusal("invalid_params") from None
    if requests.repeated(pairs) is not None:
        raise ApiRefusal("invalid_params")
    fields = dict(pairs).get("fields", "").split(",")
    if len(set(fields)) != len(fields) or not FIELD_SCOPES.keys() >= set(fields):
        raise ApiRefusal("invalid_params")
    return fields
