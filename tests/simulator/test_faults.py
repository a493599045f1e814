"""What can be made to go wrong, seen by the caller."""

import json
from typing import Any

import pytest

from broker.simulator.faults import ENDPOINTS, KINDS, Fault
from tests.simulator.driver import BASIC, KEY, PROFILE, Driver, callback, refused


async def test_a_fault_hits_as_often_as_it_says(tiktok: Driver) -> None:
    await tiktok.fault(
        endpoint="token", kind="status", status=503, body="busy", headers={"Retry-After": "7"}, times=2
    )
    for _ in range(2):
        response = await tiktok.token(grant_type="client_credentials")
        assert (response.status_code, response.text, response.headers["retry-after"]) == (503, "busy", "7")
    assert (await tiktok.token(grant_type="client_credentials")).status_code == 200


async def test_a_fault_without_end_stays_until_it_is_cleared(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="token", kind="html", times=None)
    for _ in range(5):
        response = await tiktok.token(grant_type="client_credentials")
        assert response.status_code == 502
        assert response.headers["content-type"].startswith("text/html")
    await tiktok.http.delete("/_simulator/faults")
    assert (await tiktok.token(grant_type="client_credentials")).status_code == 200


async def test_faults_wait_in_line_and_leave_other_endpoints_alone(tiktok: Driver) -> None:
    body = await tiktok.sign_in()
    await tiktok.fault(endpoint="user_info", kind="status", status=500)
    await tiktok.fault(endpoint="user_info", kind="status", status=501)
    assert (await tiktok.refresh(body["refresh_token"])).status_code == 200
    statuses = [(await tiktok.user_info(body["access_token"])).status_code for _ in range(3)]
    assert statuses == [500, 501, 200]
    counters = (await tiktok.http.get("/_simulator/state")).json()["counters"]
    assert counters["user_info"] == {"calls": 3, "faults": 2}


async def test_normally_the_work_is_not_done(tiktok: Driver) -> None:
    code = await tiktok.code()
    await tiktok.fault(endpoint="token", kind="empty")
    assert (await tiktok.redeem(code)).content == b""
    assert "access_token" in (await tiktok.redeem(code)).json()


async def test_an_answer_can_be_lost_after_the_work(tiktok: Driver) -> None:
    """The old refresh token is dead although nobody learnt the new one."""
    body = await tiktok.sign_in()
    await tiktok.fault(endpoint="token", kind="status", status=504, after=True)
    assert (await tiktok.refresh(body["refresh_token"])).status_code == 504
    assert refused(await tiktok.refresh(body["refresh_token"]))[0] == "invalid_grant"


@pytest.mark.parametrize("after", [False, True])
async def test_a_slow_answer_is_the_true_one(tiktok: Driver, after: bool) -> None:
    await tiktok.fault(endpoint="token", kind="slow", seconds=2.5, after=after)
    assert (await tiktok.token(grant_type="client_credentials")).json()["token_type"] == "Bearer"
    assert tiktok.slept == [2.5]


async def test_not_json(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="token", kind="not_json")
    response = await tiktok.token(grant_type="client_credentials")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()


async def test_a_truncated_answer(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="token", kind="truncated")
    response = await tiktok.token(grant_type="client_credentials")
    assert response.text.startswith('{"access_token":"clt.')
    with pytest.raises(ValueError, match="Unterminated"):
        response.json()


@pytest.mark.parametrize("size", [1, 100, 200_000])
async def test_a_huge_answer_has_the_size_it_was_given(tiktok: Driver, size: int) -> None:
    await tiktok.fault(endpoint="user_info", kind="huge", size=size)
    assert len((await tiktok.user_info("any")).content) == size


async def test_a_redirect(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="user_info", kind="redirect", location="http://elsewhere.example/")
    response = await tiktok.user_info("any")
    assert (response.status_code, response.headers["location"]) == (302, "http://elsewhere.example/")


async def test_hanging_up_without_a_connection_raises(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="token", kind="reset")
    with pytest.raises(ConnectionResetError):
        await tiktok.token(grant_type="client_credentials")


@pytest.mark.parametrize(("retry_after", "header"), [(None, None), (30, "30"), (0, "0")])
async def test_a_rate_limit_with_and_without_retry_after(
    tiktok: Driver, retry_after: int | None, header: str | None
) -> None:
    await tiktok.fault(endpoint="user_info", kind="rate_limit", retry_after=retry_after)
    await tiktok.fault(endpoint="token", kind="rate_limit", retry_after=retry_after)
    api, oauth = await tiktok.user_info("any"), await tiktok.token()
    for response in (api, oauth):
        assert response.status_code == 429
        assert response.headers.get("retry-after") == header
    assert api.json()["error"]["code"] == "rate_limit_exceeded"
    assert oauth.json()["error"] == "rate_limit_exceeded"


async def test_an_error_of_choice_in_each_endpoints_shape(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="token", kind="error", error="server_error", error_description="Oops.")
    response = await tiktok.token()
    assert (response.status_code, refused(response)) == (200, ("server_error", "Oops."))
    await tiktok.fault(endpoint="revoke", kind="error", error="server_error", status=500)
    assert (await tiktok.http.post("/v2/oauth/revoke/")).status_code == 500
    await tiktok.fault(endpoint="user_info", kind="error", error="internal_error")
    response = await tiktok.user_info("any")
    assert response.status_code == 500
    assert response.json()["error"]["message"] == "Something went wrong. Please try again later."
    await tiktok.fault(endpoint="user_info", kind="error", error="brand_new", error_description="New.", status=418)
    response = await tiktok.user_info("any")
    assert (response.status_code, response.json()["error"]["message"]) == (418, "New.")


async def test_an_error_of_choice_on_the_callback(tiktok: Driver) -> None:
    await tiktok.fault(
        endpoint="authorize",
        kind="error",
        error="temporarily_unavailable",
        error_type="maintenance",
        err_code=10004,
    )
    assert callback(await tiktok.show()) == {
        "error": "temporarily_unavailable",
        "error_description": "",
        "error_type": "maintenance",
        "errCode": "10004",
        "state": "st&te/+ é",
    }
    assert (await tiktok.show()).status_code == 200


async def test_the_state_can_be_forgotten_on_an_error_only(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="authorize", kind="drop_state_on_error")
    assert (await tiktok.show()).status_code == 200
    assert "state" in callback(await tiktok.press())
    assert "state" not in callback(await tiktok.press("deny"))
    assert "state" in callback(await tiktok.press("deny"))


async def test_wrong_types_everywhere_or_in_named_fields(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="token", kind="wrong_types")
    body = (await tiktok.redeem(await tiktok.code())).json()
    assert (body["access_token"], body["open_id"], body["expires_in"]) == (12_345, 12_345, "a text")
    await tiktok.fault(endpoint="token", kind="wrong_types", fields=["expires_in"])
    body = await tiktok.sign_in()
    assert body["expires_in"] == "a text"
    await tiktok.fault(endpoint="user_info", kind="wrong_types")
    answer = (await tiktok.user_info(body["access_token"])).json()
    assert answer["data"]["user"] == {"open_id": 12_345}


async def test_somebody_else_and_nobody(tiktok: Driver) -> None:
    body = await tiktok.sign_in()
    await tiktok.fault(endpoint="user_info", kind="different_open_id")
    user = (await tiktok.user_info(body["access_token"])).json()["data"]["user"]
    assert user["open_id"] != body["open_id"]
    await tiktok.fault(endpoint="user_info", kind="missing_union_id")
    user = (await tiktok.user_info(body["access_token"], "open_id,union_id")).json()["data"]["user"]
    assert user == {"open_id": body["open_id"]}
    await tiktok.fault(endpoint="token", kind="different_open_id")
    assert (await tiktok.refresh(body["refresh_token"])).json()["open_id"] != body["open_id"]


async def test_fields_nobody_documented(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="token", kind="unknown_fields")
    body = await tiktok.sign_in()
    assert "shiny_new_field" in body
    await tiktok.fault(endpoint="user_info", kind="unknown_fields")
    answer = (await tiktok.user_info(body["access_token"])).json()
    assert answer["data"]["user"].keys() == {"open_id", "shiny_new_field"}
    assert answer["error"]["code"] == "ok"


async def test_spoiling_leaves_a_refusal_a_refusal(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="user_info", kind="missing_union_id")
    response = await tiktok.user_info("nobody's")
    assert (response.status_code, response.json()["error"]["code"]) == (401, "access_token_invalid")


@pytest.mark.parametrize(
    ("endpoint", "kind"), [(endpoint, kind) for kind, endpoints in KINDS.items() for endpoint in sorted(endpoints)]
)
async def test_every_fault_works_wherever_it_is_offered(tiktok: Driver, endpoint: str, kind: str) -> None:
    token = (await tiktok.sign_in(scopes=(BASIC, PROFILE)))["access_token"]
    avatar = (await tiktok.user_info(token, "avatar_url")).json()["data"]["user"]["avatar_url"]
    call: dict[str, Any] = {
        "authorize": lambda: tiktok.press("deny"),
        "token": lambda: tiktok.token(grant_type="client_credentials"),
        "revoke": lambda: tiktok.http.post("/v2/oauth/revoke/"),
        "user_info": lambda: tiktok.user_info(token, "open_id,union_id"),
        "avatars": lambda: tiktok.http.get(avatar),
    }
    await tiktok.fault(endpoint=endpoint, kind=kind, status=503)
    if kind == "reset":
        with pytest.raises(ConnectionResetError):
            await call[endpoint]()
    elif (endpoint, kind) == ("authorize", "error"):
        assert callback(await tiktok.show(disable_auto_auth="1"))["error"] == "server_error"
    else:
        await call[endpoint]()
    assert (await tiktok.http.get("/_simulator/state")).json()["faults"] == []


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_content_has_none(tiktok: Driver, status: int) -> None:
    await tiktok.fault(endpoint="token", kind="status", status=status, body="ignored")
    response = await tiktok.token()
    assert (response.status_code, response.content) == (status, b"")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"endpoint": "token"},
        {"kind": "html"},
        {"endpoint": None, "kind": None},
        {"endpoint": "webhook", "kind": "html"},
        {"endpoint": "token", "kind": "explode"},
        {"endpoint": ["token"], "kind": "html"},
        {"endpoint": "token", "kind": "status"},
        {"endpoint": "token", "kind": "missing_union_id"},
        {"endpoint": "authorize", "kind": "wrong_types"},
        {"endpoint": "avatars", "kind": "error"},
        {"endpoint": "token", "kind": "html", "times": 0},
        {"endpoint": "token", "kind": "html", "times": True},
        {"endpoint": "token", "kind": "html", "times": 1.5},
        {"endpoint": "token", "kind": "html", "status": 199},
        {"endpoint": "token", "kind": "html", "status": 600},
        {"endpoint": "token", "kind": "html", "body": 5},
        {"endpoint": "token", "kind": "html", "body": "\ud800"},
        {"endpoint": "token", "kind": "html", "after": "perhaps"},
        {"endpoint": "token", "kind": "html", "colour": "red"},
        {"endpoint": "token", "kind": "slow", "seconds": -1},
        {"endpoint": "token", "kind": "slow", "seconds": "soon"},
        {"endpoint": "token", "kind": "huge", "size": 2**31},
        {"endpoint": "token", "kind": "redirect", "location": "/\r\nset-cookie: a=b"},
        {"endpoint": "token", "kind": "status", "status": 200, "headers": {"a b": "c"}},
        {"endpoint": "token", "kind": "status", "status": 200, "headers": {"a": "b\nc: d"}},
        {"endpoint": "token", "kind": "status", "status": 200, "headers": {"Content-Length": "5"}},
        {"endpoint": "token", "kind": "status", "status": 200, "headers": {"a": 1}},
        {"endpoint": "token", "kind": "status", "status": 200, "headers": []},
        {"endpoint": "token", "kind": "wrong_types", "fields": [1]},
        {"endpoint": "token", "kind": "wrong_types", "fields": {"a": 1}},
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused_with_a_sentence(
    tiktok: Driver, options: dict[str, Any]
) -> None:
    content = json.dumps(options)
    headers = {"content-type": "application/json"}
    response = await tiktok.http.post("/_simulator/faults", content=content, headers=headers)
    assert response.status_code == 400
    assert response.json().keys() == {"error"}
    assert response.json()["error"].endswith(".")
    assert (await tiktok.http.get("/_simulator/state")).json()["faults"] == []


async def test_a_test_in_the_same_process_may_add_faults_directly(tiktok: Driver) -> None:
    tiktok.world.faults.add(Fault("token", "status", status=500, times=None))
    assert (await tiktok.token(client_key=KEY)).status_code == 500
    tiktok.world.faults.clear()
    assert (await tiktok.token(client_key=KEY)).status_code == 200


def test_a_fault_that_makes_no_sense_cannot_be_made() -> None:
    for endpoint, kind in (("token", "explode"), ("webhook", "html"), ("token", "status")):
        with pytest.raises(ValueError, match=r"\.$"):
            Fault(endpoint, kind)


async def test_a_hundred_faults_may_wait(tiktok: Driver) -> None:
    for _ in range(100):
        await tiktok.fault(endpoint="token", kind="html")
    response = await tiktok.http.post("/_simulator/faults", json={"endpoint": "token", "kind": "html"})
    assert response.status_code == 400


def test_every_endpoint_can_fail() -> None:
    assert set(ENDPOINTS) == set().union(*KINDS.values())
