"""What may be switched about the simulator while it runs, where TikTok changed its mind or nobody knows it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from broker.simulator import options
from broker.simulator.options import Options

_YEAR = 365 * 86_400


@dataclass(frozen=True)
class Switches:
    """Lifetimes in seconds. The defaults are TikTok's pages of November 2026."""

    oauth_error_status: int = 200
    """HTTP status of a refused token or revoke call: 200 as seen in the field, or 400 or 401."""
    access_token_lifetime: int = 7_200
    refresh_token_lifetime: int = 180 * 86_400
    rotation: bool = True
    """Whether a refresh kills the old refresh token and issues a new one."""
    code_lifetime: int = 300
    avatar_lifetime: int = 48 * 3_600
    user_info_per_minute: int = 600
    non_sandbox_target: str = "callback"
    """Where somebody who is no target user of a sandbox is turned away: `callback` or TikTok's own `page`."""
    webhook_automatic: bool = True
    """Whether webhooks go out by themselves; if not, only `POST /_simulator/webhooks/deliver` sends them."""
    webhook_duplicates: bool = False
    """Whether every event is sent twice at once."""
    webhook_retry_keeps_time: bool = True
    """Whether a retry carries the time and so the signature of the first try: the harder case for an app."""
    webhook_header: str = "TikTok-Signature"
    """The name of the signature's header: the documentation writes it in two ways."""


LEGACY = Switches(access_token_lifetime=86_400, refresh_token_lifetime=_YEAR, rotation=False)
"""What the pages before November 2026 said: a day, a year, and the same refresh token again."""

_RANGES = {
    "access_token_lifetime": (1, _YEAR),
    "refresh_token_lifetime": (1, 10 * _YEAR),
    "code_lifetime": (1, 86_400),
    "avatar_lifetime": (1, _YEAR),
    "user_info_per_minute": (1, 1_000_000),
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "non_sandbox_target": ("callback", "page"),
    "webhook_header": ("TikTok-Signature", "Tiktok-Signature"),
}
"""Switches with more than two positions."""

YES_OR_NO = tuple(name for name, one in Switches.__dataclass_fields__.items() if one.type is bool)
"""Switches with two."""

_KNOWN = (*Switches.__dataclass_fields__, "legacy")


def changed(switches: Switches, wanted: Options) -> Switches:
    """`switches` with what `wanted` names; `legacy` sets lifetimes and rotation first. Raises `BadOption`."""
    options.refuse_unknown(wanted, _KNOWN)
    if "legacy" in wanted:
        source = LEGACY if options.yes(wanted, "legacy") else Switches()
        switches = replace(
            switches,
            access_token_lifetime=source.access_token_lifetime,
            refresh_token_lifetime=source.refresh_token_lifetime,
            rotation=source.rotation,
        )
    values: dict[str, Any] = {}
    for name in wanted:
        if name in _RANGES:
            values[name] = options.whole(wanted, name, *_RANGES[name])
        elif name in CHOICES:
            values[name] = options.choice(wanted, name, CHOICES[name])
        elif name in YES_OR_NO:
            values[name] = options.yes(wanted, name)
        elif name == "oauth_error_status":
            values[name] = _oauth_error_status(wanted)
    return replace(switches, **values)


def _oauth_error_status(wanted: Options) -> int:
    status = options.whole(wanted, "oauth_error_status", 200, 401)
    if status not in (200, 400, 401):
        raise options.BadOption("oauth_error_status must be 200, 400 or 401.")
    return status
