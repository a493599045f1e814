"""What every JWT of the broker says, and what it must say to be believed.

Access tokens follow RFC 9068, ID tokens OIDC Core §2. There is never an `email`: TikTok has none.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from broker import opaque
from broker.claims_told import AccessToken, Hint, InvalidToken, Occasion, Person, about
from broker.keys.signer import BadSignature, Signer
from broker.oauth import status_list
from broker.store.grant_rows import Grant

ACCESS_TYP: Final = "at+jwt"
ID_TYP: Final = "JWT"
LOGOUT_TYP: Final = "logout+jwt"
_LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_SECONDS: Final = 120
"""How long a logout token is good."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Mints and verifies. Lifetimes in seconds. `avatars`: whose addresses of pictures are told, if any.

    `listed`: there are status lists, so access tokens name their place in them.
    """

    issuer: str
    signer: Signer
    signing_alg: str
    access_token_ttl: int
    avatars: Literal["copy", "link", "off"] = "off"
    listed: bool = False

    def person_of(self, grant: Grant) -> Person:
        """The person behind a living grant."""
        return Person(
            sub=grant.user_id,
            union_id=grant.union_id,
            open_id=grant.open_id,
            display_name=grant.display_name,
            username=grant.username,
            picture=self._picture(grant),
            tiktok_scope=grant.tiktok_scope,
        )

    def _picture(self, grant: Grant) -> str | None:
        if self.avatars == "link":
            return grant.avatar_url
        if self.avatars == "copy" and grant.avatar_id is not None:
            return f"{self.issuer}/avatars/{grant.avatar_id}"
        return None

    async def access_token(
        self,
        person: Person,
        occasion: Occasion,
        *,
        scope: tuple[str, ...],
        resources: tuple[str, ...],
        jkt: str | None,
        now: int,
    ) -> str:
        """A JWT access token (RFC 9068 §2.2). `jti` begins with the grant's id, by which it can be revoked."""
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": person.sub,
            "aud": self._audience(scope, resources),
            "exp": now + self.access_token_ttl,
            "iat": now,
            "jti": f"{occasion.grant_id}.{opaque.identifier()}",
            "client_id": occasion.client_id,
            "scope": " ".join(scope),
            "auth_time": occasion.auth_time,
            "union_id": person.union_id,
        }
        if occasion.sid is not None:
            claims["sid"] = occasion.sid
        if jkt is not None:
            claims["cnf"] = {"jkt": jkt}
        if self.listed and occasion.status_index is not None:
            claims["status"] = status_list.reference(self.issuer, occasion.status_index)
        return await self.signer.sign(claims, typ=ACCESS_TYP, alg=self.signing_alg, now=now)

    def signing_kid(self, *, now: int) -> str:
        """The key by which access tokens and status lists are signed now."""
        return self.signer.ring.signer(self.signing_alg, now=now).kid

    async def status_list(self, number: int, packed: str, *, now: int) -> str:
        """A list of which grants have ended (draft-ietf-oauth-status-list, "Status List Token in JWT Format")."""
        claims = {
            "sub": status_list.address(self.issuer, number),
            "iat": now,
            "exp": now + status_list.LIFE_SECONDS,
            "ttl": status_list.TTL_SECONDS,
            "status_list": {"bits": status_list.BITS, "lst": packed},
        }
        return await self.signer.sign(claims, typ=status_list.TYP, alg=self.signing_alg, now=now)

    async def machine_token(
        self, client_id: str, *, scope: tuple[str, ...], resources: tuple[str, ...], jkt: str | None, now: int
    ) -> str:
        """An access token for a client itself (RFC 6749 §4.4): there is no person, session or grant in it."""
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": client_id,
            "aud": self._audience(scope, resources),
            "exp": now + self.access_token_ttl,
            "iat": now,
            "jti": opaque.identifier(),
            "client_id": client_id,
            "scope": " ".join(scope),
        }
        if jkt is not None:
            # RFC 9449 §6.1.
            claims["cnf"] = {"jkt": jkt}
        return await self.signer.sign(claims, typ=ACCESS_TYP, alg=self.signing_alg, now=now)

    async def logout_token(self, *, client_id: str, sub: str, sid: str, now: int, alg: str | None = None) -> str:
        """What tells a client that a session is over (OIDC Back-Channel Logout 1.0 §2.4).

        Signed as the client's ID tokens are (§2.6): `alg` is what it registered for those, if anything.
        """
        claims = {
            "iss": self.issuer,
            "sub": sub,
            "aud": client_id,
            "iat": now,
            "exp": now + LOGOUT_SECONDS,
            "jti": opaque.identifier(),
            "sid": sid,
            "events": {_LOGOUT_EVENT: {}},
        }
        return await self.signer.sign(claims, typ=LOGOUT_TYP, alg=alg or self.signing_alg, now=now)

    async def id_token(
        self,
        person: Person,
        occasion: Occasion,
        *,
        scope: tuple[str, ...],
        access_token: str,
        nonce: str | None,
        alg: str | None,
        now: int,
    ) -> str:
        """An ID token (OIDC Core §2, §3.1.3.6), good for as long as the access token beside it."""
        alg = alg or self.signing_alg
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": person.sub,
            "aud": occasion.client_id,
            "azp": occasion.client_id,
            "exp": now + self.access_token_ttl,
            "iat": now,
            "auth_time": occasion.auth_time,
            "at_hash": _at_hash(access_token, alg),
            **about(person, scope),
        }
        if nonce is not None:
            claims["nonce"] = nonce
        if occasion.sid is not None:
            claims["sid"] = occasion.sid
        return await self.signer.sign(claims, typ=ID_TYP, alg=alg, now=now)

    def verify_access_token(self, token: str, *, now: int) -> AccessToken:
        """The token, when we signed it as an access token and its time has not come. Raises `InvalidToken`.

        For whom it was meant is left to the endpoint, which finds `audience` beside it.
        """
        try:
            claims = self.signer.verify(token, typ=ACCESS_TYP)
        except BadSignature as error:
            raise InvalidToken(str(error)) from None
        if claims.get("iss") != self.issuer:
            raise InvalidToken("another issuer")
        expires = claims.get("exp")
        # RFC 7519 §4.1.4: on or after `exp` it must not be accepted.
        if not isinstance(expires, int) or now >= expires:
            raise InvalidToken("expired")
        return AccessToken(
            grant_id=claims["jti"].partition(".")[0] if "." in claims["jti"] else None,
            client_id=claims["client_id"],
            scope=frozenset(claims["scope"].split()),
            audience=frozenset(claims["aud"]),
            jkt=claims.get("cnf", {}).get("jkt"),
            expires_at=expires,
            claims=claims,
        )

    def can_sign(self, *, now: int) -> bool:
        """Whether there are keys for access tokens and for refresh tokens."""
        ring = self.signer.ring
        try:
            ring.signer(self.signing_alg, now=now)
            ring.refresher(now=now)
        except LookupError:
            return False
        return True

    def read_hint(self, token: str) -> Hint:
        """Whom an ID token of ours names, however old it is. Raises `InvalidToken`."""
        try:
            claims = self.signer.verify(token, typ=ID_TYP, past=True)
        except BadSignature as error:
            raise InvalidToken(str(error)) from None
        if claims.get("iss") != self.issuer:
            raise InvalidToken("another issuer")
        return Hint(claims["sub"], claims.get("sid"), claims["aud"])

    def _audience(self, scope: tuple[str, ...], resources: tuple[str, ...]) -> list[str]:
        # `openid` opens /userinfo, which is ours, so the issuer belongs to the audience then.
        ours = (self.issuer,) if "openid" in scope or not resources else ()
        return list(dict.fromkeys((*resources, *ours)))


def _at_hash(access_token: str, alg: str) -> str:
    # The hash of the signature's own algorithm; Ed25519 works with SHA-512 (RFC 8032 §5.1).
    return opaque.half_digest_base64url(access_token, "sha512" if alg == "EdDSA" else "sha256")
