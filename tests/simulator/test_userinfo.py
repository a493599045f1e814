"""User info, field by field."""

from typing import Any

import httpx
import pytest

from tests.simulator.driver import BASIC, KEY, NOW, PROFILE, STATS, Driver

BASIC_FIELDS = "open_id,union_id,display_name,avatar_url,avatar_url_100,avatar_large_url"
PROFILE_FIELDS = "bio_description,profile_deep_link,username,is_verified"
STATS_FIELDS = "follower_count,following_count,likes_count,video_count"
ALL = (BASIC, PROFILE, STATS)


def refused(response: httpx.Response) -> tuple[int, str]:
    body: dict[str, Any] = response.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message", "log_id"}
    assert body["error"]["log_id"] == response.headers["x-tt-logid"]
    return response.status_code, body["error"]["code"]


async def test_exactly_the_fields_asked_for(tiktok: Driver) -> None:
    body = await tiktok.sign_in("p4", (BASIC,))
    response = await tiktok.user_info(body["access_token"], "open_id,union_id,display_name")
    person = tiktok.world.people["p4"]
    assert response.json() == {
        "data": {
            "user": {
                "open_id": body["open_id"],
                "union_id": person.union_id("Sample developer"),
                "display_name": person.display_name,
            }
        },
        "error": {"code": "ok", "message": "", "log_id": response.headers["x-tt-logid"]},
    }
    assert body["open_id"] == person.open_id(KEY)


async def test_every_field_has_its_type(tiktok: Driver) -> None:
    body = await tiktok.sign_in("p2", ALL, scope=",".join(ALL))
    fields = f"{BASIC_FIELDS},{PROFILE_FIELDS},{STATS_FIELDS}"
    user = (await tiktok.user_info(body["access_token"], fields)).json()["data"]["user"]
    assert ",".join(user) == fields
    assert user["is_verified"] is True
    assert all(type(user[name]) is int for name in STATS_FIELDS.split(","))
    texts = f"{BASIC_FIELDS},bio_description,profile_deep_link,username".split(",")
    assert all(isinstance(user[name], str) for name in texts)


async def test_ampersands_are_written_as_escapes(tiktok: Driver) -> None:
    body = await tiktok.sign_in("p4", (BASIC,))
    response = await tiktok.user_info(body["access_token"], "avatar_url,display_name")
    assert b"&" not in response.content
    assert b"<" not in response.content
    assert rb"\u0026x-expires=" in response.content
    assert "<b>&" in response.json()["data"]["user"]["display_name"]


@pytest.mark.parametrize(
    ("granted", "asked"),
    [((BASIC,), "open_id,username"), ((BASIC, PROFILE), "open_id,likes_count"), ((PROFILE,), "username,open_id")],
)
async def test_one_field_too_many_fails_the_whole_call(
    tiktok: Driver, granted: tuple[str, ...], asked: str
) -> None:
    body = await tiktok.sign_in("p1", granted, scope=",".join(ALL))
    assert refused(await tiktok.user_info(body["access_token"], asked)) == (401, "scope_not_authorized")


@pytest.mark.parametrize("fields", ["", "email", "open_id,", "open_id, union_id", "open_id,open_id", "OPEN_ID"])
async def test_fields_that_do_not_exist(tiktok: Driver, fields: str) -> None:
    body = await tiktok.sign_in()
    assert refused(await tiktok.user_info(body["access_token"], fields)) == (400, "invalid_params")


@pytest.mark.parametrize(
    "query", ["", "fields=open_id&fields=open_id", "fields=%ff", "fields=open_id&a=" + "x" * 16_384]
)
async def test_a_query_that_cannot_be_used(tiktok: Driver, query: str) -> None:
    headers = {"authorization": f"Bearer {(await tiktok.sign_in())['access_token']}"}
    response = await tiktok.http.get(f"/v2/user/info/?{query}", headers=headers)
    assert refused(response) == (400, "invalid_params")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer act.made-up", "Basic {}", "{}", "Bearer  {}"])
async def test_a_token_that_is_none(tiktok: Driver, header: str) -> None:
    value = header.format((await tiktok.sign_in())["access_token"])
    response = await tiktok.http.get("/v2/user/info/?fields=open_id", headers={"authorization": value})
    assert refused(response) == (401, "access_token_invalid")


async def test_a_token_counts_only_in_one_header(tiktok: Driver) -> None:
    token = (await tiktok.sign_in())["access_token"]
    in_query = await tiktok.http.get("/v2/user/info/", params={"fields": "open_id", "access_token": token})
    assert refused(in_query) == (401, "access_token_invalid")
    twice = [("authorization", f"Bearer {token}")] * 2
    assert refused(await tiktok.http.get("/v2/user/info/?fields=open_id", headers=twice))[0] == 401


async def test_a_client_token_is_nobodys(tiktok: Driver) -> None:
    token = (await tiktok.token(grant_type="client_credentials")).json()["access_token"]
    assert refused(await tiktok.user_info(token)) == (401, "access_token_invalid")


async def test_six_hundred_calls_in_any_minute(tiktok: Driver) -> None:
    token = (await tiktok.sign_in())["access_token"]
    for second in (0, 30):
        tiktok.clock.now = NOW + second
        for _ in range(300):
            assert (await tiktok.user_info(token)).status_code == 200
    tiktok.clock.now = NOW + 59
    limited = await tiktok.user_info(token)
    assert refused(limited) == (429, "rate_limit_exceeded")
    assert "retry-after" not in limited.headers
    tiktok.clock.now = NOW + 60
    assert [(await tiktok.user_info(token)).status_code for _ in range(301)] == [200] * 300 + [429]


async def test_the_limit_is_each_apps_own(tiktok: Driver) -> None:
    await tiktok.settings(user_info_per_minute=1)
    mine = await tiktok.sign_in()
    sandbox = "sbaw0example0key01"
    code = await tiktok.code(client_key=sandbox)
    theirs = (await tiktok.redeem(code, client_key=sandbox)).json()
    answers = [await tiktok.user_info(body["access_token"]) for body in (mine, mine, theirs)]
    assert [answer.status_code for answer in answers] == [200, 429, 200]


async def test_a_changed_profile_shows_at_once(tiktok: Driver) -> None:
    token = (await tiktok.sign_in())["access_token"]
    response = await tiktok.http.post(
        "/_simulator/people/p1", json={"display_name": "Ada M. 🎉", "username": "ada2"}
    )
    assert response.status_code == 200
    user = (await tiktok.user_info(token, "display_name,username")).json()["data"]["user"]
    assert user == {"display_name": "Ada M. 🎉", "username": "ada2"}
