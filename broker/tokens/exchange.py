"""`grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): two trades, told by what is given.

An access token of ours for a TikTok access token of the same person (`tiktok_token`), and a code that TikTok gave
to an app on a device for our tokens (`tiktok_code`). A TikTok access token is never taken: it says nothing of the
app it was issued to, so any other app could sign in with the tokens of its people.
"""

from broker.oauth.errors import invalid_request
from broker.store.grant_rows import StaleClient
from broker.tokens import tiktok_code, tiktok_token
from broker.tokens.answer import HandedOut, Issue
from broker.tokens.presentation import Presentation
from broker.tokens.token_types import ACCESS, TIKTOK_CODE


async def spend(presented: Presentation) -> Issue | HandedOut | StaleClient:
    """What the `subject_token` is good for. Raises `OAuthError` (RFC 8693 §2.2.2), `DatabaseUnavailable`."""
    form = presented.form
    form.required("subject_token")
    if "actor_token" in form or "actor_token_type" in form:
        raise invalid_request("Nobody can act for somebody else here; leave out actor_token.")
    if form.get("requested_token_type", ACCESS) != ACCESS:
        raise invalid_request(f"The requested_token_type can only be {ACCESS}.")
    match form.required("subject_token_type"):
        case token_type if token_type == ACCESS:
            return await tiktok_token.hand_out(presented)
        case token_type if token_type == TIKTOK_CODE:
            return await tiktok_code.trade(presented)
    raise invalid_request(f"The subject_token_type must be {ACCESS} or {TIKTOK_CODE}.")
