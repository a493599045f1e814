"""What an API takes: whose tokens, meant for whom, signed how."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tiktok_broker_verifier.jwk import ALGORITHMS

JWKS_PATH: Final = "/.well-known/jwks.json"
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Policy:
    """`issuer` is the broker's address, `audience` the name that this API was registered with there.

    - `origin`: scheme and host by which clients know this API, as `https://api.example.com`. A proof of
      possession is held against it, so without it tokens bound to a key are refused (RFC 9449).
    - `algorithms`: narrow it to the one that the broker is set to sign with, if you like.
    - `leeway`: seconds that the broker's clock may be away from this one. None by default.
    - `status_list`: whether a token that names a list of revocations is looked up there.
    - `jwks_uri`: where the keys are, if not in the usual place.
    - `keep`: seconds for which the last keys and lists are good while the broker cannot be reached, a day by
      default and a week at most: a key that was revoked is believed for so long by whoever cannot hear of it.

    Raises ValueError for what cannot be meant.
    """

    issuer: str
    audience: str
    origin: str | None = None
    algorithms: tuple[str, ...] = ALGORITHMS
    leeway: int = 0
    status_list: bool = True
    jwks_uri: str = ""
    keep: int = 86_400

    def __post_init__(self) -> None:
        _check_origin("issuer", self.issuer)
        if self.origin is not None:
            _check_origin("origin", self.origin)
        if not self.audience:
            raise ValueError("audience must not be empty: without it a token for any other API would do here")
        if not self.algorithms or not set(self.algorithms) <= set(ALGORITHMS):
            raise ValueError(f"algorithms must be some of {', '.join(ALGORITHMS)}")
        if not 0 <= self.leeway <= 120:
            raise ValueError("leeway must be 0 to 120 seconds")
        if not 60 <= self.keep <= 604_800:
            raise ValueError("keep must be 60 to 604800 seconds: a key that was revoked must not live on for ever")
        if not self.jwks_uri:
            object.__setattr__(self, "jwks_uri", f"{self.issuer}{JWKS_PATH}")
        _check_reached_safely("jwks_uri", self.jwks_uri)


def _check_origin(name: str, value: str) -> None:
    parts = urlsplit(value)
    if value != f"{parts.scheme}://{parts.netloc}" or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{name} must be scheme and host alone, without a slash at the end")
    _check_reached_safely(name, value)


def _check_reached_safely(name: str, value: str) -> None:
    """Whoever can change the keys on their way can sign anything."""
    parts = urlsplit(value)
    if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _LOOPBACK):
        raise ValueError(f"{name} must begin with https, except on this machine")
