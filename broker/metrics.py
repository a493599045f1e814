"""`GET /metrics`: what was counted here, in Prometheus' text or in OpenMetrics.

Counted by this process or, of several workers, by all of them together: each has files of its own in a folder
that they share. What a worker counted that is gone still counts; of how things are with it nothing is said any
more. What is a fact in the database is asked of the database.

For who brings the operator's token (RFC 6750 §2.1), or without such a token for this machine only. What came
through a proxy is not from this machine, wherever the proxy stands.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker import opaque
from broker.clock import Clock
from broker.metrics_facts import families
from broker.oauth.errors import OAuthError
from broker.opaque import Secret
from broker.store import watching
from broker.store.database import Database, DatabaseUnavailable, SchemaMismatch
from broker.store.watching import Facts
from broker.telemetry import REGISTRY
from broker.web.errors import back_channel

_OPENMETRICS: Final = "application/openmetrics-text"
# What proxies add: RFC 7239, RFC 9110 §7.6.3, and the names in use before them.
_FORWARDED: Final = ("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Answers whoever watches. `token` is what they must know, `shared` the folder in which workers count."""

    token: Secret | None
    database: Database
    shared: Path | None
    clock: Clock

    def routes(self) -> list[Route]:
        """`GET /metrics`."""
        return [Route("/metrics", back_channel(self.get, challenge=_challenge), methods=["GET"])]

    async def get(self, request: Request) -> Response:
        """The metrics; OpenMetrics for who accepts it."""
        if self.token is not None:
            _refuse_strangers(request, self.token)
        elif not _from_this_machine(request):
            raise OAuthError(
                "access_denied",
                "Without BROKER_METRICS_TOKEN this page is for the broker's own machine only.",
                status=403,
            )
        accepted = request.headers.get("accept", "")
        # Not the header as it came: the library raises on versions that are none, and answers with what it finds.
        encode, media_type = choose_encoder(_OPENMETRICS if _OPENMETRICS in accepted else "")
        facts, now = await self._facts(), self.clock()
        registry = CollectorRegistry()
        registry.register(_Everything(self._counts(), families(facts, now=now)))
        # Of many workers there are many files to read, and somebody may be signing in meanwhile.
        text = await asyncio.to_thread(encode, registry)
        return Response(text, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    async def _facts(self) -> Facts | None:
        try:
            return await self.database.read(watching.look, now=self.clock())
        except (DatabaseUnavailable, SchemaMismatch):
            return None

    def _counts(self) -> Collector:
        if self.shared is None:
            return REGISTRY
        _forget_the_dead(self.shared)
        return _Shared(self.shared)


@dataclass(frozen=True, slots=True)
class _Shared(Collector):
    """What all workers have counted, in the files of this folder."""

    folder: Path

    def collect(self) -> Iterable[Metric]:
        """Their sums."""
        # One that a worker has opened this instant is empty still, and the library cannot read that.
        files = [str(file) for file in self.folder.glob("*.db") if _has_begun(file)]
        found: Iterable[Metric] = MultiProcessCollector.merge(files)
        return found

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry that asks is made for one answer."""
        return ()


@dataclass(frozen=True, slots=True)
class _Everything(Collector):
    """What was counted, and what is."""

    counts: Collector
    facts: Iterable[Metric]

    def collect(self) -> Iterator[Metric]:
        yield from self.counts.collect()
        yield from self.facts

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry that asks is made for one answer."""
        return ()


def _has_begun(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        # That of a dead worker, which another has just taken away.
        return False


def _forget_the_dead(folder: Path) -> None:
    """Leave out how things are with workers that are no more, however they ended; the next have other numbers."""
    if os.name == "nt":
        # There the question whether a process lives would end it.
        return
    for pid in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*.db")}:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            # Every worker may be asked at the same time, and one of them is first.
            with contextlib.suppress(FileNotFoundError):
                mark_process_dead(pid, str(folder))


def _refuse_strangers(request: Request, token: Secret) -> None:
    given = request.headers.getlist("authorization")
    scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    # Header values are Latin-1.
    if scheme.lower() != "bearer" or not opaque.equal(text.strip().encode("latin-1"), token.reveal().encode()):
        raise OAuthError("invalid_token", "This page wants the token in BROKER_METRICS_TOKEN.", status=401)


def _challenge(_request: Request, error: OAuthError) -> str | None:
    return 'Bearer realm="metrics"' if error.status == 401 else None


def _from_this_machine(request: Request) -> bool:
    if any(name in request.headers for name in _FORWARDED):
        return False
    # A page in a browser on this machine can ask too, under a name that resolves to here: by its name it is known.
    name = request.url.hostname
    return request.client is not None and _loopback(request.client.host) and name is not None and _local(name)


def _local(name: str) -> bool:
    return name == "localhost" or _loopback(name)


def _loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
