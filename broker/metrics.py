"""`GET /metrics`: what this process has counted, in Prometheus' text or in OpenMetrics.

For who brings the operator's token (RFC 6750 §2.1), or without such a token for this machine only. What came
through a proxy is not from this machine, wherever the proxy stands.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker import opaque
from broker.oauth.errors import OAuthError
from broker.opaque import Secret
from broker.telemetry import REGISTRY
from broker.web.errors import back_channel

_OPENMETRICS: Final = "application/openmetrics-text"
# What proxies add: RFC 7239, RFC 9110 §7.6.3, and the names in use before them.
_FORWARDED: Final = ("forwarded", "via", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Answers whoever watches; `token` is what they must know."""

    token: Secret | None

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
        headers = {"Content-Type": media_type, "Cache-Control": "no-store"}
        return Response(encode(REGISTRY), headers=headers)


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
