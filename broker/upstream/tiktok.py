"""TikTok's Login Kit for Web, as one registration speaks it: out to the authorize page, back, two calls.

A sign-in is `authorization_url` → the person at TikTok → `read_callback` → `sign_in`, which redeems the code
and asks who it was. It is OAuth with TikTok's own habits: `client_key`, scopes joined by commas, a PKCE
challenge in hexadecimal, errors with status 200, no ID token.

Sources, on developers.tiktok.com: /doc/login-kit-web, /doc/login-kit-desktop (PKCE),
/doc/oauth-get-a-user-access-token, /doc/tiktok-api-v2-get-user-info.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

import httpx

from broker import opaque
from broker.clock import Clock
from broker.opaque import Secret
from broker.upstream.connector import Approval, Identity, Refused, Rejected, SignedIn, Trace
from broker.upstream.http import CALL_SECONDS, ask
from broker.upstream.tiktok_answers import (
    Body,
    Issued,
    identity,
    issued,
    scope_list,
    token_body,
    user_info_body,
)
from broker.upstream.tiktok_errors import BASIC_SCOPE_MISSING, callback_error

Pkce: TypeAlias = Literal["hex", "base64url", "none"]

BASIC_SCOPE = "user.info.basic"

# Every field asked for must be granted: one that is not fails the whole call.
_FIELDS = {
    BASIC_SCOPE: ("open_id", "union_id", "avatar_url", "display_name"),
    "user.info.profile": ("username",),
}
_CHALLENGES = {"hex": opaque.sha256_hex, "base64url": opaque.sha256_base64url}
_CODE = re.compile(r"[\x21-\x7e]{1,2048}")


@dataclass(frozen=True)
class TikTok:
    """One TikTok developer app through which people sign in.

    `authorize_url` is the whole address of the authorize page, `api_url` the API's origin without a slash at
    its end; `patience` is what one call may take in seconds. `http` comes from `upstream_client`.
    """

    name: str
    client_key: str
    client_secret: Secret
    scopes: tuple[str, ...]
    pkce: Pkce
    authorize_url: str
    api_url: str
    http: httpx.AsyncClient
    clock: Clock
    patience: float = CALL_SECONDS

    def authorization_url(self, *, state: str, redirect_uri: str, verifier: str, force_consent: bool) -> str:
        """Where to send the browser. `force_consent` shows TikTok's consent page to everybody."""
        query = {
            "client_key": self.client_key,
            "response_type": "code",
            "scope": ",".join(self.scopes),
            "redirect_uri": redirect_uri,
            "state": state,
            **self._challenge(verifier),
        }
        if force_consent:
            query["disable_auto_auth"] = "1"
        return f"{self.authorize_url}?{urlencode(query, quote_via=quote)}"

    def read_callback(self, parameters: Mapping[str, str]) -> Approval:
        """The approval in the callback's decoded query, whose `state` the caller has verified.

        Raises `UpstreamError`: as `tiktok_errors` says when TikTok reports an error, `Rejected` without a
        readable code. An error beside a code wins.
        """
        error = callback_error(parameters)
        if error is not None:
            raise error
        code = parameters.get("code", "")
        if not _CODE.fullmatch(code):
            raise Rejected("TikTok sent the browser back with neither a code nor an error", Trace("callback"))
        # The query passed through the browser, so it cannot grant more than was asked for.
        granted = scope_list(parameters.get("scopes", ""))
        return Approval(Secret(code), tuple(scope for scope in granted if scope in self.scopes))

    async def sign_in(self, approval: Approval, *, verifier: str, redirect_uri: str) -> SignedIn:
        """Redeem the code and ask whose it was. Raises `UpstreamError`; then nothing may be stored.

        `verifier` and `redirect_uri` are those of `authorization_url`.
        """
        redeemed = await self.redeem(approval, verifier=verifier, redirect_uri=redirect_uri)
        tokens = redeemed.tokens
        if BASIC_SCOPE not in tokens.scopes:
            raise Refused(BASIC_SCOPE_MISSING, Trace("token"))
        person = await self.who_is(tokens.access_token, tokens.scopes)
        # The two answers must speak of one person, or somebody would sign in as somebody else.
        if not opaque.equal(person.open_id.encode(), redeemed.open_id.encode()):
            raise Rejected("TikTok's two answers name two different open_ids", Trace("user_info"))
        return SignedIn(person, tokens)

    async def redeem(self, approval: Approval, *, verifier: str, redirect_uri: str) -> Issued:
        """Code to tokens (RFC 6749 §4.1.3). One attempt: a code that may have arrived is spent."""
        now = self.clock()
        form = {
            "grant_type": "authorization_code",
            "code": approval.code.reveal(),
            "redirect_uri": redirect_uri,
        }
        if self.pkce != "none":
            form["code_verifier"] = verifier
        return issued(await self._token_call(form), now=now, callback_scopes=approval.scopes)

    async def who_is(self, access_token: Secret, scopes: tuple[str, ...]) -> Identity:
        """The person behind an access token, with just the fields that its scopes allow."""
        fields = ",".join(name for scope, names in _FIELDS.items() if scope in scopes for name in names)
        answer = await ask(
            self.http,
            "GET",
            f"{self.api_url}/v2/user/info/?fields={fields}",
            headers={"Authorization": f"Bearer {access_token.reveal()}"},
            endpoint="user_info",
            patience=self.patience,
        )
        # An avatar may be plain http where the API itself is: only a simulator can be.
        schemes = {"https", urlsplit(self.api_url).scheme}
        return identity(user_info_body(answer), avatar_schemes=schemes)

    async def _token_call(self, form: Mapping[str, str]) -> Body:
        """POST a grant with our credentials, which TikTok takes in the form only, never in a header."""
        credentials = {"client_key": self.client_key, "client_secret": self.client_secret.reveal()}
        answer = await ask(
            self.http,
            "POST",
            f"{self.api_url}/v2/oauth/token/",
            # Exactly this value: with a charset behind it TikTok calls the request malformed.
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=urlencode({**credentials, **form}).encode("ascii"),
            endpoint="token",
            patience=self.patience,
        )
        return token_body(answer)

    def _challenge(self, verifier: str) -> Mapping[str, str]:
        """RFC 7636 §4.3, except that TikTok's S256 is hexadecimal where the RFC's is base64url."""
        if self.pkce == "none":
            return {}
        return {"code_challenge": _CHALLENGES[self.pkce](verifier), "code_challenge_method": "S256"}
