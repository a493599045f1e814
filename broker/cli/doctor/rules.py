"""What the settings alone tell: TikTok's rules, and what is unwise though it is possible."""

from collections.abc import Iterator
from typing import Final

from broker.cli.doctor.findings import Finding, fault, ok, warning
from broker.configuration.registrations import DEFAULT, environment_of
from broker.configuration.values import duration_text
from broker.login.addresses import callback_address
from broker.settings import VARIABLES, Registration, Settings
from broker.upstream import tiktok_redirects, tiktok_scopes

_LONG_FOR_ACCESS: Final = 3_600
_OF_TIKTOK = {variable.field: variable.default for variable in VARIABLES}


def findings(settings: Settings) -> Iterator[Finding]:
    """Every rule, in the order in which an operator meets them."""
    yield _issuer(settings)
    yield from for_others(settings)


def for_others(settings: Settings) -> Iterator[Finding]:
    """Every rule but that a broker should be for others: whoever tries it out on one machine knows that."""
    yield _proxies(settings)
    yield _callbacks(settings)
    yield _access_tokens(settings)
    yield _tiktok(settings)
    for registration in settings.registrations:
        yield _redirect(settings, registration)
        yield _key(settings, registration)
        yield _pkce(registration)
        yield _scopes(registration)


def _issuer(settings: Settings) -> Finding:
    if settings.loopback:
        return warning(
            "issuer",
            f"{settings.issuer} is on this machine: nobody else can sign in",
            "For others set BROKER_ISSUER to a public https origin.",
        )
    return ok("issuer", settings.issuer)


def _proxies(settings: Settings) -> Finding:
    if any(network.prefixlen == 0 for network in settings.trusted_proxies):
        return warning(
            "proxies",
            "X-Forwarded-* headers are believed whoever sends them",
            "Name just the proxies in BROKER_TRUSTED_PROXIES.",
        )
    if settings.secure and not settings.trusted_proxies:
        return warning(
            "proxies",
            "the issuer is https, which a proxy has to speak, and no proxy is trusted"
            + ("" if settings.limits == "off" else ": for the limits everybody has one address, the proxy's"),
            "Name the proxy in BROKER_TRUSTED_PROXIES, and check that it hands cookies on: begin a sign-in, and "
            "the browser must keep a cookie of the issuer that is marked Secure, with path / and a name that "
            "begins with __Host-. A proxy that renames it or changes its path breaks every sign-in.",
        )
    return ok("proxies", ", ".join(map(str, settings.trusted_proxies)) or "none, and none is needed on http")


def _callbacks(settings: Settings) -> Finding:
    if settings.allow_private_callbacks and not settings.loopback:
        return warning(
            "callbacks",
            "whoever registers an app can have the broker call addresses inside your network",
            "Unset BROKER_ALLOW_PRIVATE_CALLBACKS unless every app is yours and one of them is inside.",
        )
    return ok(
        "callbacks", "apps are called on this machine, too" if settings.loopback else "on public addresses only"
    )


def _access_tokens(settings: Settings) -> Finding:
    life = duration_text(settings.access_token_ttl)
    if settings.access_token_ttl > _LONG_FOR_ACCESS:
        return warning(
            "access tokens",
            f"good for {life}: for so long a backend believes somebody who was signed out or blocked",
            "Set BROKER_ACCESS_TOKEN_TTL to 10m, or to an hour at most: apps get new ones by refreshing.",
        )
    return ok("access tokens", f"good for {life}")


def _tiktok(settings: Settings) -> Finding:
    chosen = {name: getattr(settings, name) for name in ("tiktok_authorize_url", "tiktok_api_url")}
    others = {name: url for name, url in chosen.items() if url != _OF_TIKTOK[name]}
    if not others:
        return ok("TikTok", "TikTok itself")
    where = " and ".join(others.values())
    remedy = "Unset BROKER_TIKTOK_AUTHORIZE_URL and BROKER_TIKTOK_API_URL."
    if len(others) < len(chosen):
        return warning(
            "TikTok", f"one address is TikTok's own and one is not ({where})", f"If TikTok is meant: {remedy}"
        )
    if not settings.loopback:
        return warning("TikTok", f"people do not sign in at TikTok but at {where}", remedy)
    return ok("TikTok", f"a stand-in at {where}")


def _redirect(settings: Settings, registration: Registration) -> Finding:
    check = f"redirect URI of {registration.name}"
    uri = callback_address(settings.issuer, registration.name)
    found = f"{uri} ({tiktok_redirects.advice(uri)})"
    if not tiktok_redirects.accepted(uri):
        return fault(
            check,
            found,
            "Change BROKER_ISSUER: TikTok takes https with a public host name under platform Web, and localhost "
            "or 127.0.0.1 with a port under platform Desktop.",
        )
    return ok(check, found)


def _key(settings: Settings, registration: Registration) -> Finding:
    check = f"client key of {registration.name}"
    told, looks = registration.environment, environment_of(registration.client_key)
    if told != looks:
        return warning(
            check,
            f"environment is {told}, but the key looks like one of a {looks} app",
            "TikTok gives each environment its own key and secret, and a sandbox's key begins with sb: correct "
            f"environment or client_key of {registration.name} in BROKER_TIKTOK_REGISTRATIONS.",
        )
    if looks == "sandbox" and not settings.loopback:
        return warning(
            check,
            "a sandbox's key at a public issuer: only the sandbox's ten target users can sign in",
            "Once TikTok has approved the app, put its production key and secret in "
            f"{_place(registration, 'client_key')} and {_place(registration, 'client_secret')}.",
        )
    return ok(check, f"{registration.client_key} ({told})")


def _pkce(registration: Registration) -> Finding:
    check, place = f"PKCE of {registration.name}", _place(registration, "pkce")
    match registration.pkce:
        case "base64url":
            return warning(
                check,
                "base64url: TikTok takes such a challenge on its page and refuses the code afterwards",
                f"Set {place} to hex, unless you have seen sign-ins succeed.",
            )
        case "none":
            return warning(
                check,
                "none: a code of TikTok's is bound to no sign-in, and apps of platform Desktop are refused",
                f"Set {place} to hex, unless TikTok refuses it for this app.",
            )
        case style:
            return ok(check, style)


def _scopes(registration: Registration) -> Finding:
    check, place = f"scopes of {registration.name}", _place(registration, "scopes")
    unknown = [scope for scope in registration.scopes if scope not in tiktok_scopes.KNOWN]
    if unknown:
        return warning(
            check,
            f"{', '.join(unknown)} is on no list of TikTok's that this release knows",
            f"Correct {place}: one scope that TikTok has not approved for the app makes every sign-in fail.",
        )
    reviewed = [scope for scope in registration.scopes if scope != tiktok_scopes.FOR_EVERYBODY]
    note = f" (TikTok must have approved {', '.join(reviewed)}, or every sign-in fails)" if reviewed else ""
    return ok(check, ", ".join(registration.scopes) + note)


def _place(registration: Registration, key: str) -> str:
    """Where the operator sets it."""
    if registration.name == DEFAULT:
        return f"BROKER_TIKTOK_{key.upper()}"
    return f"{key} of {registration.name} in BROKER_TIKTOK_REGISTRATIONS"
