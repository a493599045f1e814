"""TikTok's Login Kit for Web, as one registration speaks it: out to the authorize page, back, two calls.

A sign-in is `authorization_url` → the person at TikTok → `read_callback` → `sign_in`, which redeems the code
and asks who it was. It is OAuth with TikTok's own habits: `client_key`, scopes joined by commas, a PKCE
challenge in hexadecimal, errors with status 200, no ID token.

Sources, on developers.tiktok.com: /doc/login-kit-web, /doc/login-kit-desktop (PKCE),
/doc/oauth-get-a-user-access-token, /doc/tiktok-api-v2-get-user-info.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

from broker import log, opaque, telemetry
from broker.opaque import Secret
from broker.upstream.circuit import Circuit
from broker.upstream.connector import (
    Approval,
    Identity,
    NotShared,
    Rejected,
    SignedIn,
    Trace,
    Unavailable,
    UpstreamError,
)
from broker.upstream.tiktok_answers import Issued, identity, scope_list, user_info_body
from broker.upstream.tiktok_calls import Call
from broker.upstream.tiktok_errors import callback_error
from broker.upstream.tiktok_tokens import Pkce, TikTokTokens

__all__ = ["BASIC_SCOPE", "Pkce", "TikTok"]

BASIC_SCOPE = "user.info.basic"

# Every field asked for must be granted: one that is not fails the whole call.
_FIELDS = {
    BASIC_SCOPE: ("open_id", "union_id", "avatar_url", "display_name"),
    "user.info.profile": ("username",),
}
_CHALLENGES = {"hex": opaque.sha256_hex, "base64url": opaque.sha256_base64url}
_log = log.get("upstream")
_CODE = re.compile(r"[\x21-\x7e]{1,2048}")


@dataclass(frozen=True, kw_only=True)
class TikTok(TikTokTokens):
    """One TikTok developer app through which people sign in; `authorize_url` is its page's whole address."""

    scopes: tuple[str, ...]
    authorize_url: str
    circuit: Circuit = field(default_factory=Circuit)

    def admits_login(self) -> bool:
        """Whether to send anybody to TikTok now: not while it does not answer, but for one now and then.

        Ask once for each login, since a yes may make it the one that finds out.
        """
        return self.circuit.admits(now=self.clock())

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

    async def sign_in(
        self,
        approval: Approval,
        *,
        verifier: str,
        redirect_uri: str,
        required: tuple[str, ...] = (),
        native: bool = False,
    ) -> SignedIn:
        """Redeem the code and ask whose it was. Raises `UpstreamError`; then nothing may be stored.

        `required` are scopes without which the app cannot do, beside the one that says who it is: `NotShared`.

        `verifier` and `redirect_uri` are those of `authorization_url`, or with `native` those of TikTok's SDK.
        What comes of it decides whether further logins are sent to TikTok at all.
        """
        try:
            redeemed = await self.redeem(approval, verifier=verifier, redirect_uri=redirect_uri, native=native)
            signed_in = await self._who_redeemed(redeemed, required)
        except Unavailable:
            self._note_no_answer()
            raise
        except UpstreamError:
            self._note_answer()
            raise
        self._note_answer()
        return signed_in

    async def _who_redeemed(self, redeemed: Issued, required: tuple[str, ...]) -> SignedIn:
        tokens = redeemed.tokens
        needed = dict.fromkeys((BASIC_SCOPE, *required))
        if missing := tuple(scope for scope in needed if scope not in tokens.scopes):
            raise NotShared(missing, Trace("token"))
        person = await self.who_is(tokens.access_token, tokens.scopes)
        # The two answers must speak of one person, or somebody would sign in as somebody else.
        if not opaque.equal(person.open_id.encode(), redeemed.open_id.encode()):
            raise Rejected("TikTok's two answers name two different open_ids", Trace("user_info"))
        return SignedIn(person, tokens)

    async def who_is(self, access_token: Secret, scopes: tuple[str, ...]) -> Identity:
        """The person behind an access token, with just the fields that its scopes allow."""
        fields = ",".join(name for scope, names in _FIELDS.items() if scope in scopes for name in names)
        call = Call(
            "user_info",
            "GET",
            f"/v2/user/info/?fields={fields}",
            {"Authorization": f"Bearer {access_token.reveal()}"},
        )
        # An avatar may be plain http where the API itself is: only a simulator can be.
        schemes = {"https", urlsplit(self.api_url).scheme}
        return await self.call(call, lambda answer: identity(user_info_body(answer), avatar_schemes=schemes))

    def _note_no_answer(self) -> None:
        if self.circuit.failed(now=self.clock()):
            telemetry.CIRCUIT_OPEN.labels(self.name).set(1)
            _log.error("upstream.circuit_opened", registration=self.name)

    def _note_answer(self) -> None:
        if self.circuit.answered():
            telemetry.CIRCUIT_OPEN.labels(self.name).set(0)
            _log.warning("upstream.circuit_closed", registration=self.name)

    def _challenge(self, verifier: str) -> Mapping[str, str]:
        """RFC 7636 §4.3, except that TikTok's S256 is hexadecimal where the RFC's is base64url."""
        if self.pkce == "none":
            return {}
        return {"code_challenge": _CHALLENGES[self.pkce](verifier), "code_challenge_method": "S256"}
