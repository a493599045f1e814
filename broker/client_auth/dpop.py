"""DPoP: proof that whoever sends a request holds the key its tokens are bound to (RFC 9449).

Pure: at the token and PAR endpoints the caller also spends `jti_digest`, in one conditional insert; elsewhere the
`iat` window alone bounds a replay (§11.1). No nonce is issued, so one in a proof means nothing (§8).
"""

from dataclasses import dataclass
from typing import Any, Final

from broker import opaque
from broker.client_auth import public_key, signed
from broker.client_auth.public_key import PublicKey, Unacceptable
from broker.client_auth.signed import CLOCK_SKEW
from broker.client_auth.target_uri import normal_form
from broker.oauth.errors import invalid_dpop_proof

OLDEST: Final = 60
"""Seconds for which a proof is good after its `iat` (RFC 9449 §4.3 point 11)."""

_THUMBPRINT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Proof:
    """A request's proof. `jkt` names its key; from `expires_at`, epoch seconds, its `jti` may be forgotten."""

    jkt: str
    jti_digest: bytes
    expires_at: int


def verify(header_value: str, *, method: str, url: str, now: int, access_token: str | None = None) -> Proof:
    """The proof, when it is good for this request at `now`, epoch seconds (RFC 9449 §4.3, points 2 to 12).

    That the request has one `DPoP` header only is the caller's to see, and so is which key a token is bound to.
    `url` is the address clients know the endpoint by; `access_token` the one presented with the request, if any.
    Raises `invalid_dpop_proof`.
    """
    try:
        unverified = signed.read(header_value)
        if unverified.unverified_header.get("typ") != "dpop+jwt":
            raise Unacceptable("its typ is not dpop+jwt")
        key = _embedded_key(unverified.unverified_header)
        claims = signed.verified_claims(unverified, key)
        _check_request(claims, method, url)
        _check_access_token(claims, access_token)
        jti = signed.jti(claims)
        issued = _issued(claims, now)
    except Unacceptable as fault:
        raise invalid_dpop_proof(f"The DPoP proof was refused: {fault}.") from None
    jkt = key.thumbprint
    return Proof(
        jkt=jkt,
        # Bound to the key: nobody can use up the names of somebody else.
        jti_digest=opaque.digest(f"DPoP proof\n{jkt}\n{jti}"),
        # The last second in which it is accepted, by the slowest clock among the replicas, has then passed.
        expires_at=issued + OLDEST + CLOCK_SKEW + 1,
    )


def valid_thumbprint(text: str) -> bool:
    """Whether `text` can be a `dpop_jkt` or `cnf.jkt`: SHA-256 in base64url (RFC 9449 §6.1, §10)."""
    raw = opaque.from_base64url(text)
    return raw is not None and len(raw) == _THUMBPRINT_BYTES


def _embedded_key(header: dict[str, Any]) -> PublicKey:
    """RFC 9449 §4.2: the header carries the public key, and §4.3 point 7, no private one."""
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        raise Unacceptable("its header has no jwk")
    if public_key.has_private_members(jwk):
        raise Unacceptable("the jwk in its header has private members, so this key must not be used again")
    return public_key.read(jwk)


def _check_request(claims: dict[str, Any], method: str, url: str) -> None:
    if claims.get("htm") != method:
        raise Unacceptable("its htm is not the method of this request")
    htu = claims.get("htu")
    target = normal_form(htu) if isinstance(htu, str) else None
    if target is None or target != normal_form(url):
        raise Unacceptable("its htu is not the address of this endpoint as discovery gives it")


def _check_access_token(claims: dict[str, Any], access_token: str | None) -> None:
    """RFC 9449 §4.3 point 12, §7.1."""
    if access_token is None:
        return
    if not access_token.isascii() or claims.get("ath") != opaque.sha256_base64url(access_token):
        raise Unacceptable("its ath is not the hash of the access token")


def _issued(claims: dict[str, Any], now: int) -> int:
    issued = signed.seconds(claims, "iat")
    if issued is None or not now - OLDEST <= issued <= now + CLOCK_SKEW:
        raise Unacceptable(f"its iat is not within the last {OLDEST} seconds, check the clock")
    return issued
