"""What a webhook delivery says, and that nothing unsigned, untimely or ambiguous is believed."""

import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as proving
from hypothesis import strategies as st

from broker.opaque import Secret
from broker.upstream.tiktok_events import ACCEPTED_AGE, Event, Forged, Malformed, Removal, WebhookKeys, read
from tests.stage import CLIENT_KEY, TIKTOK_SECRET
from tests.tiktok.deliveries import OPEN_ID, REMOVED, body, signature

NOW = 1_800_000_000
BEFORE = "canary-secret-before"
OTHER_KEY, OTHER_SECRET = "sbaw0other000key02", "canary-other-secret"
APPS = {
    CLIENT_KEY: WebhookKeys("default", (Secret(TIKTOK_SECRET), Secret(BEFORE))),
    OTHER_KEY: WebhookKeys("other", (Secret(OTHER_SECRET),)),
}


def taken(raw: bytes, *headers: str, now: int = NOW) -> Event:
    return read(APPS, list(headers) or [signature(raw, at=NOW)], raw, now=now)


def event(**changes: Any) -> Event:
    return taken(body(**changes))


def test_the_published_example_is_believed() -> None:
    """Spacing in `content` as it was sent: it is the raw body that is signed."""
    raw = (
        b'{"client_key":"aw0example0key01","event":"authorization.removed","create_time":1615338610,'
        b'"user_openid":"-000ExampleOpenIdExampleOpenIdExampl","content":"{\\"reason\\": 1 }"}'
    )
    header = "t=1633174587,s=7eddf3cb90aac58df2b2ee8e673c18195e6ec4fd5b09eeccd0faac3ef7d5cf9b"
    apps = {"aw0example0key01": WebhookKeys("default", (Secret("example_client_secret"),))}
    found = read(apps, [header], raw, now=1633174590)
    assert (found.name, found.occurred_at, found.open_id) == (REMOVED, 1615338610, OPEN_ID)
    assert (found.registration, found.removal, found.age) == ("default", Removal("disconnected", False), 3)
    assert OPEN_ID not in repr(found)


@pytest.mark.parametrize(
    ("content", "reason", "erases"),
    [
        ('{"reason": 1 }', "disconnected", False),
        ('{"reason":2}', "account_deleted", True),
        ('{"reason":3}', "age_changed", True),
        ('{"reason":4}', "banned", True),
        ('{"reason":5}', "developer_revoked", False),
        ('{"reason":0}', "unknown", False),
        ('{"reason":99}', "unknown", False),
        ('{"reason":"2"}', "unknown", False),
        ('{"reason":2.0}', "unknown", False),
        ('{"reason":true}', "unknown", False),
        ('{"reason":[2]}', "unknown", False),
        ("{}", "unknown", False),
        ("[2]", "unknown", False),
        ("", "unknown", False),
        ("no json", "unknown", False),
        (None, "unknown", False),
        ({"reason": 2}, "unknown", False),
        ("[" * 30_000, "unknown", False),
    ],
)
def test_whatever_the_reason_the_authorization_is_removed(content: Any, reason: str, erases: bool) -> None:
    assert event(content=content).removal == Removal(reason, erases)


def test_events_of_other_names_ask_for_nothing() -> None:
    assert event(event="video.publish.completed", content='{"share_id":"1"}').removal is None
    ready = event(
        event="portability.download.ready", user_openid=None, content='{"request_id":9223372036854775807}'
    )
    assert (ready.removal, ready.open_id) == (None, None)
    assert event(event="a.new.one", user_openid="", content=None).open_id is None


def test_a_repetition_is_known_by_its_members_however_it_is_signed_and_written() -> None:
    raw, spaced = body(), body().replace(b":", b": ", 1)
    again = body(a_new_member="x")
    digests = {taken(raw).digest, taken(raw, signature(raw, at=NOW - 60)).digest, taken(spaced).digest}
    assert digests == {taken(again).digest}
    others = [
        event(client_key=CLIENT_KEY, event="x"),
        event(create_time=NOW + 1),
        event(user_openid="y"),
        event(user_openid=None),
        event(content='{"reason":1}'),
        event(content=None),
        # Fields that run into each other tell two events apart, too.
        event(event="x|y", user_openid="z"),
        event(event="x", user_openid="y|z"),
    ]
    other = body(client_key=OTHER_KEY)
    others.append(taken(other, signature(other, at=NOW, secret=OTHER_SECRET)))
    assert len({each.digest for each in others} | digests) == len(others) + 1


def test_each_app_signs_with_its_own_secret_the_old_one_included() -> None:
    raw, other = body(), body(client_key=OTHER_KEY)
    assert taken(raw, signature(raw, at=NOW, secret=BEFORE)).registration == "default"
    assert taken(other, signature(other, at=NOW, secret=OTHER_SECRET)).registration == "other"
    for bad, secret in ((raw, OTHER_SECRET), (other, TIKTOK_SECRET), (other, BEFORE), (raw, ""), (raw, "nobody")):
        with pytest.raises(Forged, match="the signature"):
            taken(bad, signature(bad, at=NOW, secret=secret))


@pytest.mark.parametrize("client_key", ["aw0unknown0key00", "", None, 7, [], {}])
def test_an_app_that_is_not_ours_is_refused_whatever_signed_it(client_key: Any) -> None:
    raw = body(client_key=client_key)
    for secret in (TIKTOK_SECRET, "nobody", ""):
        with pytest.raises(Forged, match="no registration"):
            taken(raw, signature(raw, at=NOW, secret=secret))


def test_it_must_be_the_body_and_the_time_that_were_signed() -> None:
    raw = body()
    good = signature(raw, at=NOW)
    signed = good.partition(",s=")[2]
    for changed, header in (
        (raw + b" ", good),
        (body(content='{"reason":2}'), good),
        (raw, f"t={NOW + 1},s={signed}"),
        (raw, f"t=0{NOW},s={signed}"),
        (raw, f"t={NOW},s={signed[:-1]}"),
        (raw, f"t={NOW},s={signed.upper()}"),
        (raw, f"t={NOW},s=\u00e9"),
        (raw, f"t={NOW},s="),
    ):
        with pytest.raises(Forged, match="the signature"):
            taken(changed, header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1800000000",
        "s={s}",
        "{s}",
        "t=,s={s}",
        "t=x,s={s}",
        "t=-1,s={s}",
        "t=1.8e9,s={s}",
        "T=1800000000,S={s}",
        "t=1800000000,t=1800000000,s={s}",
        "t=1800000000" + ",s={s}" * 5,
        "t=18000000000000,s={s}",
        "t=１８,s={s}",
    ],
)
def test_a_header_of_another_form_is_no_signature(header: str) -> None:
    raw = body()
    with pytest.raises(Forged, match="no signature"):
        taken(raw, header.replace("{s}", signature(raw, at=NOW).partition(",s=")[2]))


def test_what_else_the_header_holds_is_ignored() -> None:
    raw = body()
    time, _, signed = signature(raw, at=NOW).partition(",")
    for header in (f"{signed}, {time}", f"v=2,{time},{signed},x,=,s2={'0' * 64}", f"{time},s={'0' * 64},{signed}"):
        assert taken(raw, header).age == 0
    with pytest.raises(Forged, match="no signature"):
        read(APPS, [], raw, now=NOW)
    with pytest.raises(Forged, match="no signature"):
        taken(raw, f"{time},{signed}", f"{time},{signed}")


def test_it_is_believed_from_five_minutes_before_its_time_until_72_hours_after() -> None:
    raw = body()
    for now in (NOW - 300, NOW, NOW + ACCEPTED_AGE):
        assert taken(raw, now=now).age == now - NOW
    with pytest.raises(Forged, match="five minutes"):
        taken(raw, now=NOW - 301)
    with pytest.raises(Forged, match="72 hours"):
        taken(raw, now=NOW + ACCEPTED_AGE + 1)


@pytest.mark.parametrize(
    "raw",
    [
        body().replace(b"{", b'{"client_key":"' + CLIENT_KEY.encode() + b'",', 1),
        body().replace(b"{", b'{"user_openid":"somebody-else",', 1),
        body().replace(b"{", b'{"\\u0065vent":"x",', 1),
        body().replace(b"{", b'{"more":{"a":1,"a":1},', 1),
        body(content='{"reason":1,"reason":2}'),
        body(content='{"more":[{"a":1,"a":1}]}', event="a.new.one"),
    ],
)
def test_what_can_be_read_in_two_ways_is_not_read(raw: bytes) -> None:
    with pytest.raises(Malformed, match="occurs twice"):
        taken(raw)


@pytest.mark.parametrize(
    "changes",
    [{"event": wrong} for wrong in (None, "", 7, "x" * 101, "a b", "a\0", "\u00e9")]
    + [{"create_time": wrong} for wrong in (None, "1800000000", 1.8e9, True, -1)]
    + [{"user_openid": wrong} for wrong in (7, ["x"], "x" * 256, "a\0", "a b")],
    ids=repr,
)
def test_a_signed_event_of_another_shape_is_told_from_a_forged_one(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        event(**changes)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe{\x00}\x00",
        b"[" * 60000,
        b'{"a":' * 10000,
        b"1" * 50000,
        b"\xef\xbb\xbf" + body(),
        body().decode().encode("utf-16"),
    ],
)
def test_what_is_no_json_object_has_no_app(raw: bytes) -> None:
    with pytest.raises(Forged, match="no registration"):
        taken(raw)


def test_a_surrogate_or_an_enormous_number_breaks_nothing() -> None:
    for spoiled in (b'{"more":"\\ud800",', b'{"more":' + b"9" * 4_000 + b",", b'{"more":NaN,'):
        assert taken(body().replace(b"{", spoiled, 1)).open_id == OPEN_ID
    raw = body().replace(b'"{\\"reason\\": 1 }"', b'"\\ud800"')
    assert taken(raw).removal == Removal("unknown", False)
    with pytest.raises(Malformed):
        taken(body().replace(OPEN_ID.encode(), b"\\ud800"))


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
STRANGE = proving(max_examples=150, deadline=None, database=None)


@STRANGE
@given(st.dictionaries(st.sampled_from(["event", "create_time", "user_openid", "content", "x"]), ANY))
def test_whatever_tiktok_signs_is_a_whole_event_or_none(said: dict[str, Any]) -> None:
    raw = orjson.dumps({"client_key": CLIENT_KEY, **said})
    try:
        found = taken(raw)
    except Malformed:
        return
    assert re.fullmatch(r"[\x21-\x7e]{1,100}", found.name)
    assert type(found.occurred_at) is int
    assert found.open_id == (said.get("user_openid") or None)
    assert (found.removal is not None) == (found.name == REMOVED)


@STRANGE
@given(st.binary(max_size=200), st.lists(st.text(max_size=80), max_size=2))
def test_whatever_strangers_send_is_refused(raw: bytes, headers: list[str]) -> None:
    with pytest.raises((Forged, Malformed)):
        read(APPS, headers, raw, now=NOW)
