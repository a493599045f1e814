"""DPoP: proof that who sends a request holds the key that its token is bound to (RFC 9449 §4.3, §7.1)."""

import hashlib
import hmac
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tiktok_broker_verifier import jwk, jws
from tiktok_broker_verifier.errors import Refused
from tiktok_broker_verifier.jws import Unsound
from tiktok_broker_verifier.target_uri import normal_form

ALGORITHMS: Final = ("ES256", "PS256", "EdDSA")
OLDEST: Final = 60
"""Seconds for which a proof is good after its `iat`."""
AHEAD: Final = 10
"""Seconds by which the sender's clock may be ahead."""

_LONGEST: Final = 8192
_LONGEST_JTI: Final = 256


@dataclass
class Seen:
    """The proofs of the last minute in this process, each of which counts once (RFC 9449 §11.1).

    Only good proofs for good tokens get in, so strangers cannot fill it. Beyond `most` the oldest is forgotten.
    """

    most: int = 100_000
    _until: dict[bytes, float] = field(default_factory=dict, repr=False)
    _gate: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def is_new(self, name: bytes, now: float) -> bool:
        """Whether this proof was not seen before; from now on it was."""
        with self._gate:
            while self._until:
                oldest = next(iter(self._until))
                if len(self._until) < self.most and now <= self._until[oldest]:
                    break
                del self._until[oldest]
            if name in self._until:
                return False
            self._until[name] = now + OLDEST + AHEAD
            return True


def check(headers: Sequence[str], *, method: str, url: str, token: str, jkt: str, now: float, seen: Seen) -> None:
    """Whether the one proof among the request's DPoP headers is by the key `jkt`, for this request and token.

    Raises `Refused`.
    """
    # RFC 9449 §4.3 point 1.
    if len(headers) != 1:
        raise Refused("The request must have one DPoP header.", "invalid_dpop_proof")
    try:
        signed = jws.read(headers[0], types=("dpop+jwt",), algorithms=ALGORITHMS, longest=_LONGEST)
        try:
            key = jwk.read(signed.header.get("jwk"), alg=signed.alg)
        except jwk.BadKey:
            raise Unsound("its header has no public key that can be used") from None
        claims = jws.verified(signed, key)
        name = _checked(claims, method=method, url=url, token=token, now=now)
    except Unsound as reason:
        raise Refused(f"The DPoP proof was refused because {reason}.", "invalid_dpop_proof") from None
    # RFC 9449 §7.1: the token may be a stolen one, and the proof a good one by the thief.
    if not hmac.compare_digest(key.thumbprint.encode(), jkt.encode()):
        raise Refused("The access token is bound to another key than the DPoP proof's.")
    if not seen.is_new(hashlib.sha256(f"{jkt}\n{name}".encode()).digest(), now):
        raise Refused("The DPoP proof was used before.", "invalid_dpop_proof")


def _checked(claims: dict[str, Any], *, method: str, url: str, token: str, now: float) -> str:
    """RFC 9449 §4.3 points 8 to 12. The proof's `jti`."""
    if claims.get("htm") != method:
        raise Unsound("its htm is not the method of this request")
    htu = claims.get("htu")
    target = normal_form(htu) if isinstance(htu, str) else None
    if target is None or target != normal_form(url):
        raise Unsound("its htu is not the address of this request")
    if claims.get("ath") != jwk.to_base64url(hashlib.sha256(token.encode()).digest()):
        raise Unsound("its ath is not the hash of the access token")
    if not now - OLDEST <= jws.seconds(claims, "iat") <= now + AHEAD:
        raise Unsound(f"its iat is not within the last {OLDEST} seconds, check the clock")
    jti = jws.text(claims, "jti")
    if len(jti) > _LONGEST_JTI:
        raise Unsound("its jti is too long")
    return jti
