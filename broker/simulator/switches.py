"""What may be switched about the simulator while it runs, where TikTok changed its mind or nobody knows it."""

from dataclasses import dataclass, replace
from typing import Any

from broker.simulator import options
from broker.simulator.options import Options

_YEAR = 365 * 86_400
_NON_SANDBOX = ("callback", "page")


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


LEGACY = Switches(access_token_lifetime=86_400, refresh_token_lifetime=_YEAR, rotation=False)
"""What the pages before November 2026 said: a day, a year, and the same refresh token again."""

_RANGES = {
    "access_token_lifetime": (1, _YEAR),
    "refresh_token_lifetime": (1, 10 * _YEAR),
    "code_lifetime": (1, 86_400),
    "avatar_lifetime": (1, _YEAR),
    "user_info_per_minute": (1, 1_000_000),
}
_KNOWN = (*_RANGES, "oauth_error_status", "rotation", "non_sandbox_target", "legacy")


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
    values: dict[str, Any] = {
        name: options.whole(wanted, name, low, high) for name, (low, high) in _RANGES.items() if name in wanted
    }
    if "oauth_error_status" in wanted:
        values["oauth_error_status"] = _oauth_error_status(wanted)
    if "rotation" in wanted:
        values["rotation"] = options.yes(wanted, "rotation")
    if "non_sandbox_target" in wanted:
        values["non_sandbox_target"] = options.choice(wanted, "non_sandbox_target", _NON_SANDBOX)
    return replace(switches, **values)


def _oauth_error_status(wanted: Options) -> int:
    status = options.whole(wanted, "oauth_error_status", 200, 401)
    if status not in (200, 400, 401):
        raise options.BadOption("oauth_error_status must be 200, 400 or 401.")
    return status
