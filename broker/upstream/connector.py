"""What the broker knows of an upstream: who signed in, what was issued with it, the ways it fails.

    UpstreamError
    ├── Refused         the person said no, or this account may not sign in here
    │   └── NotShared   the person left out a permission without which the app cannot do
    ├── Unavailable     slow, down, overloaded, or answering strangely: worth another try later
    ├── Misconfigured   our credentials or our configuration are not accepted: an operator must act
    └── Rejected        what came back vouches for nobody; nothing of it may be stored

`str()` and `repr()` of each are safe to log: the sentence is the broker's own and never quotes what the
upstream or the browser sent. Only `Refused.description` is meant for the outside.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from broker.opaque import Secret


@dataclass(frozen=True)
class Approval:
    """What a person's browser brought back: a code to redeem, and the scopes said to be granted."""

    code: Secret
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Identity:
    """A person as the upstream vouches for them.

    `union_id` is who it is; `open_id` is the same person as one registration sees them. The other three are
    decoration that the person may change at will, None when not shared: they identify nobody.
    """

    union_id: str
    open_id: str
    display_name: str | None
    username: str | None
    avatar_url: str | None


@dataclass(frozen=True)
class TokenPair:
    """Upstream tokens with the scopes they stand for; both expiries in epoch seconds."""

    access_token: Secret
    refresh_token: Secret
    access_expires_at: int
    refresh_expires_at: int
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class SignedIn:
    """One finished sign-in at the upstream."""

    identity: Identity
    tokens: TokenPair


@dataclass(frozen=True)
class Trace:
    """Where a failure happened and what the upstream called it, for the operator's log and nobody else.

    `endpoint` is the broker's own word for the step; `retry_after` is in seconds. The values of others are
    here only in a form that cannot hold a token: short words, numbers, a log id.
    """

    endpoint: str
    status: int | None = None
    error: str | None = None
    error_type: str | None = None
    err_code: int | None = None
    log_id: str | None = None
    retry_after: int | None = None

    def fields(self) -> Mapping[str, str | int]:
        """What is known, ready for a log line."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        if "err_code" in known:
            # As whoever looks it up will find it.
            known["errCode"] = known.pop("err_code")
        return known


class UpstreamError(Exception):
    """A sign-in or token call that did not succeed. `sentence` says what happened, `trace` where."""

    def __init__(self, sentence: str, trace: Trace) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.trace = trace


class Refused(UpstreamError):
    """The person declined, left out what is needed, or has an account that may not sign in here."""

    @property
    def description(self) -> str:
        """The sentence, which for this failure is made to be shown (RFC 6749 §4.1.2.1 character set)."""
        return self.sentence


class NotShared(Refused):
    """The person left out permissions that the app requires: the upstream's names of them, `scopes`."""

    def __init__(self, scopes: tuple[str, ...], trace: Trace) -> None:
        super().__init__(
            "TikTok may not share what this app needs to know of you:"
            f" sign in again and leave ticked what is called {', '.join(scopes)}.",
            trace,
        )
        self.scopes = scopes


class Unavailable(UpstreamError):
    """No usable answer: nothing is known about the person, and another try may succeed.

    `nothing_sent` is True only when it is certain that no byte of the request went out, so that repeating it
    cannot do anything twice.
    """

    def __init__(self, sentence: str, trace: Trace, *, nothing_sent: bool = False) -> None:
        super().__init__(sentence, trace)
        self.nothing_sent = nothing_sent

    @property
    def retry_after(self) -> int | None:
        """Seconds the upstream asked us to stay away, when it did."""
        return self.trace.retry_after


class Misconfigured(UpstreamError):
    """Every sign-in through this registration will fail until an operator mends its configuration."""


class Rejected(UpstreamError):
    """A code, token or identity that does not hold: this one sign-in is over and leaves nothing behind."""
