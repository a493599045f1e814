"""What is checked, and in which order. It waits for nothing: what must be fetched is yielded to whoever can.

1. Shape, type and algorithm of the token, before anything is fetched for it (`jws`).
2. The signature, by the key that it names in the issuer's key set.
3. Issuer, audience, times, and the claims that every access token has (`tokens`).
4. The status list that it names: whether it was revoked (`status_list`).
5. That the sender holds the key that it is bound to (`dpop`).
6. The scopes that this request needs.
"""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from tiktok_broker_verifier import dpop, jwk, jws, status_list, tokens
from tiktok_broker_verifier.documents import Document, Wanted
from tiktok_broker_verifier.dpop import Seen
from tiktok_broker_verifier.errors import Refused, Scheme, Unavailable
from tiktok_broker_verifier.jwk import PublicKey
from tiktok_broker_verifier.jws import Signed, Unsound
from tiktok_broker_verifier.policy import Policy
from tiktok_broker_verifier.presented import Presented
from tiktok_broker_verifier.revocations import Lists, Revocations
from tiktok_broker_verifier.tokens import AccessToken, Listed

UNKNOWN_PAUSE: Final = 30
"""Seconds at least between two fetches of the key set because of keys it does not have: anybody can name one."""

_LONGEST_KEY_SET: Final = 256 * 1024

Result = TypeVar("Result")
Steps: TypeAlias = Generator[Wanted, None, Result]


@dataclass
class Verification:
    """The checks of one API, with what was fetched for them so far."""

    policy: Policy
    keys: Document[Mapping[str, PublicKey]] = field(init=False)
    lists: Lists = field(default_factory=Lists)
    seen: Seen = field(default_factory=Seen)

    def __post_init__(self) -> None:
        self.keys = Document(self.policy.jwks_uri, _LONGEST_KEY_SET, jwk.read_set)

    def of_request(self, presented: Presented, scopes: Iterable[str], now: float) -> Steps[AccessToken]:
        """The token of a request. Raises `Refused`, `Unavailable`."""
        scheme, text = presented.credentials()
        try:
            token = yield from self._unrevoked(text, now)
            if token.jkt is not None:
                self._check_possession(presented, scheme, text, token.jkt, now)
            elif scheme == "dpop":
                raise Refused("The access token is not bound to a key: send it as Authorization: Bearer.")
            return _with_scopes(token, scopes)
        except Refused as refusal:
            refusal.scheme = scheme
            raise

    def of_bearer(self, text: str, scopes: Iterable[str], now: float) -> Steps[AccessToken]:
        """A token that came without its request. Raises `Refused`, `Unavailable`."""
        token = yield from self._unrevoked(text, now)
        if token.jkt is not None:
            # RFC 9449 §7.2: whoever stole it could send it this way.
            raise Refused("The access token is bound to a key: it is no good without a DPoP proof.")
        return _with_scopes(token, scopes)

    def _unrevoked(self, text: str, now: float) -> Steps[AccessToken]:
        try:
            signed = jws.read(text, types=tokens.TYPES, algorithms=self.policy.algorithms, longest=tokens.LONGEST)
            claims = yield from self._verified(signed, now)
            token = tokens.checked(claims, self.policy, now)
            if token.listed is not None:
                yield from self._check_status(token.listed, now)
        except Unsound as reason:
            raise Refused(f"The access token was refused because {reason}.") from None
        return token

    def _verified(self, signed: Signed, now: float) -> Steps[dict[str, Any]]:
        kid = signed.header.get("kid")
        if not isinstance(kid, str):
            raise Unsound("it does not name its key")
        keys = yield from self._published(now)
        if kid not in keys and now >= self.keys.tried_at + UNKNOWN_PAUSE:
            yield Wanted(self.keys, self.keys.tries, wait=True)
            keys = self.keys.content or keys
        if kid not in keys:
            if now >= self.keys.fresh_until:
                raise Unavailable("The broker's keys cannot be fetched at the moment, try again.")
            raise Unsound("it is signed with a key that the broker does not publish")
        return jws.verified(signed, keys[kid])

    def _published(self, now: float) -> Steps[Mapping[str, PublicKey]]:
        if self.keys.due(now):
            yield Wanted(self.keys, self.keys.tries, wait=not self.keys.believed(now, self.policy.keep))
        if self.keys.content is None or not self.keys.believed(now, self.policy.keep):
            raise Unavailable("The broker's keys cannot be fetched at the moment, try again.")
        return self.keys.content

    def _check_status(self, listed: Listed, now: float) -> Steps[None]:
        revocations = self.lists.at(listed.uri)
        if revocations.due(now):
            usable = revocations.usable(now, self.policy.keep)
            yield Wanted(revocations.document, revocations.document.tries, wait=not usable)
        body = revocations.document.content
        if body is not None and body is not revocations.looked_at:
            yield from self._open(revocations, body, now)
        if revocations.opened is None or not revocations.usable(now, self.policy.keep):
            raise Unavailable("The broker's list of revocations cannot be fetched at the moment, try again.")
        # Whatever stands there but 0, "VALID", the issuer no longer stands by the token.
        if revocations.opened.status(listed.index) != 0:
            raise Unsound("it was revoked")

    def _open(self, revocations: Revocations, body: bytes, now: float) -> Steps[None]:
        try:
            signed = jws.read(
                body.decode("ascii", "replace").strip(),
                types=status_list.TYPES,
                algorithms=self.policy.algorithms,
                longest=status_list.LONGEST,
            )
            claims = yield from self._verified(signed, now)
            revocations.take(status_list.checked(claims, uri=revocations.document.url, now=now), body)
        except Unsound:
            revocations.reject(body)

    def _check_possession(self, presented: Presented, scheme: Scheme, text: str, jkt: str, now: float) -> None:
        if self.policy.origin is None:
            raise Refused("This API takes no access tokens that are bound to a key.")
        if scheme != "dpop":
            raise Refused("The access token is bound to a key: send it as Authorization: DPoP, with a proof.")
        dpop.check(
            presented.dpop,
            method=presented.method,
            url=f"{self.policy.origin}{presented.path}",
            token=text,
            jkt=jkt,
            now=now,
            seen=self.seen,
        )


def _with_scopes(token: AccessToken, scopes: Iterable[str]) -> AccessToken:
    wanted = tuple(scopes)
    if not token.scopes.issuperset(wanted):
        raise Refused("The app was not granted what this request needs.", "insufficient_scope", scopes=wanted)
    return token
