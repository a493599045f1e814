"""TikTok's webhook: which of our apps a delivery is for, whether TikTok signed it, and what it says.

A delivery is JSON in the form of TikTok's pages `webhooks-overview` and `webhooks-events`, signed as
`webhooks-verification` has it: `TikTok-Signature: t=<epoch seconds>,s=<hex HMAC-SHA256>` over `t`, a dot and the
body as it was sent, under the secret of the app whose `client_key` the body names. TikTok repeats what was not
answered with 200 for up to 72 hours and gives no event an id.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from broker import opaque
from broker.opaque import Secret

SIGNATURE_HEADER: Final = "TikTok-Signature"
ACCEPTED_AGE: Final = 72 * 3600
"""Seconds after its signature in which a delivery is believed: a repeated one may carry its first `t`."""
FRESH_AGE: Final = 300
"""Seconds within which a delivery is expected; an older one is believed, and worth a look."""
_AHEAD: Final = 300
_MOST_SIGNATURES: Final = 4
_TIME: Final = re.compile(r"[0-9]{1,12}")
_NAME: Final = re.compile(r"[\x21-\x7e]{1,100}")
_OPEN_ID: Final = re.compile(r"[\x21-\x7e]{1,255}")
_LATEST: Final = 2**62
_NOBODY: Final = (Secret("nobody"),)

REMOVED: Final = "authorization.removed"
_UNKNOWN_REASON: Final = "unknown"
_REASONS: Final = {
    1: "disconnected",
    2: "account_deleted",
    3: "age_changed",
    4: "banned",
    5: "developer_revoked",
}
_ERASING: Final = frozenset({"account_deleted", "age_changed", "banned"})


@dataclass(frozen=True, slots=True)
class WebhookKeys:
    """A registration by its name, with every secret that TikTok may sign with: the new one, and the one before."""

    registration: str
    secrets: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """The person's consent is gone at TikTok, and every token with it.

    `reason` is a word of ours; `erases` tells that the person shall be forgotten as far as TikTok told of them.
    """

    reason: str
    erases: bool


@dataclass(frozen=True, slots=True)
class Event:
    """A genuine delivery. `digest` is the same for each repetition; `age` is that of the signature, in seconds."""

    registration: str
    name: str
    occurred_at: int
    open_id: str | None = field(repr=False)
    removal: Removal | None
    digest: bytes
    age: int


class Forged(Exception):
    """Nothing shows that TikTok sent this now; the words are for the log."""

    def __init__(self, reason: str, registration: str | None = None) -> None:
        super().__init__(reason)
        self.registration = registration


class Malformed(Exception):
    """The body can be read in two ways, or TikTok signed something of another shape than documented."""

    def __init__(self, reason: str, registration: str | None = None) -> None:
        super().__init__(reason)
        self.registration = registration


class _Repeated(ValueError):
    pass


def read(apps: Mapping[str, WebhookKeys], signatures: list[str], body: bytes, *, now: int) -> Event:
    """What TikTok says; `apps` by client key, `signatures` the values of the header.

    Raises `Forged` and `Malformed`.
    """
    try:
        said = _object(body)
    except _Repeated:
        raise Malformed("a member occurs twice") from None
    key = said.get("client_key")
    app = apps.get(key) if isinstance(key, str) else None
    registration = app.registration if app else None
    time, signed = _signature(signatures, registration)
    # An unknown app costs the same as a bad signature, so that it cannot be told which keys are known.
    good = _is_signed(app.secrets if app else _NOBODY, time, signed, body)
    if app is None or not good:
        raise Forged(
            "the signature is not TikTok's" if app else "no registration has this client key", registration
        )
    age = now - int(time)
    if age < -_AHEAD:
        raise Forged("it is signed for more than five minutes from now", registration)
    if age > ACCEPTED_AGE:
        raise Forged("it was signed more than 72 hours ago", registration)
    return _event(said, app.registration, age)


def _signature(values: list[str], registration: str | None) -> tuple[str, list[str]]:
    """`t` and each `s`; elements of other names are ignored."""
    elements = [element.strip().partition("=") for value in values for element in value.split(",")]
    times = [value for name, _, value in elements if name == "t"]
    signed = [value for name, _, value in elements if name == "s"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not 1 <= len(signed) <= _MOST_SIGNATURES:
        raise Forged("it has no signature in TikTok's form", registration)
    return times[0], signed


def _is_signed(secrets: tuple[Secret, ...], time: str, signed: list[str], body: bytes) -> bool:
    message = time.encode() + b"." + body
    expected = [opaque.signature_hex(secret.reveal().encode(), message).encode() for secret in secrets]
    # Each is held against each, also when one has fitted: time tells nothing.
    fits = [opaque.equal(one, other.encode()) for one in expected for other in signed]
    return any(fits)


def _event(said: dict[str, Any], registration: str, age: int) -> Event:
    name, occurred_at = said.get("event"), said.get("create_time")
    open_id, content = said.get("user_openid") or None, said.get("content")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Malformed("`event` is no name", registration)
    if type(occurred_at) is not int or not 0 <= occurred_at <= _LATEST:
        raise Malformed("`create_time` is no time", registration)
    if open_id is not None and not (isinstance(open_id, str) and _OPEN_ID.fullmatch(open_id)):
        raise Malformed("`user_openid` is no id", registration)
    removal = None
    try:
        told = _object(content.encode("utf-8", "surrogatepass")) if isinstance(content, str) else {}
    except _Repeated:
        raise Malformed("a member of `content` occurs twice", registration) from None
    if name == REMOVED:
        reason = _reason(told.get("reason"))
        removal = Removal(reason, erases=reason in _ERASING)
    # No event has an id: these members tell one from another, and are the same in each repetition.
    identity = [said["client_key"], name, open_id, occurred_at, content]
    return Event(registration, name, occurred_at, open_id, removal, opaque.digest(json.dumps(identity)), age)


def _reason(number: object) -> str:
    """The word for TikTok's number. What is not in its table takes the authorization away all the same."""
    return _REASONS.get(number, _UNKNOWN_REASON) if type(number) is int else _UNKNOWN_REASON


def _object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`, empty when there is none. Raises `_Repeated` when a member occurs twice.

    RFC 8259 §4 leaves open what a repeated name means: of two readers each may believe another one.
    """
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once)
    except _Repeated:
        raise
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _Repeated
    return members
