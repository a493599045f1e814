"""TikTok's tokens, as one registration gets and returns them: the calls that carry its key and secret.

Sources, on developers.tiktok.com: /doc/oauth-get-a-user-access-token, /docs/en/oauth-refresh-a-user-access-token,
/docs/en/oauth-revoke-a-user-access-token, /doc/client-access-token-management.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar
from urllib.parse import urlencode

from broker.opaque import Secret
from broker.upstream.connector import Approval
from broker.upstream.http import Answer
from broker.upstream.tiktok_answers import Issued, client_token, issued, revoked, token_body
from broker.upstream.tiktok_calls import Call, TikTokCalls
from broker.upstream.tiktok_errors import Place

Pkce: TypeAlias = Literal["hex", "base64url", "none"]
Read = TypeVar("Read")

_ISSUE = "/v2/oauth/token/"
_REVOKE = "/v2/oauth/revoke/"


@dataclass(frozen=True, kw_only=True)
class TikTokTokens(TikTokCalls):
    """The token and the revoke endpoint. Every method raises `UpstreamError`."""

    client_key: str
    client_secret: Secret
    pkce: Pkce

    async def redeem(
        self, approval: Approval, *, verifier: str, redirect_uri: str, native: bool = False
    ) -> Issued:
        """Code to tokens (RFC 6749 §4.1.3). Sent once: a code that may have arrived is spent.

        `native`: TikTok's SDK in an app asked for the code. It always sends a challenge, whatever our `pkce` is;
        `verifier` is the SDK's, on Android of 32 characters.
        """
        now = self.clock()
        form = {
            "grant_type": "authorization_code",
            "code": approval.code.reveal(),
            "redirect_uri": redirect_uri,
        }
        if native or self.pkce != "none":
            form["code_verifier"] = verifier
        return await self._post(
            "token",
            _ISSUE,
            form,
            lambda answer: issued(token_body("token", answer), now=now, callback_scopes=approval.scopes),
        )

    async def refresh(self, refresh_token: Secret) -> Issued:
        """A new pair for a refresh token, which is dead from then on (RFC 6749 §6). Sent once.

        `Rejected`: the token is dead. `Unavailable` without `nothing_sent`: it may be dead, and nobody can know.
        No scopes in the result mean that TikTok named none: the old ones stand.
        """
        now = self.clock()
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        return await self._post(
            "refresh",
            _ISSUE,
            form,
            lambda answer: issued(token_body("refresh", answer), now=now, callback_scopes=()),
        )

    async def revoke(self, access_token: Secret) -> None:
        """Take this app out of the person's connected apps: the whole grant, not just one token.

        `Rejected`: TikTok does not know the token any more.
        """
        await self._post("revoke", _REVOKE, {"token": access_token.reveal()}, revoked)

    async def prove_credentials(self) -> None:
        """Ask for a token in the app's own name and drop it: TikTok gives one to whoever has key and secret.

        It does so for apps without review, too, so this proves nothing about scopes or redirect URIs.
        `Misconfigured`: key and secret are not accepted.
        """
        await self._post(
            "client_credentials",
            _ISSUE,
            {"grant_type": "client_credentials"},
            lambda answer: client_token(token_body("client_credentials", answer)),
        )

    async def _post(
        self, place: Place, path: str, form: Mapping[str, str], read: Callable[[Answer], Read]
    ) -> Read:
        """POST with our credentials, which TikTok takes in the form only, never in a header."""
        credentials = {"client_key": self.client_key, "client_secret": self.client_secret.reveal()}
        call = Call(
            place,
            "POST",
            path,
            # Exactly this value: with a charset behind it TikTok calls the request malformed.
            {"Content-Type": "application/x-www-form-urlencoded"},
            urlencode({**credentials, **form}).encode("ascii"),
        )
        return await self.call(call, read)
