"""Reading what TikTok's servers answer: the body decides, and every value is held against what it must be.

A body that reports an error becomes the exception of its row in `tiktok_errors`; one of another shape than
documented is `Unavailable`. What is left is complete: there is no half identity and no half token pair.
Unknown members are counted and otherwise ignored. Of a name that occurs twice the last one holds, as everywhere
in JSON: the body has one sender, one reader and TLS between them, so the doubt harms nobody.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from broker.opaque import Secret
from broker.upstream import tiktok_drift
from broker.upstream.connector import Identity, Rejected, TokenPair, Trace, Unavailable, UpstreamError
from broker.upstream.http import Answer
from broker.upstream.tiktok_errors import Complaint, Place, answer_trace, complaint, verdict

# Live ids have 36 characters and are documented as opaque; tokens travel in a header, so no space and no
# control character may be in them (RFC 6749 §A.12).
_OPAQUE = re.compile(r"[\x21-\x7e]{1,255}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
_SCOPE = re.compile(r"[A-Za-z0-9._]{1,100}")
_URL = re.compile(r"[\x21-\x7e]{1,2048}")
_LABEL_LENGTH = 255
_SCOPE_COUNT = 100
_TEN_YEARS = 10 * 366 * 86_400


@dataclass(frozen=True)
class Issued:
    """A token answer: the pair, and the person as this registration sees them."""

    open_id: str
    tokens: TokenPair


@dataclass(frozen=True)
class Body:
    """A JSON object out of TikTok's answer; its methods give a member as what it must be, or raise."""

    members: Mapping[str, object] = field(repr=False)
    trace: Trace

    def strange(self, what: str) -> UpstreamError:
        """The answer is not of the documented shape."""
        return Unavailable(f"TikTok answered strangely: {what}", self.trace)

    def unusable(self, name: str) -> UpstreamError:
        """A member is missing, or not what it must be."""
        tiktok_drift.count(self.trace.endpoint, name)
        return self.strange(f"no usable `{name}`")

    def child(self, name: str) -> "Body":
        """An object within the object."""
        value = self.members.get(name)
        if not isinstance(value, dict):
            raise self.unusable(name)
        tiktok_drift.count_unknown(self.trace.endpoint, value, within=name)
        return Body(value, self.trace)

    def text(self, name: str, pattern: re.Pattern[str]) -> str:
        """A string that fits the pattern as a whole."""
        value = self.members.get(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.unusable(name)
        return value

    def optional_text(self, name: str) -> str:
        """A string, empty when it is missing, null or empty."""
        value = self.members.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.unusable(name)
        return value

    def seconds(self, name: str) -> int:
        """A duration. JSON's true is a Python int, and a number beyond 64 bits arrives as a float."""
        value = self.members.get(name)
        if type(value) is not int or not 0 < value <= _TEN_YEARS:
            raise self.unusable(name)
        return value


def token_body(place: Place, answer: Answer) -> Body:
    """The flat object of a token answer, which has no `error`. Raises `UpstreamError`."""
    body, said = _read(place, answer)
    error = body.members.get("error")
    if error is None:
        return body
    if not isinstance(error, str):
        raise body.unusable("error")
    raise verdict(error, said.hints, body.trace)


def revoked(answer: Answer) -> None:
    """Hold an answer against what revoking answers: status 2xx and no error, whatever else its body is.

    Raises `UpstreamError`. Source: /docs/en/oauth-revoke-a-user-access-token.
    """
    members = _object(answer)
    said = complaint(members or {})
    body = Body(members or {}, answer_trace("revoke", answer, said))
    _refuse_no_answer(answer, body.trace)
    tiktok_drift.count_unknown("revoke", body.members)
    if body.members.get("error") is not None and said.code != "ok":
        if not isinstance(said.code, str):
            raise body.unusable("error")
        raise verdict(said.code, said.hints, body.trace)
    if not 200 <= answer.status < 300:
        raise body.strange(f"HTTP {answer.status} without an error")


def user_info_body(answer: Answer) -> Body:
    """The object of a user-info answer, whose `error.code` is "ok". Raises `UpstreamError`."""
    body, said = _read("user_info", answer)
    code = body.child("error").text("code", _OPAQUE)
    if code == "ok":
        return body
    raise verdict(code, said.hints, body.trace)


def issued(body: Body, *, now: int, callback_scopes: tuple[str, ...]) -> Issued:
    """The tokens of a sign-in or refresh, their lifetimes counted from `now` (epoch seconds).

    Granted is what the answer says, or what the callback said when the answer is silent. A refresh had no
    callback: no scopes then mean that the old ones stand (RFC 6749 §6).
    Raises `Unavailable`. Source: /doc/oauth-get-a-user-access-token.
    """
    _refuse_unknown_type(body)
    tokens = TokenPair(
        access_token=Secret(body.text("access_token", _TOKEN)),
        refresh_token=Secret(body.text("refresh_token", _TOKEN)),
        access_expires_at=now + body.seconds("expires_in"),
        refresh_expires_at=now + body.seconds("refresh_expires_in"),
        scopes=scope_list(body.optional_text("scope")) or callback_scopes,
    )
    return Issued(body.text("open_id", _OPAQUE), tokens)


def client_token(body: Body) -> None:
    """Hold an answer to the client-credentials grant against its shape. Raises `Unavailable`."""
    _refuse_unknown_type(body)
    body.text("access_token", _TOKEN)


def identity(body: Body, *, avatar_schemes: Collection[str]) -> Identity:
    """The person in a user-info answer. Raises `Rejected` without a `union_id`, otherwise `Unavailable`.

    Source: /doc/tiktok-api-v2-get-user-info.
    """
    user = body.child("data").child("user")
    if not user.optional_text("union_id"):
        raise Rejected(
            "TikTok named no union_id, and nobody is known by an open_id alone: see that Login Kit and"
            " user.info.basic are added to this client key's app, in this environment",
            user.trace,
        )
    return Identity(
        union_id=user.text("union_id", _OPAQUE),
        open_id=user.text("open_id", _OPAQUE),
        display_name=_label(user.optional_text("display_name")),
        username=_label(user.optional_text("username")),
        avatar_url=_link(user.optional_text("avatar_url"), avatar_schemes),
    )


def scope_list(text: str) -> tuple[str, ...]:
    """Scopes out of TikTok's comma list, each once and in its order; what cannot be one is left out."""
    names = (name.strip() for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if _SCOPE.fullmatch(name)))[:_SCOPE_COUNT]


def _read(place: Place, answer: Answer) -> tuple[Body, Complaint]:
    """The object in an answer and its error part, provided that somebody answered at all."""
    members = _object(answer)
    said = complaint(members or {})
    body = Body(members or {}, answer_trace(place, answer, said))
    _refuse_no_answer(answer, body.trace)
    if members is None:
        raise body.strange("not a JSON object")
    tiktok_drift.count_unknown(place, members)
    return body, said


def _object(answer: Answer) -> Mapping[str, object] | None:
    try:
        members = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return members if isinstance(members, dict) else None


def _refuse_no_answer(answer: Answer, trace: Trace) -> None:
    # Among statuses 200 and 4xx the body decides: TikTok reports errors with status 200, too.
    if answer.status == 429 or not (200 <= answer.status < 300 or 400 <= answer.status < 500):
        raise Unavailable(f"TikTok is down, overloaded or has moved (HTTP {answer.status})", trace)


def _refuse_unknown_type(body: Body) -> None:
    # RFC 6749 §7.1: a token of a type we do not know must not be used.
    if body.optional_text("token_type").lower() != "bearer":
        raise body.unusable("token_type")


def _label(text: str) -> str | None:
    """A name to show, without the control characters that a database or a page would choke on."""
    shown = "".join(char for char in text if unicodedata.category(char) != "Cc").strip()
    return shown if 0 < len(shown) <= _LABEL_LENGTH else None


def _link(url: str, schemes: Collection[str]) -> str | None:
    """An avatar's address exactly as it came: its query is signed and breaks when encoded anew."""
    if not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in schemes and parts.hostname else None
