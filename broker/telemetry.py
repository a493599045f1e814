"""What is counted and timed, for whoever watches: every metric by its name, in one place.

No label can hold a person, a token or an address: labels are names of registrations, of registered apps, of
routes, of steps and of outcomes. Where it is one of TikTok's words, `word` bounds how many different ones there
can be; of apps, `app` does. What is a fact in the database and not a count of ours is in `metrics_facts`.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()
"""What `/metrics` shows of this process."""

OK: Final = "ok"
"""The outcome of what was not refused."""

REQUESTS: Final = Counter(
    "broker_http_requests",
    "Requests answered. A route is an address of ours as it is written down, or `other`.",
    ("route", "method", "status"),
    registry=REGISTRY,
)
REQUEST_SECONDS: Final = Histogram(
    "broker_http_request_seconds",
    "How long a request took to answer.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
SIGN_INS: Final = Counter(
    "broker_sign_ins",
    "Answers to apps that asked to sign somebody in: `ok` for a code, else the error that the app heard.",
    ("client", "outcome"),
    registry=REGISTRY,
)
TOKEN_REQUESTS: Final = Counter(
    "broker_token_requests",
    "Requests to /token, by the last word of their grant type: `ok`, or the error.",
    ("grant", "outcome"),
    registry=REGISTRY,
)
TOKEN_REUSE: Final = Counter(
    "broker_token_reuse",
    "Codes and refresh tokens that came again: `repeated` within the grace, or `ended`, with the whole family.",
    ("token", "client", "outcome"),
    registry=REGISTRY,
)
DELIVERIES: Final = Counter(
    "broker_outbox_deliveries",
    "Deliveries of the outbox that were tried: `done`, `postponed` or `given_up`.",
    ("kind", "outcome"),
    registry=REGISTRY,
)
DATABASE_BUSY: Final = Gauge(
    "broker_database_busy",
    "Store functions that hold a connection to the database, or wait for one.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
DATABASE_CONNECTIONS: Final = Gauge(
    "broker_database_connections",
    "How many of them can work at once.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
BUILD_INFO: Final = Gauge(
    "broker_build_info",
    "Always 1; the labels tell which release runs on which Python.",
    ("version", "python"),
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
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
    "1 while new sign-ins are sent back at once because TikTok does not answer, in any process.",
    ("registration",),
    multiprocess_mode="livemax",
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

PURGED: Final = Counter(
    "broker_purged_rows",
    "Rows that had expired and were deleted by this process, by table.",
    ("table",),
    registry=REGISTRY,
)


def count_request(route: str, method: str, status: int, seconds: float) -> None:
    """One request was answered."""
    _requests(route, method, status).inc()
    _request_seconds(route).observe(seconds)


@lru_cache(maxsize=2048)
def _requests(route: str, method: str, status: int) -> Counter:
    return REQUESTS.labels(route, method, status)


@lru_cache(maxsize=256)
def _request_seconds(route: str) -> Histogram:
    return REQUEST_SECONDS.labels(route)


def count_tiktok(registration: str, endpoint: str, outcome: str, seconds: float) -> None:
    """One call of TikTok came to an end."""
    _tiktok_calls(registration, endpoint, outcome).inc()
    _tiktok_seconds(registration, endpoint).observe(seconds)


@lru_cache(maxsize=2048)
def _tiktok_calls(registration: str, endpoint: str, outcome: str) -> Counter:
    return TIKTOK_CALLS.labels(registration, endpoint, outcome)


@lru_cache(maxsize=256)
def _tiktok_seconds(registration: str, endpoint: str) -> Histogram:
    return TIKTOK_SECONDS.labels(registration, endpoint)


def begin(registration: str) -> None:
    """Let the metrics of a registration be there from the start: one that is absent cannot be subtracted."""
    LOGINS_STARTED.labels(registration)
    LOGINS_RETURNED.labels(registration)
    # Nor would the first of what happens seldom be seen to rise, and somebody shall be woken by it.
    for endpoint in ("token", "user_info", "refresh", "revoke"):
        TIKTOK_CALLS.labels(registration, endpoint, "misconfigured")
    TIKTOK_REFRESHES.labels(registration, "lost")
    CIRCUIT_OPEN.labels(registration).set(0)


def begin_deliveries(kinds: Iterable[str]) -> None:
    """The same for what the outbox delivers."""
    for kind in kinds:
        DELIVERIES.labels(kind, "given_up")


_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST_WORDS: Final = 100
_MOST_APPS: Final = 1_000
_words: set[str] = set()
_apps: set[str] = set()


def app(client_id: str) -> str:
    """The id of a registered app as a label, or `other` when there are too many."""
    if client_id not in _apps:
        if len(_apps) >= _MOST_APPS:
            return "other"
        _apps.add(client_id)
    return client_id


def word(text: str) -> str:
    """`text` as a label when it is plainly a name and not one too many, else `other`."""
    if text not in _words:
        if not _WORD.fullmatch(text) or len(_words) >= _MOST_WORDS:
            return "other"
        _words.add(text)
    return text
