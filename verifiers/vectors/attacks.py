"""Access tokens with the verdict that every verifier must reach, and why: the good, the forged, other kinds."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK
from minting import KEYS, b64, der_signature, from_b64, public, segment, sign

ISSUER = "https://id.example.com"
AUDIENCE = "https://api.example.com"
SCOPE = "openid"
PUBLISHED = ("es256", "rs256", "ps256", "eddsa")
# No verifier needs a clock of its own for these: what is good stays so for long, what is over was over long ago.
LONG_AGO, SINCE, FAR_AWAY = 1_000_000_000, 1_700_000_000, 4_102_444_800
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493

CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "usr_4bHk0vPcYd2nQeR7sTuWxZ",
    "aud": [AUDIENCE, ISSUER],
    "exp": FAR_AWAY,
    "iat": SINCE,
    "jti": "grt_1aZ.7Kq",
    "client_id": "cli_web",
    "scope": "openid profile offline_access",
    "auth_time": SINCE,
    "union_id": "c9c60f44-a68e-4f5d-84dd-ce22faeb0ba1",
    "sid": "ses_9tGb",
}


@dataclass(frozen=True)
class Vector:
    """`accepted` is the verdict, `why` what would be wrong with the other one."""

    name: str
    accepted: bool
    why: str
    token: str


def header(key: str = "es256", **changes: Any) -> dict[str, Any]:
    """The header of a good token, with changes; None takes a member out."""
    good = {"alg": KEYS[key]["alg"], "typ": "at+jwt", "kid": KEYS[key]["kid"], **changes}
    return {name: value for name, value in good.items() if value is not None}


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token, with changes; None takes one out."""
    return {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}


def minted(**changes: Any) -> str:
    """A token of the broker with these claims changed."""
    return sign(header(), claims(**changes), "es256")


def typed(typ: str | None) -> str:
    """A token of the broker of this type."""
    return sign(header(typ=typ), claims(), "es256")


def spelled(**claimed: str) -> str:
    """A token of the broker with these claims spelled so, for what no encoder would write."""
    others = json.dumps(claims(**dict.fromkeys(claimed)), separators=(",", ":"))[:-1]
    added = "".join(f',"{name}":{spelling}' for name, spelling in claimed.items())
    return sign(header(), f"{others}{added}}}", "es256")


def good() -> Iterator[Vector]:
    """What must be let in."""
    for key in PUBLISHED:
        yield Vector(f"good {key}", True, "the broker may sign with it", sign(header(key), claims(), key))
    yield Vector("audience alone", True, "aud may be one string (RFC 7519 §4.1.3)", minted(aud=AUDIENCE))
    yield Vector("scope alone", True, "the one scope that is needed is there", minted(scope="openid"))
    yield Vector("scope last", True, "scopes have no order", minted(scope="profile openid"))
    more = minted(roles=["editor"], act={"sub": "somebody"})
    yield Vector("further claims", True, "claims that are not understood are ignored (RFC 7519 §4)", more)
    yield Vector("typ in capitals", True, "media types have no case (RFC 7515 §4.1.9)", typed("AT+JWT"))
    why = "it is the same type in full (RFC 9068 §4)"
    yield Vector("typ in full", True, why, typed("application/at+jwt"))
    yield Vector("nbf past", True, "its time has come", minted(nbf=SINCE))


def forged() -> Iterator[Vector]:
    """Not signed by a key of the broker's, or not as that key signs."""
    for alg in ("none", "None", "NONE", "nOnE"):
        bare = f"{segment(header(alg=alg))}.{segment(claims())}."
        yield Vector(f"alg {alg}", False, "nobody signed it (RFC 8725 §3.1)", bare)
    good_one = minted()
    signed_text, _, signature = good_one.rpartition(".")
    for name, secret in _public_keys_as_secrets():
        message = f"{segment(header(name.split()[0], alg='HS256'))}.{segment(claims())}"
        mac = b64(hmac.digest(secret, message.encode(), hashlib.sha256))
        why = "a public key is no shared secret (RFC 8725 §2.1)"
        yield Vector(f"HS256 with {name}", False, why, f"{message}.{mac}")
    for name, secret in (("nothing", b""), ("the kid", KEYS["es256"]["kid"].encode())):
        message = f"{segment(header(alg='HS256'))}.{segment(claims())}"
        mac = b64(hmac.digest(secret, message.encode(), hashlib.sha256))
        yield Vector(f"HS256 with {name}", False, "there is no shared secret", f"{message}.{mac}")
    why = "r and s are between 0 and n, and neither of them (RFC 8725 §3.4)"
    zero, one, n = bytes(32), (1).to_bytes(32), _P256_ORDER.to_bytes(32)
    for name, pair in (
        ("zeros", zero + zero),
        ("r 0", zero + one),
        ("s 0", one + zero),
        ("r n", n + one),
        ("twice n", n + n),
    ):
        yield Vector(f"ECDSA of {name}", False, why, f"{signed_text}.{b64(pair)}")
    der = f"{signed_text}.{b64(der_signature(signed_text.encode(), 'es256'))}"
    yield Vector("ECDSA in DER", False, "a JWS has r and s beside each other (RFC 7518 §3.4)", der)
    eddsa, rs256 = sign(header("eddsa"), claims(), "eddsa"), sign(header("rs256"), claims(), "rs256")
    for name, whole, bad in (
        ("EdDSA of zeros", eddsa, bytes(64)),
        ("EdDSA with s beyond its end", eddsa, _with_longer_s(eddsa)),
        ("RSA of zeros", rs256, bytes(256)),
        ("RSA with a zero before it", rs256, bytes(1) + from_b64(rs256.rpartition(".")[2])),
    ):
        yield Vector(name, False, "it is not the key's", f"{whole.rpartition('.')[0]}.{b64(bad)}")
    yield Vector("no signature", False, "nobody signed it", f"{signed_text}.")
    short = f"{signed_text}.{signature[:-8]}"
    yield Vector("signature cut short", False, "it is not the key's", short)
    _, _, other = minted(sub="usr_somebody_else").rpartition(".")
    yield Vector("signature of another token", False, "it is not this token's", f"{signed_text}.{other}")
    head, _, rest = good_one.partition(".")
    raised = f"{head}.{segment(claims(sub='usr_admin'))}.{rest.rpartition('.')[2]}"
    yield Vector("claims changed", False, "the signature is not over these claims", raised)

    why = "the key that signed is not published"
    yield Vector("another key under a known kid", False, why, sign(header(), claims(), "unpublished"))
    yield Vector("an unknown kid", False, why, sign(header("unpublished"), claims(), "unpublished"))
    for odd in ("../../../../dev/null", "' OR 1=1 --", ""):
        yield Vector(f"kid {odd!r}", False, why, sign(header(kid=odd), claims(), "unpublished"))
    for name, kid in (("missing", None), ("a number", 1), ("a list", [KEYS["es256"]["kid"]])):
        unnamed = sign(header(kid=kid), claims(), "es256")
        yield Vector(f"kid {name}", False, "the broker names its key", unnamed)
    own = "a key that comes with the token proves nothing (RFC 8725 §3.10)"
    jwk = public("thief")
    yield Vector("jwk in the header", False, own, sign(header("thief", jwk=jwk), claims(), "thief"))
    yield Vector(
        "jwk under a known kid",
        False,
        own,
        sign(header(jwk=jwk | {"kid": KEYS["es256"]["kid"]}), claims(), "thief"),
    )
    jku = "https://thief.example/jwks.json"
    yield Vector("jku in the header", False, own, sign(header("thief", jku=jku), claims(), "thief"))
    yield Vector("x5u in the header", False, own, sign(header("thief", x5u=jku), claims(), "thief"))
    yield Vector("x5c in the header", False, own, sign(header("thief", x5c=["MIIB"]), claims(), "thief"))

    mixed = "a key has one algorithm (RFC 8725 §3.1)"
    yield Vector(
        "PS256 by the RS256 key", False, mixed, sign(header("rs256", alg="PS256"), claims(), "rs256", alg="PS256")
    )
    yield Vector(
        "RS256 by the PS256 key", False, mixed, sign(header("ps256", alg="RS256"), claims(), "ps256", alg="RS256")
    )
    for key, of in (("es256", "rs256"), ("es256", "eddsa"), ("eddsa", "es256")):
        swapped = sign(header(key, kid=KEYS[of]["kid"]), claims(), key)
        yield Vector(f"{key} under the kid of {of}", False, mixed, swapped)
    for alg in ("es256", "Ed25519", "ES384", "ES512", "ES256K", "RS1", "HS512", "A128KW", "dir", ""):
        yield Vector(
            f"alg {alg or 'empty'}", False, "the algorithm is on no list", sign(header(alg=alg), claims(), "es256")
        )
    yield Vector("alg a list", False, "alg is a string", sign(header(alg=["ES256"]), claims(), "es256"))
    yield Vector("no alg", False, "alg is required (RFC 7515 §4.1.1)", sign(header(alg=None), claims(), "es256"))


def of_another_kind() -> Iterator[Vector]:
    """Signed by the broker, and no access token."""
    why = "it is a token of another kind (RFC 9068 §4, RFC 8725 §3.11)"
    identity = {**claims(aud="cli_web", scope=None, client_id=None, jti=None), "azp": "cli_web", "nonce": "n"}
    yield Vector("an ID token", False, why, sign(header(typ="JWT"), identity, "es256"))
    yield Vector("an ID token for this API", False, why, sign(header(typ="JWT"), claims(), "es256"))
    events: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    yield Vector("a logout token", False, why, sign(header(typ="logout+jwt"), claims(events=events), "es256"))
    for typ in (None, "", "jwt", "statuslist+jwt", "dpop+jwt", "at", "at+jwt2", "text/at+jwt", " at+jwt"):
        yield Vector(f"typ {'missing' if typ is None else typ or 'empty'}", False, why, typed(typ))


def _with_longer_s(token: str) -> bytes:
    """RFC 8032 §5.1.7: s is below the group's order, or one signature would have many forms."""
    raw = from_b64(token.rpartition(".")[2])
    return raw[:32] + (int.from_bytes(raw[32:], "little") + _ED25519_ORDER).to_bytes(32, "little")


def _public_keys_as_secrets() -> Iterator[tuple[str, bytes]]:
    for key in ("es256", "rs256"):
        jwk: Mapping[str, str] = public(key)
        number = PyJWK(dict(jwk)).key
        assert isinstance(number, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
        yield f"{key} in PEM", number.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        yield f"{key} in DER", number.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        yield f"{key} x or n", (jwk.get("x") or jwk["n"]).encode()
