"""Tokens of another shape than a signed JWT with claims, or of one that two readers could read differently."""

import base64
import json
from collections.abc import Iterator

from attacks import ISSUER, LONG_AGO, Vector, claims, header, minted
from minting import KEYS, b64, segment, sign, signature

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_GOOD = json.dumps(claims(), separators=(",", ":"))


def bent() -> Iterator[Vector]:
    """All of them."""
    yield from in_other_parts()
    yield from spelled_otherwise()
    yield from in_other_json()
    extension = "what is critical and not understood must be refused (RFC 7515 §4.1.11)"
    for name, crit in (
        ("unknown", ["exp2"]),
        ("absent", ["exp3"]),
        ("empty", []),
        ("a string", "exp"),
        ("alg", ["alg"]),
    ):
        yield Vector(f"crit {name}", False, extension, sign(header(crit=crit, exp2=1), claims(), "es256"))
    yield Vector("crit b64", False, extension, sign(header(crit=["b64"], b64=False), claims(), "es256"))
    plain = sign(header(b64=False), claims(), "es256")
    yield Vector("b64 without crit", False, "a JWT is always in base64url (RFC 7797 §7)", plain)


def in_other_parts() -> Iterator[Vector]:
    """Not three parts and two dots."""
    token = minted()
    head, body, signed = token.split(".")
    shape = "it is not a JWT in compact form"
    for name, text in (
        ("empty", ""),
        ("dots", ".."),
        ("two parts", f"{head}.{body}"),
        ("four parts", f"{token}.{signed}"),
        ("a dot before it", f".{token}"),
        ("a dot after it", f"{token}."),
        ("a letter after it", f"{token}A"),
        ("a space before it", f" {token}"),
        ("a space after it", f"{token} "),
        ("a word before it", f"Bearer {token}"),
        ("twice", f"{token},{token}"),
        ("JSON form", f'{{"payload":"{body}","protected":"{head}","signature":"{signed}"}}'),
    ):
        yield Vector(name, False, shape, text)
    why = "an encrypted JWT is something else"
    yield Vector("five parts", False, why, f"{head}.{body}.{body}.{body}.{signed}")


def spelled_otherwise() -> Iterator[Vector]:
    """What a careless decoder takes for the same bytes."""
    why = "base64url has one spelling, without padding (RFC 7515 §2)"
    text, _, signed = minted().rpartition(".")
    for name, other in (
        ("with padding", f"{signed}=="),
        ("with bits left over", _with_bits_left_over(signed)),
        ("in the other alphabet", signed.replace("-", "+").replace("_", "/")),
        ("with a space in it", f"{signed[:9]} {signed[9:]}"),
        ("with a tab in it", f"{signed[:9]}\t{signed[9:]}"),
        ("with another letter in it", f"{signed[:9]}!{signed[9:]}"),
    ):
        yield Vector(f"signature {name}", False, why, f"{text}.{other}")
    # Long enough that there is something to pad.
    content = {"header": json.dumps(header()), "claims": _GOOD}
    content = {name: text + " " * ((1 - len(text)) % 3) for name, text in content.items()}
    good = {name: b64(text.encode()) for name, text in content.items()}
    for part, text in content.items():
        padded = base64.urlsafe_b64encode(text.encode()).decode()
        for name, other in (("padding", padded), ("bits left over", _with_bits_left_over(good[part]))):
            yield Vector(f"{part} with {name}", False, why, _signed(*{**good, part: other}.values()))


def in_other_json() -> Iterator[Vector]:
    """Signed by the broker's key, and no JSON, no object, or an object in which the last word is a bad one."""
    for name, content in (
        ("a list", "[]"),
        ("a string", '"at+jwt"'),
        ("null", "null"),
        ("no JSON", "{alg:ES256}"),
    ):
        why = "a header is an object (RFC 7515 §4)"
        yield Vector(f"the header is {name}", False, why, sign(content, claims(), "es256"))
        why = "claims are an object (RFC 7519 §4)"
        yield Vector(f"the claims are {name}", False, why, sign(header(), content, "es256"))
    why = "it is not JSON (RFC 8259)"
    for name, content in (
        ("with NaN", f'{_GOOD[:-1]},"x":NaN}}'),
        ("with Infinity", f'{_GOOD[:-1]},"x":Infinity}}'),
        ("with a comma too many", f"{_GOOD[:-1]},}}"),
        ("with a comment", f"/**/{_GOOD}"),
        ("in single quotes", _GOOD.replace('"', "'")),
        ("followed by others", f'{_GOOD}{{"scope":""}}'),
        ("followed by a letter", f"{_GOOD}x"),
    ):
        yield Vector(f"claims {name}", False, why, sign(header(), content, "es256"))
    wide = _signed(segment(header()), b64(_GOOD.encode("utf-16-le")))
    yield Vector("claims in UTF-16", False, "a JWT is in UTF-8 (RFC 7519 §7.2)", wide)
    # RFC 7519 §4 lets a reader take the last of two: it is a bad one here, so that either way leads to a refusal.
    why = "a name stands once (RFC 7519 §4)"
    for name, member in (("exp", LONG_AGO), ("iss", f"{ISSUER}/"), ("aud", "x"), ("scope", "")):
        twice = f'{_GOOD[:-1]},"{name}":{json.dumps(member)}}}'
        yield Vector(f"{name} twice", False, why, sign(header(), twice, "es256"))
    good = json.dumps(header())[:-1]
    for name, member in (("alg", "none"), ("typ", "JWT"), ("kid", KEYS["unpublished"]["kid"])):
        yield Vector(f"{name} twice", False, why, sign(f'{good},"{name}":"{member}"}}', claims(), "es256"))
    why = "nobody nests so deep"
    deep = sign(f'{good},"x":{"[" * 2500}{"]" * 2500}}}', "{}", "unpublished")
    yield Vector("a header without a bottom", False, why, deep)


def _signed(head: str, body: str) -> str:
    """A token of the broker of these two parts."""
    message = f"{head}.{body}"
    return f"{message}.{b64(signature(message.encode(), 'es256', 'ES256'))}"


def _with_bits_left_over(text: str) -> str:
    """The same bytes for whoever does not look at the bits that no byte needs."""
    return text[:-1] + _ALPHABET[_ALPHABET.index(text[-1]) + 1]
