"""What a proxy may hide, open or change without anybody noticing: webhooks, metrics, how long keys are kept."""

import re
from collections.abc import AsyncIterator

import httpx

from broker.cli.doctor import asking
from broker.cli.doctor.asking import Heard, NoAnswer
from broker.cli.doctor.findings import Finding, fault, ok, warning
from broker.configuration.values import duration_text
from broker.settings import Settings

_MAX_AGE = re.compile(r"(?:^|,)\s*max-age=(\d{1,9})\s*(?:,|$)", re.IGNORECASE)


async def findings(http: httpx.AsyncBaseTransport, settings: Settings) -> AsyncIterator[Finding]:
    """Each is asked for once, as a stranger would."""
    yield await _webhooks(http, settings)
    if not settings.loopback:
        yield await _metrics(http, settings)


def caching(key_set: Heard, settings: Settings) -> Finding:
    """Whether the key set may be kept for as long as the rotation of keys counts with (RFC 9111 §5.2.2.1)."""
    check = "key set's caching"
    expected = duration_text(settings.jwks_max_age)
    header = key_set.headers.get("cache-control", "")
    found = _MAX_AGE.search(header)
    if found is None or int(found[1]) != settings.jwks_max_age:
        return warning(
            check,
            f"Cache-Control is {header or 'missing'}, which is not the {expected} of BROKER_JWKS_MAX_AGE",
            "Let the proxy hand Cache-Control on as it is, and start every process with the same settings: keys "
            "change after twice that time, and whoever keeps the key set longer refuses good tokens.",
        )
    return ok(check, f"kept for {expected}")


async def _webhooks(http: httpx.AsyncBaseTransport, settings: Settings) -> Finding:
    check, url = "webhooks from outside", f"{settings.issuer}/webhooks/tiktok"
    remedy = (
        f"Let POST requests to {url} through, whoever sends them: it is the address that TikTok calls, and the "
        "broker itself refuses what TikTok has not signed."
    )
    try:
        heard = await asking.ask(http, "POST", url)
    except NoAnswer as error:
        return fault(check, f"{url} gives no answer ({error})", remedy)
    if heard.status != 401:
        return fault(check, f"{url} answers an event without a signature with {heard.status}, and not 401", remedy)
    return ok(check, f"{url} refuses what TikTok has not signed")


async def _metrics(http: httpx.AsyncBaseTransport, settings: Settings) -> Finding:
    check, url = "metrics from outside", f"{settings.issuer}/metrics"
    try:
        heard = await asking.get(http, url)
    except NoAnswer:
        return ok(check, "nobody gets them")
    if heard.status == 200:
        return warning(
            check,
            f"{url} shows them to whoever asks",
            "Set BROKER_METRICS_TOKEN, and have the proxy send X-Forwarded-For or keep /metrics to itself.",
        )
    return ok(check, f"refused with status {heard.status}")
