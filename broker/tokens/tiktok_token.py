"""Handing an app the TikTok access token of one of its people, in exchange for an access token of ours.

The refresh token stays here, always. The app gets what TikTok granted in this person's last sign-in; nobody but
TikTok could narrow it.
"""

from typing import Final

from broker.claims_told import AccessToken, InvalidToken
from broker.oauth.errors import OAuthError, invalid_grant, invalid_request, invalid_target, unauthorized_client
from broker.store import clients, token_pairs
from broker.store.grant_rows import StaleClient
from broker.store.token_pairs import Kept
from broker.tokens.answer import HandedOut
from broker.tokens.presentation import Presentation
from broker.upstream.connector import UpstreamError
from broker.vault import LiveToken, SignInNeeded
from broker.web import upstream_errors

RESOURCE: Final = "https://open.tiktokapis.com/"
"""The one `resource` that such a token is for: TikTok's API."""


async def hand_out(presented: Presentation) -> HandedOut | StaleClient:
    """A live TikTok token. Every one is an audit event, written before it goes out.

    Raises `OAuthError`: `unauthorized_client` for an app without the permission, `invalid_target` for another
    resource, `invalid_request` for a subject token that is not good (RFC 8693 §2.2.2), `invalid_grant` when only a
    new sign-in can bring new tokens, `temporarily_unavailable`.
    """
    client = presented.client
    if not client.metadata.tiktok_tokens:
        raise unauthorized_client("This app may not fetch TikTok tokens; its operator can allow it.")
    if presented.form.several("resource") != (RESOURCE,) or "audience" in presented.form:
        raise invalid_target(f"The resource must be {RESOURCE} and nothing else.")
    token = _subject(presented)
    # No statement spends anything here that could require the version that was kept.
    if not await presented.database.read(clients.is_current, client.client_id, client.version):
        return StaleClient()
    kept = await _behind(presented, token)
    if presented.proof is not None:
        await presented.possession.use_up(presented.proof)
    live = await _live(presented, kept)
    handed_out = await presented.database.transact(
        token_pairs.hand_out,
        kept,
        grant_id=token.grant_id or "",
        client_id=client.client_id,
        request_id=presented.request_id,
        now=presented.now,
    )
    if not handed_out:
        raise _void()
    return HandedOut(live.access_token, max(0, live.expires_at - presented.now), live.scopes)


def _subject(presented: Presentation) -> AccessToken:
    """The caller's own access token, with the key it is bound to, if any (RFC 9449 §7)."""
    try:
        token = presented.claims.verify_access_token(presented.form["subject_token"], now=presented.now)
    except InvalidToken as error:
        raise _void(str(error)) from None
    if token.client_id != presented.client.client_id:
        raise _void("it was issued to another app")
    if token.grant_id is None:
        raise _void("nobody has signed in for it")
    if token.jkt is not None and token.jkt != presented.jkt:
        raise _void("the key it is bound to was not proven")
    return token


async def _behind(presented: Presentation, token: AccessToken) -> Kept:
    kept = await presented.database.read(token_pairs.behind_grant, token.grant_id or "")
    if kept is None:
        raise _void("its grant has ended")
    return kept


async def _live(presented: Presentation, kept: Kept) -> LiveToken:
    try:
        return await presented.vault.live(kept)
    except SignInNeeded as error:
        raise invalid_grant(
            "TikTok has withdrawn or lost the tokens of this person: a new sign-in is needed.", detail=str(error)
        ) from None
    except UpstreamError as error:
        raise upstream_errors.told(error, kept.registration) from None


def _void(detail: str | None = None) -> OAuthError:
    refusal = invalid_request("The subject_token is expired, revoked, or not an access token of this app.")
    refusal.detail = detail
    return refusal
