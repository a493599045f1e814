"""Carrying a webhook to the app's address: the one thing that the simulator asks of somebody else."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

Post: TypeAlias = Callable[[str, Mapping[str, str], bytes], Awaitable[int | None]]
"""Sends headers and body to a URL; the HTTP status, or None when no answer came."""

_PATIENCE = 10
"""Seconds. TikTok's own are not written down."""


async def post(url: str, headers: Mapping[str, str], body: bytes) -> int | None:
    """POST it over the network. A redirect is an answer like any other, and no answer's body is read."""
    # Here and not above: a simulator that tells nobody anything does without a client, and starts sooner.
    import httpx

    # An app on this machine listens without TLS, where a client would load its list of authorities for nothing.
    client = httpx.AsyncClient(timeout=_PATIENCE, trust_env=False, verify=url.startswith("https:"))
    try:
        async with client, client.stream("POST", url, headers=dict(headers), content=body) as response:
            return response.status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
