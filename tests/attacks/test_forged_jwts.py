"""JWTs that nobody but an attacker signed: `alg` none, a public key as HMAC key, keys and extensions of their own.

RFC 8725 §2.1 and §3.1, RFC 7515 §4.1.11, RFC 9700 §2.6.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK

from broker import opaque
from tests.attacks.attacker import (
    KEYED,
    MACHINE,
    MACHINE_SECRET,
    asserted,
    assertion,
    proof,
    register_keyed,
    register_machine,
    signed_in,
    unverified,
)
from tests.client_auth.signing import jwk, key, sign
from tests.stage import WEB, WEB_SECRET, Stage, answer_in

MINE = key("ES256", "attacker")


def encoded(part: object) -> str:
    return opaque.base64url(json.dumps(part, separators=(",", ":")).encode())


def hmacs(header: dict[str, Any], claims: dict[str, Any], public: dict[str, Any]) -> Iterator[str]:
    """Signed with what everybody knows: the public key in each form that a library might take as a secret."""
    loaded = PyJWK(public).key
    secrets = [
        loaded.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        for encoding in (Encoding.PEM, Encoding.DER)
    ]
    secrets += [json.dumps(public).encode(), public["x"].encode(), public.get("kid", "").encode() or b"x", b"x"]
    for secret in secrets:
        message = f"{encoded({**header, 'alg': 'HS256'})}.{encoded(claims)}"
        yield f"{message}.{opaque.base64url(hmac.digest(secret, message.encode(), hashlib.sha256))}"


def forgeries(good: str, public: dict[str, Any], **wished: Any) -> Iterator[str]:
    """The good token saying what the attacker wishes, in every way to get around its signature."""
    head, _, signature = good.split(".")
    header = json.loads(opaque.from_base64url(head) or b"")
    claims = unverified(good) | wished
    body = encoded(claims)
    for alg in ("none", "None", "NONE", "nOnE", "", None):
        for rest in ("", signature, "AA"):
            yield f"{encoded({**header, 'alg': alg})}.{body}.{rest}"
    yield from hmacs(header, claims, public)
    own = {
        "jwk": jwk(MINE),
        "jku": "https://evil.example/jwks.json",
        "x5u": "https://evil.example/x",
        "x5c": ["AA"],
    }
    for name, value in own.items():
        yield sign({**header, "alg": "ES256", name: value}, claims, MINE)
    yield sign({**header, "alg": "ES256"}, claims, MINE)
    yield sign({**header, "alg": "ES256", "kid": opaque.sha256_base64url("mine"), "jwk": jwk(MINE)}, claims, MINE)
    yield sign({**header, "alg": "ES256", "kid": "../../../../dev/null"}, claims, MINE)
    for crit in (["exp"], ["b64"], ["unheard-of"], []):
        yield f"{encoded({**header, 'crit': crit, 'b64': False})}.{encoded(unverified(good))}.{signature}"
    yield f"{head}.{body}.{signature}"
    yield f"{head}.{body}."
    yield f"{head}..{signature}"
    # ES256 with r = s = 0, and signatures of other lengths.
    yield f"{head}.{body}.{opaque.base64url(bytes(64))}"
    yield f"{head}.{body}.{opaque.base64url(bytes(63))}"
    yield f"{good}.{signature}"
    yield f"{good}="
    yield json.dumps({"payload": body, "protected": head, "signature": signature})


async def the_public_key(stage: Stage, token: str) -> dict[str, Any]:
    keys = (await stage.http.get("/.well-known/jwks.json")).json()["keys"]
    kid = json.loads(opaque.from_base64url(token.partition(".")[0]) or b"")["kid"]
    (found,) = (one for one in keys if one["kid"] == kid)
    return dict(found)


async def test_no_forged_access_token_opens_anything(file_stage: Stage) -> None:
    _, tokens = await signed_in(file_stage)
    good = tokens["access_token"]
    public = await the_public_key(file_stage, good)
    tried = list(forgeries(good, public, scope="openid profile admin", exp=file_stage.clock() + 10**6))
    assert len(tried) > 40
    for forged in tried:
        assert (await file_stage.userinfo(forged)).status_code in (400, 401), forged
        about = await file_stage.http.post("/introspect", data={"token": forged}, auth=(WEB, WEB_SECRET))
        assert about.json() == {"active": False}, forged
        thrown = await file_stage.http.post("/revoke", data={"token": forged}, auth=(WEB, WEB_SECRET))
        assert thrown.status_code == 200
    assert (await file_stage.userinfo(good)).status_code == 200


async def test_no_forged_hint_names_anybody(file_stage: Stage) -> None:
    browser, tokens = await signed_in(file_stage)
    good = tokens["id_token"]
    public = await the_public_key(file_stage, good)
    for forged in forgeries(good, public, sid="ses_other", nonce="other"):
        page = await file_stage.http.get("/logout", params={"id_token_hint": forged})
        assert page.status_code == 400, forged
        sent = await file_stage.authorize(browser, file_stage.question(id_token_hint=forged))
        assert answer_in(sent.headers["location"])["error"] == "invalid_request", forged
    assert (await file_stage.refresh(tokens["refresh_token"])).status_code == 200


async def test_no_forged_assertion_speaks_for_a_client(file_stage: Stage) -> None:
    """RFC 7523 §3; with its own key for another client, for another server, or for none."""
    await register_keyed(file_stage)
    public = jwk(key("ES256"), kid="es")
    wrong_claims: tuple[dict[str, Any], ...] = (
        {"aud": [file_stage.issuer]},
        {"aud": f"{file_stage.issuer}/token"},
        {"aud": f"{file_stage.issuer}/"},
        {"aud": "https://evil.example"},
        {"iss": WEB},
        {"iss": WEB, "sub": WEB},
        {"sub": "cli_unknown"},
        {"jti": None},
        {"exp": None},
        {"exp": file_stage.clock()},
        {"iat": file_stage.clock() + 3_600},
    )
    tried = [
        *forgeries(assertion(file_stage), public),
        *(assertion(file_stage, **claims) for claims in wrong_claims),
    ]
    tried += [proof(file_stage, "/token"), sign({"typ": "at+jwt", "alg": "ES256", "kid": "es"}, {}, key("ES256"))]
    for forged in tried:
        form = {"grant_type": "client_credentials", **asserted(forged)}
        answer = await file_stage.http.post("/token", data=form)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), forged
    for path in ("/par", "/introspect", "/revoke"):
        refused = await file_stage.http.post(path, data={"token": "x", **asserted(tried[0])})
        assert refused.status_code == 401, path
    form = {"grant_type": "client_credentials", **asserted(assertion(file_stage, client_id=KEYED))}
    assert (await file_stage.http.post("/token", data=form)).status_code == 200


async def test_no_forged_proof_binds_a_token(file_stage: Stage) -> None:
    """RFC 9449 §4.3: a proof is believed for the key in its header, and for an asymmetric one only."""
    await register_machine(file_stage)
    public = jwk(key("ES256", "dpop"))
    # A key of the attacker's own in the header is what DPoP is about: those prove another key, truly.
    tried = [
        forged
        for forged in forgeries(proof(file_stage, "/token"), public)
        if (unverified_header(forged).get("jwk") or {}) == public or "." not in forged
    ]
    tried += [
        sign(
            {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(MINE, secret=True)},
            unverified(tried_claims(file_stage)),
            MINE,
        ),
        sign({"typ": "JWT", "alg": "ES256", "jwk": jwk(MINE)}, unverified(tried_claims(file_stage)), MINE),
        sign({"typ": "dpop+jwt", "alg": "ES256", "kid": "es"}, unverified(tried_claims(file_stage)), MINE),
        "",
        "..",
    ]
    assert len(tried) > 30
    form = {"grant_type": "client_credentials"}
    for forged in tried:
        answer = await file_stage.http.post(
            "/token", data=form, headers={"DPoP": forged}, auth=(MACHINE, MACHINE_SECRET)
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof"), forged


def tried_claims(stage: Stage) -> str:
    return proof(stage, "/token")


def unverified_header(token: str) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(opaque.from_base64url(token.partition(".")[0]) or b"{}")
    return header
