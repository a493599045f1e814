"""Tokens that the broker signed, and that are not for this API, not for now, or not enough."""

from collections.abc import Iterator

from attacks import AUDIENCE, CLAIMS, FAR_AWAY, ISSUER, LONG_AGO, SINCE, Vector, minted, spelled
from minting import thumbprint


def misplaced() -> Iterator[Vector]:
    """All of them."""
    why = "it was issued by somebody else (RFC 9068 §4)"
    for name, iss in (
        ("another", "https://other.example"),
        ("with a slash", f"{ISSUER}/"),
        ("in capitals", ISSUER.upper()),
        ("longer", f"{ISSUER}.thief.example"),
        ("http", "http://id.example.com"),
        ("a list", [ISSUER]),
        ("missing", None),
        ("empty", ""),
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
        ("a list in a list", [[AUDIENCE]]),
        ("an object", {AUDIENCE: True}),
        ("two in one string", f"{AUDIENCE} {ISSUER}"),
        ("missing", None),
    ):
        yield Vector(f"aud {name}", False, why, minted(aud=aud))
    why = "it is over, or never said when (RFC 9068 §2.2)"
    yield Vector("expired", False, why, minted(exp=LONG_AGO))
    yield Vector("expires never", False, why, minted(exp=None))
    yield Vector("expires in words", False, why, minted(exp=str(FAR_AWAY)))
    for spelling in ("null", "true", "0", "-1", "1e19", "1e300", "1e400", "1" + "0" * 400):
        name = spelling if len(spelling) < 9 else "10^400"
        yield Vector(f"expires at {name}", False, why, spelled(exp=spelling))
    yield Vector("nbf to come", False, "its time has not come (RFC 7519 §4.1.5)", minted(nbf=FAR_AWAY - 1))
    yield Vector("nbf in words", False, "it is no time (RFC 7519 §4.1.5)", minted(nbf=str(SINCE)))
    for name in ("sub", "client_id", "jti", "iat"):
        yield Vector(f"{name} missing", False, "RFC 9068 §2.2 requires it", minted(**{name: None}))
        yield Vector(f"{name} null", False, "RFC 9068 §2.2 requires it", spelled(**{name: "null"}))
    for name in ("sub", "client_id", "jti"):
        yield Vector(f"{name} empty", False, "it names nobody", minted(**{name: ""}))
        yield Vector(
            f"{name} a number", False, "it is a string (RFC 7519 §4.1, RFC 8693 §4.3)", minted(**{name: 7})
        )
    yield Vector("iat in words", False, "it is a number (RFC 7519 §4.1.6)", minted(iat=str(SINCE)))
    for name in ("iss", "aud", "exp", "scope"):
        other = minted(**{name: None, name.capitalize(): CLAIMS[name]})
        yield Vector(f"{name.capitalize()} for {name}", False, "names have a case (RFC 7519 §10.1.1)", other)
    why = "the scope that is needed was not granted"
    for name, scope in (
        ("missing", None),
        ("empty", ""),
        ("another", "profile"),
        ("longer", "openid2"),
        ("with a prefix", "xopenid"),
        ("in capitals", "OpenID"),
        ("joined by commas", "profile,openid"),
        ("joined by a tab", "profile\topenid"),
        ("joined by a hard space", "profile\u00a0openid"),
        ("a list", ["openid"]),
        ("an object", {"openid": True}),
    ):
        yield Vector(f"scope {name}", False, why, minted(scope=scope))
    why = "it is bound to a key, and nobody showed that key (RFC 9449 §7.2)"
    yield Vector("bound to a key", False, why, minted(cnf={"jkt": thumbprint("holder")}))
    for spelling in ("null", "false", '""', "{}"):
        yield Vector(f"bound to {spelling}", False, why, spelled(cnf=spelling))
    yield Vector("bound to a certificate", False, why, minted(cnf={"x5t#S256": thumbprint("holder")}))
