"""Asking who it was: the fields asked for, and what each documented answer means."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from broker.opaque import Secret
from broker.upstream import connector
from broker.upstream.connector import Identity, UpstreamError
from broker.upstream.tiktok import TikTok

URL = "https://open.tiktokapis.com/v2/user/info/"
VECTORS = Path(__file__).parents[1] / "vectors/tiktok"
PEOPLE = json.loads((VECTORS / "user_info.json").read_text())
ERRORS = json.loads((VECTORS / "user_info_errors.json").read_text())
PERSON: dict[str, object] = {
    "open_id": "o",
    "union_id": "u",
    "display_name": "N",
    "avatar_url": "https://cdn.example/a",
}


async def who_is(tiktok: TikTok, *scopes: str) -> Identity:
    return await tiktok.who_is(Secret("act.example!1"), scopes or ("user.info.basic",))


def answer(user: dict[str, object]) -> dict[str, object]:
    return {"data": {"user": user}, "error": {"code": "ok", "message": "", "log_id": ""}}


@pytest.mark.parametrize(
    ("scopes", "fields"),
    [
        (("user.info.basic",), "open_id,union_id,avatar_url,display_name"),
        (("user.info.profile", "user.info.basic"), "open_id,union_id,avatar_url,display_name,username"),
        (("user.info.basic", "user.info.stats", "video.list"), "open_id,union_id,avatar_url,display_name"),
    ],
)
async def test_exactly_the_fields_of_the_granted_scopes_are_asked_for(
    tiktok: TikTok, router: respx.Router, scopes: tuple[str, ...], fields: str
) -> None:
    call = router.get(URL).respond(json=answer(PERSON))
    await who_is(tiktok, *scopes)
    request = call.calls.last.request
    assert request.url.params.multi_items() == [("fields", fields)]
    assert request.headers.get_list("authorization") == ["Bearer act.example!1"]
    assert request.content == b""


@pytest.mark.parametrize("case", PEOPLE, ids=lambda case: str(case["name"]))
async def test_user_info_answer(tiktok: TikTok, router: respx.Router, case: dict[str, Any]) -> None:
    router.get(URL).mock(return_value=httpx.Response(200, content=case["raw"].encode()))
    assert asdict(await who_is(tiktok)) == case["identity"]


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: str(case["name"]))
async def test_user_info_error(tiktok: TikTok, router: respx.Router, case: dict[str, Any]) -> None:
    """Each answer becomes the failure, the sentence and the trace that its vector names, after that many calls."""
    call = router.get(URL).respond(case["status"], json=case["body"], headers=case.get("headers", {}))
    with pytest.raises(UpstreamError) as caught:
        await who_is(tiktok)
    assert type(caught.value) is getattr(connector, case["outcome"])
    assert case["says"] in str(caught.value)
    if "trace" in case:
        assert caught.value.trace.fields() == case["trace"]
    assert call.call_count == case.get("calls", 1)


WRONG: dict[str, tuple[object, ...]] = {
    "union_id": (7, True, [], {}, "a b", "\u0000", "名", "x" * 256),
    "open_id": (None, "", 7, False, [], "a b", "x" * 256),
    "display_name": (1, True, [], {}),
    "username": (1, True, [], {}),
    "avatar_url": (1, True, [], {}),
}
BAD_MEMBERS = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("name", "value"), BAD_MEMBERS, ids=[f"{n}={v!r:.20}" for n, v in BAD_MEMBERS])
async def test_a_member_of_the_wrong_kind_spoils_the_answer(
    tiktok: TikTok, router: respx.Router, name: str, value: object
) -> None:
    """No half identity: the whole answer is strange, and the sentence names the member, not its value."""
    router.get(URL).respond(json=answer(PERSON | {name: value}))
    with pytest.raises(connector.Unavailable, match=f"`{name}`"):
        await who_is(tiktok)


async def test_an_endless_name_is_left_out(tiktok: TikTok, router: respx.Router) -> None:
    router.get(URL).respond(json=answer(PERSON | {"display_name": "x" * 256, "username": "y" * 256}))
    person = await who_is(tiktok)
    assert (person.display_name, person.username) == (None, None)


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example/a",
        "ftp://cdn.example/a",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "//cdn.example/a",
        "/a",
        "https://",
        "https:///a",
        "https://[::1/a",
        "https://cdn.example/a b",
        "https://cdn.example/\na",
        " https://cdn.example/a",
        "https://cdn.example/é",
        "https://cdn.example/" + "x" * 2048,
    ],
)
async def test_an_avatar_that_is_no_https_address_is_left_out(
    tiktok: TikTok, router: respx.Router, url: str
) -> None:
    """Without harm to the sign-in: it is decoration."""
    router.get(URL).respond(json=answer(PERSON | {"avatar_url": url}))
    person = await who_is(tiktok)
    assert (person.union_id, person.avatar_url) == ("u", None)


async def test_a_simulator_on_plain_http_may_have_plain_avatars(
    make_tiktok: Callable[..., TikTok], router: respx.Router
) -> None:
    router.get("http://localhost:8001/v2/user/info/").respond(
        json=answer(PERSON | {"avatar_url": "http://localhost:8001/avatar?x=%2B&y=a+b="})
    )
    person = await who_is(make_tiktok(api_url="http://localhost:8001"))
    assert person.avatar_url == "http://localhost:8001/avatar?x=%2B&y=a+b="
