"""The legs: what is measured, how often, what a target must have for it, and what has to be in stock."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.browser import Asking
from benchmarks.journeys import App

_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Leg:
    """One kind of operation. `count`: how often in a round, some CPU-seconds of the service.

    The kernel's meter counts in hundredths of a second. `requests` is what one operation sends to our service.
    """

    title: str
    count: int
    play: Callable[[App], Asking[None]]
    possible: Callable[[App], bool] = lambda _: True
    needs: Callable[[App, int, int], Iterator["Need"]] = lambda _, __, ___: iter(())


@dataclass(frozen=True, slots=True)
class Need:
    """What is played beforehand, unmeasured, and how often."""

    play: Callable[[App], Asking[None]]
    count: int


def _codes(app: App, count: int, _: int) -> Iterator[Need]:
    yield Need(App.come_back, count - len(app.codes))


def _refresh_tokens(app: App, _: int, at_once: int) -> Iterator[Need]:
    """Each refresh leaves its successor, so there must be more than are spent at the same time."""
    yield Need(App.sign_in, 2 * at_once - len(app.refresh_tokens))


def _browsers(app: App, _: int, at_once: int) -> Iterator[Need]:
    yield Need(App.stay, at_once - len(app.browsers))


def _access_tokens(app: App, count: int, at_once: int) -> Iterator[Need]:
    """Fresh ones each time, since they live for minutes; several, since a backend sees the same ones again."""
    yield from _refresh_tokens(app, count, at_once)
    app.access_tokens.clear()
    yield Need(App.fetch, _TOKENS)


def _spare_refresh_tokens(app: App, count: int, at_once: int) -> Iterator[Need]:
    """Sign-ins leave some; what is missing comes from sessions, which is cheaper than TikTok."""
    yield from _browsers(app, count, at_once)
    yield Need(App.resume, count + 2 * at_once - len(app.refresh_tokens))


def _proofs(app: App, count: int, at_once: int) -> Iterator[Need]:
    yield from _refresh_tokens(app, count, at_once)
    app.proofs.clear()
    url = app.endpoints["token_endpoint"]
    app.proofs.extend(app.prover.proof(url) for _ in range(count))


def _at(endpoint: str) -> Callable[[App], bool]:
    return lambda app: app.endpoints.has(endpoint)


LEGS: Mapping[str, Leg] = {
    "sign_in": Leg("sign-in", 600, App.sign_in),
    "exchange": Leg("code exchange", 1000, App.exchange, needs=_codes),
    "refresh": Leg("refresh", 1500, App.refresh, needs=_refresh_tokens),
    "dpop_refresh": Leg(
        "refresh with DPoP", 1500, App.dpop_refresh, lambda app: app.endpoints.proves_possession, _proofs
    ),
    "resume": Leg("sign-in from a session", 800, App.resume, needs=_browsers),
    "userinfo": Leg("userinfo", 3000, App.userinfo, _at("userinfo_endpoint"), _access_tokens),
    "introspect": Leg("introspection", 3000, App.introspect, _at("introspection_endpoint"), _access_tokens),
    "revoke": Leg("revocation", 1500, App.revoke, _at("revocation_endpoint"), _spare_refresh_tokens),
    "hand_out": Leg(
        "TikTok's token", 1500, App.hand_out, lambda app: app.parties.tiktok_resource is not None, _access_tokens
    ),
    "read_keys": Leg("key set (JWKS)", 16_000, App.read_keys),
    "read_discovery": Leg("discovery", 16_000, App.read_discovery),
}
"""In the order in which a round plays them."""
