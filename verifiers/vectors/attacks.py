"""Access tokens with the verdict that every verifier must reach, and why."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK
from minting import KEYS, b64, der_signature, public, segment, sign, thumbprint

ISSUER = "https://id.example.com"
AUDIENCE = "https://api.example.com"
SCOPE = "openid"
PUBLISHED = ("es256", "rs256", "ps256", "eddsa")
# No verifier needs a clock of its own for these: what is good stays so for long, what is over was over long ago.
LONG_AGO, SINCE, FAR_AWAY = 1_000_000_000, 1_700_000_000, 4_102_444_800

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


def vectors() -> Iterator[Vector]:
    """All of them."""
    yield from good()
    yield from forged()
    yield from bent()
    yield from of_another_kind()
    yield from misplaced()


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
    zero = f"{signed_text}.{b64(bytes(64))}"
    yield Vector("ECDSA of zeros", False, "r and s must not be 0 (RFC 8725 §3.4)", zero)
    der = f"{signed_text}.{b64(der_signature(signed_text.encode(), 'es256'))}"
    yield Vector("ECDSA in DER", False, "a JWS has r and s beside each other (RFC 7518 §3.4)", der)
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

    mixed = "a key has one algorithm (RFC 8725 §3.1)"
    yield Vector(
        "PS256 by the RS256 key", False, mixed, sign(header("rs256", alg="PS256"), claims(), "rs256", alg="PS256")
    )
    yield Vector(
        "RS256 by the PS256 key", False, mixed, sign(header("ps256", alg="RS256"), claims(), "ps256", alg="RS256")
    )
    for alg in ("ES384", "ES512", "ES256K", "RS1", "HS512", "A128KW", "dir", ""):
        yield Vector(
            f"alg {alg or 'empty'}", False, "the algorithm is on no list", sign(header(alg=alg), claims(), "es256")
        )
    yield Vector("no alg", False, "alg is required (RFC 7515 §4.1.1)", sign(header(alg=None), claims(), "es256"))


def bent() -> Iterator[Vector]:
    """Of another shape than a signed JWT with claims."""
    token = minted()
    head, body, signature = token.split(".")
    shape = "it is not a JWT in compact form"
    yield Vector("empty", False, shape, "")
    yield Vector("dots", False, shape, "..")
    yield Vector("two parts", False, shape, f"{head}.{body}")
    yield Vector("four parts", False, shape, f"{token}.{signature}")
    yield Vector(
        "five parts", False, "an encrypted JWT is something else", f"{head}.{body}.{body}.{body}.{signature}"
    )
    yield Vector(
        "JSON form", False, shape, f'{{"payload":"{body}","protected":"{head}","signature":"{signature}"}}'
    )
    yield Vector("a word before it", False, shape, f"Bearer {token}")
    for name, content in (
        ("a list", "[]"),
        ("a string", '"at+jwt"'),
        ("null", "null"),
        ("no JSON", "{alg:ES256}"),
    ):
        yield Vector(
            f"the header is {name}", False, "a header is an object (RFC 7515 §4)", sign(content, claims(), "es256")
        )
        why = "claims are an object (RFC 7519 §4)"
        yield Vector(f"the claims are {name}", False, why, sign(header(), content, "es256"))
    extension = "what is critical and not understood must be refused (RFC 7515 §4.1.11)"
    yield Vector("crit unknown", False, extension, sign(header(crit=["exp2"], exp2=1), claims(), "es256"))
    yield Vector("crit b64", False, extension, sign(header(crit=["b64"], b64=False), claims(), "es256"))
    yield Vector("crit a string", False, extension, sign(header(crit="exp"), claims(), "es256"))


def of_another_kind() -> Iterator[Vector]:
    """Signed by the broker, and no access token."""
    why = "it is a token of another kind (RFC 9068 §4, RFC 8725 §3.11)"
    identity = {**claims(aud="cli_web", scope=None, client_id=None, jti=None), "azp": "cli_web", "nonce": "n"}
    yield Vector("an ID token", False, why, sign(header(typ="JWT"), identity, "es256"))
    yield Vector("an ID token for this API", False, why, sign(header(typ="JWT"), claims(), "es256"))
    events: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    yield Vector("a logout token", False, why, sign(header(typ="logout+jwt"), claims(events=events), "es256"))
    for typ in (None, "", "jwt", "statuslist+jwt", "dpop+jwt", "at", "at+jwt2"):
        yield Vector(f"typ {'missing' if typ is None else typ or 'empty'}", False, why, typed(typ))


def misplaced() -> Iterator[Vector]:
    """Signed by the broker, and not for this, not now, or not enough."""
    why = "it was issued by somebody else (RFC 9068 §4)"
    for name, iss in (
        ("another", "https://other.example"),
        ("with a slash", f"{ISSUER}/"),
        ("in capitals", ISSUER.upper()),
        ("longer", f"{ISSUER}.thief.example"),
        ("http", "http://id.example.com"),
        ("a list", [ISSUER]),
        ("missing", None),
    ):
        yield Vector(f"iss {name}", False, why, minted(iss=iss))
    why = "it is for another API (RFC 9068 §4)"
    for name, aud in (
        ("another", ["https://other.example"]),
        ("the app", "cli_web"),
        ("the issuer alone", [ISSUER]),
        ("longer", f"{AUDIENCE}/v2"),
        ("shorter", "https://api.example"),
        ("with a slash", [f"{AUDIENCE}/"]),
        ("an empty list", []),
        ("missing", None),
    ):
        yield Vector(f"aud {name}", False, why, minted(aud=aud))
    why = "it is over, or never said when (RFC 9068 §2.2)"
    yield Vector("expired", False, why, minted(exp=LONG_AGO))
    yield Vector("expires never", False, why, minted(exp=None))
    yield Vector("expires in words", False, why, minted(exp=str(FAR_AWAY)))
    yield Vector("nbf to come", False, "its time has not come (RFC 7519 §4.1.5)", minted(nbf=FAR_AWAY - 1))
    for name in ("sub", "client_id", "jti", "iat"):
        yield Vector(f"{name} missing", False, "RFC 9068 §2.2 requires it", minted(**{name: None}))
    why = "the scope that is needed was not granted"
    for name, scope in (
        ("missing", None),
        ("empty", ""),
        ("another", "profile"),
        ("longer", "openid2"),
        ("with a prefix", "xopenid"),
        ("in capitals", "OpenID"),
        ("joined by commas", "profile,openid"),
    ):
        yield Vector(f"scope {name}", False, why, minted(scope=scope))
    why = "it is bound to a key, and nobody showed that key (RFC 9449 §7.2)"
    yield Vector("bound to a key", False, why, minted(cnf={"jkt": thumbprint("holder")}))
    yield Vector("bound to a certificate", False, why, minted(cnf={"x5t#S256": thumbprint("holder")}))


def _public_keys_as_secrets() -> Iterator[tuple[str, bytes]]:
    for key in ("es256", "rs256"):
        jwk: Mapping[str, str] = public(key)
        number = PyJWK(dict(jwk)).key
        assert isinstance(number, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
        yield f"{key} in PEM", number.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        yield f"{key} in DER", number.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        yield f"{key} x or n", (jwk.get("x") or jwk["n"]).encode()
