"""Every variable once, as data: what reads it, what it stands at by itself, what it is for.

`broker serve`, `broker doctor` and the documentation's table are made from here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from broker.configuration import addresses, registrations, values

PREFIX = "BROKER_"
FILE_SUFFIX = "_FILE"


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable."""

    name: str
    field: str
    """The attribute of `Settings` that it fills, or of the registration named `default`."""
    parse: Callable[[str], object]
    """Text → value; raises `BadValue`."""
    purpose: str
    default: str | None = None
    """The text it stands at when unset; None for what is then required or absent."""
    remedy: str = ""
    """What to do when it is missing; empty for what may be."""
    is_path: bool = False
    """The value is a path, read in any case; `…_FILE` is another spelling of the same."""


VARIABLES: tuple[Variable, ...] = (
    Variable(
        "BROKER_ISSUER",
        "issuer",
        addresses.issuer,
        "public origin; https, except on loopback; no path, query, fragment or trailing slash",
        remedy="set it to the broker's public origin, such as https://id.example.com",
    ),
    Variable(
        "BROKER_DATABASE_URL",
        "database_url",
        addresses.database_url,
        "sqlite:///path, or postgresql://user:password@host/database (the driver is the broker's choice)",
        default="sqlite:///broker.db",
    ),
    Variable(
        "BROKER_DATABASE_POOL",
        "database_pool",
        values.count(2, 1_000),
        "connections to PostgreSQL that each process has at most",
        default="10",
    ),
    Variable(
        "BROKER_DATABASE_STATEMENT_TIMEOUT",
        "database_statement_timeout",
        values.duration(most="1m"),
        "longest that a statement may take; without an answer a request gets 503 within a second more",
        default="1s",
    ),
    Variable(
        "BROKER_DATABASE_IDLE_TIMEOUT",
        "database_idle_timeout",
        values.duration(most="1h"),
        "after that PostgreSQL ends a transaction in which nothing happens",
        default="10s",
    ),
    Variable(
        "BROKER_SECRET_KEYS",
        "secret_keys",
        values.secret_keys,
        "comma list of keys from `broker secret`; the first seals, all open",
        remedy="set it to what `broker secret` prints",
    ),
    Variable(
        "BROKER_TIKTOK_CLIENT_KEY",
        "client_key",
        values.client_key,
        "client key of the registration named default",
        remedy="copy the client key from the app's page in TikTok's developer portal",
    ),
    Variable(
        "BROKER_TIKTOK_CLIENT_SECRET",
        "client_secret",
        values.client_secret,
        "client secret of the registration named default",
        remedy="copy the client secret from the app's page in TikTok's developer portal",
    ),
    Variable(
        "BROKER_TIKTOK_PREVIOUS_CLIENT_SECRET",
        "previous_client_secret",
        values.client_secret,
        "client secret before this one: while TikTok changes over, what it signs with the old one is good",
    ),
    Variable(
        "BROKER_TIKTOK_REGISTRATIONS",
        "registrations",
        str,
        "path of a TOML file with further registrations",
        is_path=True,
    ),
    Variable(
        "BROKER_TIKTOK_SCOPES",
        "scopes",
        values.scopes,
        "comma list of TikTok scopes asked for at sign-in",
        default="user.info.basic",
    ),
    Variable(
        "BROKER_TIKTOK_PKCE",
        "pkce",
        registrations.pkce,
        "how TikTok gets the code challenge: hex, base64url or none",
        default="hex",
    ),
    Variable(
        "BROKER_TIKTOK_AUTHORIZE_URL",
        "tiktok_authorize_url",
        addresses.endpoint,
        "full URL of TikTok's authorize page, or of a simulator's",
        default="https://www.tiktok.com/v2/auth/authorize/",
    ),
    Variable(
        "BROKER_TIKTOK_API_URL",
        "tiktok_api_url",
        addresses.base,
        "base URL of TikTok's API host, or of a simulator",
        default="https://open.tiktokapis.com",
    ),
    Variable(
        "BROKER_SIGNING_ALG",
        "signing_alg",
        values.choice("ES256", "RS256", "PS256", "EdDSA"),
        "algorithm of the tokens' signatures: ES256, RS256, PS256 or EdDSA",
        default="ES256",
    ),
    Variable(
        "BROKER_CODE_TTL",
        "code_ttl",
        # RFC 6749 §4.1.2: a code lives ten minutes at most.
        values.duration(most="10m"),
        "how long an authorization code may be redeemed",
        default="60s",
    ),
    Variable(
        "BROKER_ACCESS_TOKEN_TTL",
        "access_token_ttl",
        values.duration(),
        "life of an access token",
        default="10m",
    ),
    Variable(
        "BROKER_REFRESH_TOKEN_TTL",
        "refresh_token_ttl",
        values.duration(),
        "life of a refresh token, anew with each use",
        default="30d",
    ),
    Variable(
        "BROKER_GRANT_TTL",
        "grant_ttl",
        values.duration(),
        "the longest that refreshing goes on after one sign-in",
        default="365d",
    ),
    Variable(
        "BROKER_SESSION_TTL",
        "session_ttl",
        values.duration(),
        "how long a browser stays signed in without being used",
        default="7d",
    ),
    Variable(
        "BROKER_SESSION_MAX_TTL",
        "session_max_ttl",
        values.duration(),
        "the longest that a browser stays signed in",
        default="30d",
    ),
    Variable(
        "BROKER_LOGIN_TTL",
        "login_ttl",
        values.duration(most="10m"),
        "how long a started sign-in may take",
        default="10m",
    ),
    Variable(
        "BROKER_REFRESH_GRACE",
        "refresh_grace",
        values.duration("0s", "5m"),
        "time in which a repeated refresh gets the same successor",
        default="60s",
    ),
    Variable(
        "BROKER_JWKS_MAX_AGE",
        "jwks_max_age",
        values.duration(most="1d"),
        "how long the key set may be cached",
        default="5m",
    ),
    Variable(
        "BROKER_KEY_LIFETIME",
        "key_lifetime",
        values.duration(),
        "age at which the next signing key takes over",
        default="90d",
    ),
    Variable(
        "BROKER_STATUS_LIST",
        "status_list",
        values.switch,
        "on publishes which access tokens have been revoked, for backends that verify them by themselves",
        default="on",
    ),
    Variable(
        "BROKER_TRUSTED_PROXIES",
        "trusted_proxies",
        values.networks,
        "comma list of addresses and networks whose X-Forwarded-* headers are believed",
        default="none",
    ),
    Variable(
        "BROKER_LIMITS",
        "limits",
        values.choice("auto", "on", "off"),
        "whether requests are limited: on, off, or auto, which is off while the issuer is on loopback",
        default="auto",
    ),
    Variable(
        "BROKER_LIMITS_ADDRESS",
        "limits_address",
        values.per_minute,
        "requests a minute that one address may send to one endpoint without proving which app it is",
        default="1200",
    ),
    Variable(
        "BROKER_LIMITS_CLIENT",
        "limits_client",
        values.per_minute,
        "requests a minute that one app may send to /token and /par after proving itself",
        default="12000",
    ),
    Variable(
        "BROKER_LIMITS_FAILURES",
        "limits_failures",
        values.per_minute,
        "failed client authentications and forged webhooks a minute that one address may send",
        default="60",
    ),
    Variable(
        "BROKER_SHUTDOWN_DRAIN",
        "shutdown_drain",
        values.duration("0s", "5m"),
        "how long SIGTERM leaves it serving, with /readyz saying no, so that nobody is sent here any more",
        default="5s",
    ),
    Variable(
        "BROKER_SHUTDOWN_GRACE",
        "shutdown_grace",
        values.duration("0s", "5m"),
        "what open requests and deliveries to apps then get to finish",
        default="8s",
    ),
    Variable(
        "BROKER_METRICS_TOKEN",
        "metrics_token",
        values.bearer,
        "bearer token for /metrics, which without it answers loopback only",
    ),
    Variable(
        "BROKER_ALLOW_PRIVATE_CALLBACKS",
        "allow_private_callbacks",
        values.switch,
        "on lets back-channel logout and jwks_uri reach private addresses",
        default="off",
    ),
    Variable(
        "BROKER_AVATARS",
        "avatars",
        values.choice("copy", "link", "off"),
        "copy keeps pictures of people here, since TikTok's links expire; link passes those on; off shows none",
        default="copy",
    ),
    Variable(
        "BROKER_TEMPLATES",
        "templates",
        values.folder,
        "path of a folder with pages, a style or words in place of the broker's",
    ),
    Variable(
        "BROKER_AUDIT_RETENTION",
        "audit_retention",
        values.retention,
        "how long audit events are kept, at least a day; or forever",
        default="forever",
    ),
    Variable(
        "BROKER_OPERATOR",
        "operator",
        values.operator,
        "who gives the commands, for the audit; without it the user of the operating system",
    ),
    Variable(
        "BROKER_LOG_FORMAT",
        "log_format",
        values.choice("json", "console"),
        "json or console; console by itself on a terminal",
        default="json",
    ),
    Variable(
        "BROKER_LOG_LEVEL",
        "log_level",
        values.choice("debug", "info", "warning", "error", "critical"),
        "debug, info, warning, error or critical",
        default="info",
    ),
)
