"""What is counted and timed, for whoever watches: every metric by its name, in one place.

No label can hold a person, a token or an address: labels are names of registrations, of steps and of outcomes.
Where an outcome is one of TikTok's words, `word` bounds how many different ones there can be.
"""

import re
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()
"""What `/metrics` shows of this process."""

TIKTOK_CALLS: Final = Counter(
    "broker_tiktok_calls",
    "Calls to TikTok, by what came of them: ok, refused, unavailable, misconfigured or rejected.",
    ("registration", "endpoint", "outcome"),
    registry=REGISTRY,
)
TIKTOK_SECONDS: Final = Histogram(
    "broker_tiktok_call_seconds",
    "How long TikTok took to answer.",
    ("registration", "endpoint"),
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8),
    registry=REGISTRY,
)
CIRCUIT_OPEN: Final = Gauge(
    "broker_tiktok_circuit_open",
    "1 while new sign-ins are sent back at once because TikTok does not answer.",
    ("registration",),
    registry=REGISTRY,
)
LOGINS_STARTED: Final = Counter(
    "broker_logins_started",
    "Browsers sent to TikTok. Those that never came back: this less broker_logins_returned_total.",
    ("registration",),
    registry=REGISTRY,
)
LOGINS_RETURNED: Final = Counter(
    "broker_logins_returned",
    "Browsers that came back from TikTok to a login begun in them, with whatever answer.",
    ("registration",),
    registry=REGISTRY,
)
TIKTOK_DRIFT: Final = Counter(
    "broker_tiktok_drift",
    "Fields in TikTok's answers that this release does not know, or knows in another shape.",
    ("endpoint", "field"),
    registry=REGISTRY,
)
WEBHOOKS: Final = Counter(
    "broker_tiktok_webhooks",
    "Deliveries of TikTok's webhook, by what came of them: taken, repeated, stale or refused.",
    ("registration", "outcome"),
    registry=REGISTRY,
)
TIKTOK_REFRESHES: Final = Counter(
    "broker_tiktok_token_refreshes",
    "Refreshes of a TikTok token pair, by what came of them: done, unavailable, dead or lost.",
    ("registration", "outcome"),
    registry=REGISTRY,
)
AVATARS: Final = Counter(
    "broker_avatar_copies",
    "Avatars copied from TikTok, by what came of them: done or failed.",
    ("outcome",),
    registry=REGISTRY,
)
LIMITED: Final = Counter(
    "broker_limited_requests",
    "Requests refused with 429, by the limit: address, client_at_address, client, failures or failures_of_client.",
    ("limit",),
    registry=REGISTRY,
)


def begin(registration: str) -> None:
    """Let the metrics of a registration be there from the start: one that is absent cannot be subtracted."""
    LOGINS_STARTED.labels(registration)
    LOGINS_RETURNED.labels(registration)
    CIRCUIT_OPEN.labels(registration).set(0)


_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST_WORDS: Final = 100
_words: set[str] = set()


def word(text: str) -> str:
    """`text` as a label when it is plainly a name and not one too many, else `other`."""
    if text not in _words:
        if not _WORD.fullmatch(text) or len(_words) >= _MOST_WORDS:
            return "other"
        _words.add(text)
    return text
