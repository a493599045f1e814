"""Random values in the shapes TikTok gives them, and the comparison of secrets: the one place that draws.

Shapes: pages "Manage User Access Tokens", "Client Access Token Management" and field reports of live values.
"""

import hmac
import secrets
from datetime import UTC, datetime


def authorization_code() -> str:
    """A code with the `*` and `!` that make careless encoders fail, such as `…sV26*1!4608.va`."""
    return f"{secrets.token_urlsafe(48)}*1!{_tail()}.va"


def access_token() -> str:
    """`act.` and an opaque text."""
    return f"act.{secrets.token_urlsafe(36)}!{_tail()}.va"


def refresh_token() -> str:
    """`rft.` and an opaque text."""
    return f"rft.{secrets.token_urlsafe(36)}!{_tail()}.va"


def client_token() -> str:
    """`clt.` and an opaque text: what `client_credentials` gets."""
    return f"clt.{secrets.token_urlsafe(36)}"


def session_cookie() -> str:
    """The value of a browser session at the simulator: 256 random bits."""
    return secrets.token_urlsafe(32)


def avatar_key() -> bytes:
    """The key under which avatar links are signed for the life of the process."""
    return secrets.token_bytes(32)


def avatar_nonce() -> tuple[int, str]:
    """The two meaningless parameters of an avatar link: a number and 32 hexadecimal digits."""
    return secrets.randbelow(90_000) + 10_000, secrets.token_hex(16)


def log_id(now: int) -> str:
    """34 characters: `YYYYMMDDHHMMSS` in UTC and 20 upper-case hexadecimal digits."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%d%H%M%S") + secrets.token_hex(10).upper()


def equal(left: str, right: str) -> bool:
    """Comparison of secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def _tail() -> int:
    return secrets.randbelow(9_000) + 1_000
