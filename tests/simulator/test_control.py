"""The control endpoints and their page."""

from typing import Any

import pytest

from tests.simulator.driver import KEY, SECRET, Driver

FORM = {"content-type": "application/x-www-form-urlencoded"}


async def state(tiktok: Driver) -> dict[str, Any]:
    answer: dict[str, Any] = (await tiktok.http.get("/_simulator/state")).json()
    return answer


async def test_the_state_tells_everything_but_secrets(tiktok: Driver) -> None:
    body = await tiktok.sign_in()
    response = await tiktok.http.get("/_simulator/state")
    assert response.json().keys() == {"apps", "people", "counters", "faults", "settings", "webhooks"}
    for secret in (SECRET, body["access_token"], body["refresh_token"]):
        assert secret not in response.text
    app = response.json()["apps"][0]
    assert (app["client_key"], app["platform"], app["sandbox_testers"]) == (KEY, "desktop", None)
    person = response.json()["people"][0]
    assert person["open_id"][KEY] == body["open_id"]
    assert person["union_id"].keys() == {"Sample developer", "Another developer"}
    assert response.json()["counters"]["authorize"] == {"calls": 1}


async def test_a_fault_tells_how_often_it_still_hits(tiktok: Driver) -> None:
    await tiktok.fault(endpoint="token", kind="html", times=3)
    await tiktok.token()
    fault = (await state(tiktok))["faults"][0]
    assert (fault["endpoint"], fault["kind"], fault["times"]) == ("token", "html", 2)


@pytest.mark.parametrize(
    "options",
    [
        {"oauth_error_status": 500},
        {"oauth_error_status": 250},
        {"oauth_error_status": "no"},
        {"rotation": 2},
        {"rotation": None},
        {"code_lifetime": 0},
        {"code_lifetime": -5},
        {"access_token_lifetime": 1e9},
        {"access_token_lifetime": True},
        {"non_sandbox_target": "nowhere"},
        {"non_sandbox_target": ["page"]},
        {"unheard_of": 1},
        {"rotation": False, "code_lifetime": "soon"},
    ],
)
async def test_a_setting_that_makes_no_sense_changes_nothing(tiktok: Driver, options: dict[str, Any]) -> None:
    before = (await state(tiktok))["settings"]
    response = await tiktok.http.post("/_simulator/settings", json=options)
    assert response.status_code == 400
    assert response.json()["error"].endswith(".")
    assert (await state(tiktok))["settings"] == before


async def test_a_change_answers_with_the_new_state(tiktok: Driver) -> None:
    response = await tiktok.http.post("/_simulator/settings", json={"code_lifetime": 7})
    assert response.json()["settings"]["code_lifetime"] == 7


@pytest.mark.parametrize(
    ("person", "options", "status"),
    [
        ("p9", {"display_name": "Nobody"}, 404),
        ("p1", {"id": "p2"}, 400),
        ("p1", {"display_name": 5}, 400),
        ("p1", {"display_name": "x" * 1001}, 400),
        ("p1", {"display_name": ""}, 200),
        ("p1", {}, 200),
    ],
)
async def test_a_profile_change(tiktok: Driver, person: str, options: dict[str, Any], status: int) -> None:
    assert (await tiktok.http.post(f"/_simulator/people/{person}", json=options)).status_code == status


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/json", b"["),
        ("application/json", b"[]"),
        ("application/json", b"null"),
        ("application/json", b'{"code_lifetime": NaN}'),
        ("application/json", b'{"code_lifetime": 1' + b"0" * 5000 + b"}"),
        ("application/json", b"[" * 60_000),
        ("application/json", b"\xff\xfe"),
        ("application/json", b" " * 70_000),
        ("text/plain", b'{"code_lifetime": 5}'),
        ("application/x-www-form-urlencoded", b"code_lifetime=%ff"),
        ("application/x-www-form-urlencoded", b"\xff=1"),
        ("application/x-www-form-urlencoded", b"a=" + b"b" * 20_000),
    ],
)
async def test_a_body_that_cannot_be_read(tiktok: Driver, content_type: str, content: bytes) -> None:
    headers = {"content-type": content_type}
    response = await tiktok.http.post("/_simulator/settings", content=content, headers=headers)
    assert response.status_code == 400


async def test_the_page_works_with_plain_forms(tiktok: Driver) -> None:
    """Each form leads back to the page, which shows what was done."""
    posts = {
        "faults": "endpoint=token&kind=status&times=always&status=503&seconds=&error=&body=&after=no",
        "settings": "oauth_error_status=400&rotation=no&non_sandbox_target=page&code_lifetime=60",
        "people/p2": "display_name=Kwame+%26+%3Cfriends%3E&username=",
    }
    for path, content in posts.items():
        response = await tiktok.http.post(f"/_simulator/{path}", content=content, headers=FORM)
        assert (response.status_code, response.headers["location"]) == (303, "/_simulator/")
    page = (await tiktok.http.get("/_simulator/")).text
    assert "until cleared" in page
    assert "Kwame &amp; &lt;friends&gt;" in page
    assert 'value="60"' in page
    now = await state(tiktok)
    assert now["people"][1]["username"] == "kwame_m"
    assert (now["settings"]["rotation"], now["settings"]["oauth_error_status"]) == (False, 400)
    for path in ("faults/clear", "sessions/clear"):
        assert (await tiktok.http.post(f"/_simulator/{path}", headers=FORM)).status_code == 303
    assert (await state(tiktok))["faults"] == []


async def test_a_form_that_cannot_be_used_gets_a_page(tiktok: Driver) -> None:
    response = await tiktok.http.post("/_simulator/settings", content="code_lifetime=<b>", headers=FORM)
    assert response.status_code == 400
    assert "code_lifetime must be a whole number" in response.text
    assert "<b>" not in response.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_origins_page_changes_nothing(tiktok: Driver, site: str) -> None:
    headers = {"sec-fetch-site": site}
    response = await tiktok.http.post("/_simulator/settings", json={"code_lifetime": 1}, headers=headers)
    assert response.status_code == 403
    assert (await state(tiktok))["settings"]["code_lifetime"] == 300


async def test_the_root_leads_to_the_page(tiktok: Driver) -> None:
    assert (await tiktok.http.get("/")).headers["location"] == "/_simulator/"


async def test_counters_show_on_the_page(tiktok: Driver) -> None:
    await tiktok.sign_in()
    assert "authorization_code 1" in (await tiktok.http.get("/_simulator/")).text
