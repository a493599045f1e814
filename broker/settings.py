"""The settings of one process, read once at its start: the only place that knows the environment.

Every variable, its default and its purpose stand in `broker.configuration.table`; any of them may be given as
`…_FILE`, a path to read it from. All faults are found before the first is reported, and none quotes a value.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from broker.configuration import addresses, reading, registrations, values
from broker.configuration.effective import effective
from broker.configuration.process import this_user
from broker.configuration.registrations import Registration
from broker.configuration.table import VARIABLES
from broker.configuration.values import BadValue, Network, PerMinute
from broker.configuration.variable import FILE_SUFFIX, PREFIX
from broker.opaque import Secret
from broker.sealing import SecretKey

__all__ = [
    "VARIABLES",
    "BadSettings",
    "Registration",
    "Settings",
    "audit_retention",
    "callbacks",
    "database_url",
    "effective",
    "from_environment",
    "load",
    "operator",
]

# Kubernetes and Docker links announce a service called "broker" to its neighbours under these names.
_ANNOUNCED = re.compile(
    PREFIX
    + r"([A-Z0-9_]+_)?(SERVICE_HOST=.*|SERVICE_PORT(_[A-Z0-9_]+)?=.*|PORT=(tcp|udp|sctp)://.*"
    + r"|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=.*)",
    re.DOTALL,
)
_NOT_LONGER_THAN = (
    ("access_token_ttl", "refresh_token_ttl"),
    ("refresh_grace", "refresh_token_ttl"),
    ("refresh_token_ttl", "grant_ttl"),
    ("session_ttl", "session_max_ttl"),
)
_NAMES = {variable.field: variable.name for variable in VARIABLES}


class BadSettings(Exception):
    """The settings cannot be used. `faults`: one sentence each, naming its variable and what to do."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decided. Durations are whole seconds."""

    issuer: str
    database_url: Secret
    database_pool: int
    """Connections of each process."""
    database_statement_timeout: int
    database_idle_timeout: int
    secret_keys: tuple[SecretKey, ...]
    registrations: tuple[Registration, ...]
    """The one named `default` first."""
    tiktok_authorize_url: str
    tiktok_api_url: str
    signing_alg: str
    code_ttl: int
    access_token_ttl: int
    refresh_token_ttl: int
    grant_ttl: int
    session_ttl: int
    session_max_ttl: int
    login_ttl: int
    refresh_grace: int
    jwks_max_age: int
    key_lifetime: int
    status_list: bool
    trusted_proxies: tuple[Network, ...]
    limits: str
    """`auto`, `on` or `off`."""
    limits_address: PerMinute
    limits_client: PerMinute
    limits_failures: PerMinute
    shutdown_drain: int
    shutdown_grace: int
    metrics_token: Secret | None
    allow_private_callbacks: bool
    avatars: Literal["copy", "link", "off"]
    templates: Path | None
    """A folder of pages in place of ours."""
    audit_retention: int | None
    """None: forever."""
    operator: str | None
    log_format: str
    log_level: str

    @property
    def loopback(self) -> bool:
        """Whether the issuer is on this machine only: a development set-up."""
        return addresses.on_loopback(self.issuer)

    @property
    def simulator(self) -> str | None:
        """The origin of TikTok's API when a simulator on this machine stands in for it."""
        parts = urlsplit(self.tiktok_api_url)
        return f"{parts.scheme}://{parts.netloc}" if addresses.on_loopback(self.tiktok_api_url) else None

    @property
    def secure(self) -> bool:
        """Whether browsers reach the broker over https, so that cookies may demand it."""
        return self.issuer.startswith("https://")


def from_environment() -> Settings:
    """`load` with this process's environment."""
    return load(os.environ, terminal=sys.stderr.isatty())


def load(environ: Mapping[str, str], *, terminal: bool = False) -> Settings:
    """The settings that `environ` describes; on a terminal the log format stands at `console`.

    Raises `BadSettings` with every fault there is.
    """
    parsed: dict[str, Any] = {}
    faults: list[str] = []
    for variable in VARIABLES:
        try:
            parsed[variable.field] = reading.value(environ, variable, terminal=terminal)
        except BadValue as bad:
            faults.append(f"{bad}.")
    further, wrong = _further_registrations(parsed)
    faults += [f"{fault}." for fault in (*wrong, *_disagreements(parsed), *_unknown(environ))]
    if faults:
        raise BadSettings(tuple(faults))
    default = Registration(
        name=registrations.DEFAULT,
        client_key=parsed["client_key"],
        client_secret=parsed.pop("client_secret"),
        previous_client_secret=parsed.pop("previous_client_secret"),
        scopes=parsed.pop("scopes"),
        pkce=parsed.pop("pkce"),
        environment=registrations.environment_of(parsed.pop("client_key")),
    )
    return Settings(**(parsed | {"registrations": (default, *further)}))


def database_url(environ: Mapping[str, str] | None = None) -> Secret:
    """Where the data is, for commands that need nothing else: of `environ`, or of this process's environment.

    Raises `BadSettings`.
    """
    found: Secret = _single("database_url", environ)
    return found


def audit_retention() -> int | None:
    """How long audit events are kept, in seconds; None forever. Raises `BadSettings`."""
    found: int | None = _single("audit_retention", None)
    return found


def operator() -> str:
    """Who gives a command: BROKER_OPERATOR, or the user that the system knows. Raises `BadSettings`."""
    given: str | None = _single("operator", None)
    return given or this_user()


def _single(field: str, environ: Mapping[str, str] | None) -> Any:
    variable = next(variable for variable in VARIABLES if variable.field == field)
    try:
        return reading.value(os.environ if environ is None else environ, variable, terminal=False)
    except BadValue as bad:
        raise BadSettings((f"{bad}.",)) from None


def callbacks(environ: Mapping[str, str] | None = None) -> dict[str, bool]:
    """Whether apps may be called at `private` addresses and on `loopback`, for commands that need nothing else.

    No issuer is none on loopback. Raises `BadSettings`.
    """
    given = os.environ if environ is None else environ
    found: dict[str, Any] = {}
    faults = []
    for variable in VARIABLES:
        if variable.field not in ("issuer", "allow_private_callbacks"):
            continue
        try:
            found[variable.field] = reading.value(given, replace(variable, remedy=""), terminal=False)
        except BadValue as bad:
            faults.append(f"{bad}.")
    if faults:
        raise BadSettings(tuple(faults))
    private: bool = found["allow_private_callbacks"]
    on_loopback = found["issuer"] is not None and addresses.on_loopback(found["issuer"])
    return {"private": private, "loopback": private or on_loopback}


def _further_registrations(parsed: Mapping[str, Any]) -> tuple[list[Registration], list[str]]:
    text = parsed.get("registrations")
    if text is None:
        return [], []
    # What is missing here is a fault already; the rest of the file is still worth reading.
    key, scopes, pkce = (parsed.get(field) for field in ("client_key", "scopes", "pkce"))
    found, faults = registrations.read(text, key or "", scopes or (), pkce or "")
    return found, [f"{_NAMES['registrations']} {fault}" for fault in faults]


def _disagreements(parsed: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong between settings that are each right; a missing one disagrees with nothing."""
    for shorter, longer in _NOT_LONGER_THAN:
        if shorter in parsed and longer in parsed and parsed[shorter] > parsed[longer]:
            yield (
                f"{_NAMES[shorter]} ({values.duration_text(parsed[shorter])}) must not be longer than "
                f"{_NAMES[longer]} ({values.duration_text(parsed[longer])}); change one of them"
            )
    # Otherwise the next key would always be late.
    if {"key_lifetime", "jwks_max_age"} <= parsed.keys() and (
        parsed["key_lifetime"] <= (announced := announced_for(parsed["jwks_max_age"]))
    ):
        yield (
            f"{_NAMES['key_lifetime']} ({values.duration_text(parsed['key_lifetime'])}) must be longer than the "
            f"{values.duration_text(announced)} for which a key is published before it signs, 2.2 times "
            f"{_NAMES['jwks_max_age']} and five seconds; change one of them"
        )
    if "issuer" not in parsed or addresses.on_loopback(parsed["issuer"]):
        return
    for field in ("tiktok_authorize_url", "tiktok_api_url"):
        url = parsed.get(field, "https:")
        if not url.startswith("https:") and not addresses.on_loopback(url):
            yield (
                f"{_NAMES[field]} must start with https://; plain http is for a simulator on loopback, "
                f"or while {_NAMES['issuer']} itself is on loopback"
            )


def announced_for(max_age: int) -> int:
    """How long the next key is published before it signs, in seconds; `keys.schedule` says why."""
    return 2 * (max_age + max_age // 10) + 5


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    known = [name for variable in VARIABLES for name in (variable.name, variable.name + FILE_SUFFIX)]
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX) and name not in known and not _ANNOUNCED.fullmatch(f"{name}={value}"):
            nearest = get_close_matches(name[:64], known, n=1, cutoff=0)[0]
            shown = ascii(name[:64])[1:-1]
            yield f"{shown} is not a setting; the nearest is {nearest}, so rename or remove it"
