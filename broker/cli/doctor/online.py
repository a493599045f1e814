"""What only asking tells: does TikTok know key and secret, and is the issuer this broker as seen from outside."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import orjson

from broker.cli.doctor import asking, clocks, cookies, proxy
from broker.cli.doctor.asking import Heard, NoAnswer
from broker.cli.doctor.findings import Finding, fault, ok, warning
from broker.clock import Clock
from broker.settings import Registration, Settings
from broker.store.clients import ClientRow
from broker.upstream.connector import Misconfigured, UpstreamError
from broker.upstream.tiktok_tokens import Pkce, TikTokTokens

_DISCOVERY = "/.well-known/openid-configuration"
_KEY_SET = "/.well-known/jwks.json"
_BEHIND_PROXY = (
    "Check that the proxy hands this path on to the broker, and that its DNS name and certificate are right."
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the database holds: the ids of the keys that are to be published now, and the registered apps."""

    kids: frozenset[str]
    apps: tuple[ClientRow, ...]


async def findings(
    http: httpx.AsyncClient, settings: Settings, known: Known | None, clock: Clock
) -> AsyncIterator[Finding]:
    """`known`: None when the database could not be read."""
    api, finding = await _heard(http, "TikTok's API", f"{settings.tiktok_api_url}/")
    yield finding
    if api is not None:
        for registration in settings.registrations:
            yield await _credentials(http, settings, registration, clock)
    _, finding = await _heard(http, "TikTok's authorize page", settings.tiktok_authorize_url)
    yield finding
    outside, finding = await _discovery(http, settings.issuer)
    yield finding
    if outside is not None:
        for finding in await _key_set(http, settings, known):
            yield finding
        async for finding in proxy.findings(http, settings):
            yield finding
    if outside is not None and known is not None:
        async for finding in cookies.findings(http, settings, known.apps):
            yield finding
    dated = next((heard for heard in (api, outside) if heard is not None and heard.date is not None), None)
    if dated is not None and dated.date is not None:
        whose = urlsplit(settings.tiktok_api_url if dated is api else settings.issuer).hostname or ""
        yield clocks.compared("clock", whose, theirs=dated.date, ours=clock())


async def _heard(http: httpx.AsyncClient, check: str, url: str) -> tuple[Heard | None, Finding]:
    host = urlsplit(url).netloc
    remedy = f"Let this machine reach {host} directly: the broker uses no proxy on its way out."
    try:
        heard = await asking.get(http, url)
    except NoAnswer as error:
        return None, fault(check, f"{host} gives no answer ({error})", remedy)
    if heard.status >= 500:
        return heard, warning(check, f"{host} answers with status {heard.status}", "Try again in some minutes.")
    return heard, ok(check, f"{host} answers")


async def _credentials(
    http: httpx.AsyncClient, settings: Settings, registration: Registration, clock: Clock
) -> Finding:
    check = f"key and secret of {registration.name}"
    tiktok = TikTokTokens(
        name=registration.name,
        client_key=registration.client_key,
        client_secret=registration.client_secret,
        pkce=cast("Pkce", registration.pkce),
        api_url=settings.tiktok_api_url,
        http=http,
        clock=clock,
    )
    try:
        await tiktok.prove_credentials()
    except Misconfigured as error:
        return fault(
            check,
            f"{error.sentence}{_details(error)}",
            f"Copy key and secret of {registration.name} anew from the app's page in the portal. Sandbox and "
            "production have a pair each.",
        )
    except UpstreamError as error:
        return warning(
            check, f"{error.sentence}{_details(error)}", "Nothing is proven; try again in some minutes."
        )
    return ok(check, "TikTok accepts them")


def _details(error: UpstreamError) -> str:
    told = [f"{name} {value}" for name, value in error.trace.fields().items() if name in ("error", "log_id")]
    return f" ({', '.join(told)})" if told else ""


async def _discovery(http: httpx.AsyncClient, issuer: str) -> tuple[Heard | None, Finding]:
    check = "issuer from outside"
    heard, document, wrong = await _json(http, f"{issuer}{_DISCOVERY}")
    if wrong is not None:
        return None, fault(check, wrong, f"{_BEHIND_PROXY} The broker must be running.")
    if document.get("issuer") != issuer:
        found = f"the discovery document at {issuer} names another issuer"
        return heard, fault(
            check, found, "Set BROKER_ISSUER to the same origin for every process, and for this command."
        )
    return heard, ok(check, f"{issuer} is this issuer")


async def _key_set(http: httpx.AsyncClient, settings: Settings, known: Known | None) -> list[Finding]:
    check = "key set from outside"
    heard, document, wrong = await _json(http, f"{settings.issuer}{_KEY_SET}")
    if heard is None or wrong is not None:
        return [fault(check, wrong or "", _BEHIND_PROXY)]
    caching = proxy.caching(heard, settings)
    if known is None:
        return [warning(check, "it is there, but cannot be compared", "Mend the database first."), caching]
    keys = document.get("keys")
    shown = {key.get("kid") for key in keys if isinstance(key, dict)} if isinstance(keys, list) else set()
    if different := len(shown ^ known.kids):
        differing = fault(
            check,
            f"{'1 key differs' if different == 1 else f'{different} keys differ'} from those in the database",
            "Let every process use the same BROKER_DATABASE_URL, restart those older than the newest key, "
            "and clear any cache in front of the broker.",
        )
        return [differing, caching]
    return [ok(check, f"the {len(shown)} keys of the database"), caching]


async def _json(http: httpx.AsyncClient, url: str) -> tuple[Heard | None, dict[str, Any], str | None]:
    """The answer, the object in it, and what is wrong with it."""
    try:
        heard = await asking.get(http, url)
    except NoAnswer as error:
        return None, {}, f"{url} gives no answer ({error})"
    if heard.status != 200:
        return heard, {}, f"{url} answers with status {heard.status}"
    try:
        document = orjson.loads(heard.body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        return heard, {}, f"{url} answers with something else than a JSON object"
    return heard, document, None
