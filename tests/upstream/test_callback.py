"""What the browser brings back from TikTok."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from broker.opaque import Secret
from broker.upstream import connector
from broker.upstream.connector import Approval, Rejected, UpstreamError
from broker.upstream.tiktok import TikTok

VECTORS = Path(__file__).parents[1] / "vectors/tiktok"
ERRORS = json.loads((VECTORS / "callback.json").read_text())
CODES = json.loads((VECTORS / "codes.json").read_text())


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: str(case["name"]))
def test_error_callback(tiktok: TikTok, case: dict[str, Any]) -> None:
    """Each error becomes the failure, the sentence and the trace that its vector names."""
    parameters = dict(parse_qsl(case["query"], keep_blank_values=True))
    with pytest.raises(UpstreamError) as caught:
        tiktok.read_callback(parameters)
    assert type(caught.value) is getattr(connector, case["outcome"])
    assert case["says"] in str(caught.value)
    assert caught.value.trace.fields() == case["trace"]


@pytest.mark.parametrize("case", CODES, ids=lambda case: str(case["name"]))
def test_the_code_is_decoded_once(tiktok: TikTok, case: dict[str, str]) -> None:
    """By the query parser, that is: the connector takes what it gets."""
    approval = tiktok.read_callback(dict(parse_qsl(f"code={case['in_url']}&scopes=user.info.basic")))
    assert approval == Approval(Secret(case["code"]), ("user.info.basic",))


def test_the_callbacks_scopes_never_exceed_what_was_asked_for(tiktok: TikTok) -> None:
    approval = tiktok.read_callback({"code": "c", "scopes": "video.list,user.info.profile, user.info.basic"})
    assert approval.scopes == ("user.info.profile", "user.info.basic")


def test_a_callback_without_scopes_grants_none_by_itself(tiktok: TikTok) -> None:
    assert tiktok.read_callback({"code": "c"}).scopes == ()


def test_error_code_zero_is_no_error(tiktok: TikTok) -> None:
    """The iOS SDK reports success that way."""
    assert tiktok.read_callback({"code": "c", "error_code": "0"}).code == Secret("c")


@pytest.mark.parametrize("code", ["", " ", "a b", "a\nb", "é", "x" * 2049])
def test_a_code_that_cannot_be_one_is_rejected(tiktok: TikTok, code: str) -> None:
    with pytest.raises(Rejected):
        tiktok.read_callback({"code": code})


def test_an_approval_does_not_show_its_code(tiktok: TikTok) -> None:
    assert "4608" not in repr(tiktok.read_callback({"code": "abc*1!4608.va"}))
