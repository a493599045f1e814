"""Findings of `broker doctor`, looked up by their check."""

import asyncio
from collections.abc import Iterable

from broker.cli.doctor.examination import examined
from broker.cli.doctor.findings import Finding
from broker.clock import Clock, system_clock
from broker.settings import load
from tests.cli.running import settings


def by_check(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Each finding under its check, of which there is one each; a good one comes without a remedy, others with."""
    found: dict[str, Finding] = {}
    for finding in findings:
        assert finding.check not in found
        assert (finding.remedy is None) == (finding.outcome == "ok"), finding
        found[finding.check] = finding
    return found


def examine(url: str, *, clock: Clock = system_clock, ask: bool = False, **changes: str) -> dict[str, Finding]:
    """What is found with the good settings of a broker on loopback, and changes to them."""
    chosen = load(settings(url, **changes))

    async def every() -> list[Finding]:
        return [finding async for finding in examined(chosen, clock, ask=ask)]

    return by_check(asyncio.run(every()))
