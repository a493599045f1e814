"""An app on a device, signed in through TikTok's SDK, trades TikTok's code for our tokens.

The code was issued to our registration for a redirect URI of this app, against a verifier that only the app knows:
that is what makes it the app's (RFC 6749 §4.1.3, RFC 7636 §4.6; TikTok checks both). From there on it is a sign-in
like any other, with a session of its own that no browser has a cookie of.
Source: the quickstarts of Login Kit for iOS and Android.
"""

import re
from typing import Final

from broker import opaque, telemetry
from broker.oauth import redirects, scopes
from broker.oauth.errors import OAuthError, access_denied, invalid_grant, invalid_request, unauthorized_client
from broker.opaque import Secret
from broker.store import clients, native_sign_ins, sign_ins
from broker.store.grant_rows import Spent, StaleClient
from broker.store.grants import NewGrant
from broker.store.native_sign_ins import Redemption
from broker.store.sessions import Session
from broker.store.sign_ins import Blocked, SignIn, TakenBack, TurnedAway
from broker.store.users import Profile
from broker.tokens.answer import Issue
from broker.tokens.presentation import Presentation
from broker.tokens.resources import narrowed
from broker.upstream.connector import Approval, Rejected, SignedIn, UpstreamError
from broker.web import upstream_errors

# RFC 7636 §4.1 says 43 and more, but TikTok's SDK for Android makes 32, and who uses it cannot change that.
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{32,128}\Z")
# What begins like one of TikTok's tokens is no code, and proves nothing, whatever TikTok would say of it.
_CODE: Final = re.compile(r"(?!(?:act|rft|clt)\.)[\x21-\x7e]{1,2048}\Z")


async def trade(presented: Presentation) -> Issue | StaleClient:
    """`_trade`, counted among the sign-ins."""
    app = telemetry.app(presented.client.client_id)
    try:
        issue = await _trade(presented)
    except OAuthError as error:
        telemetry.SIGN_INS.labels(app, error.code).inc()
        raise
    if not isinstance(issue, StaleClient):
        telemetry.SIGN_INS.labels(app, telemetry.OK).inc()
    return issue


async def _trade(presented: Presentation) -> Issue | StaleClient:
    """Our tokens for whoever TikTok says has signed in.

    Raises `OAuthError`: `invalid_grant` for a code or verifier that TikTok refuses, `access_denied` for a person
    who may not or did not allow enough, `temporarily_unavailable`.
    """
    client, metadata = presented.client, presented.client.metadata
    if "authorization_code" not in metadata.grant_types:
        raise unauthorized_client("The app is not registered to sign people in.")
    code, verifier, redirect_uri = _presented(presented)
    asked = presented.form.several("resource")
    resources = narrowed(asked, "", metadata.audience) if asked else ()
    scope = scopes.granted(presented.form.get("scope"), metadata.scope)
    # TikTok's code can be used once only, so what would make us refuse is looked at before.
    if not await presented.database.read(clients.is_current, client.client_id, client.version):
        return StaleClient()
    if presented.proof is not None:
        await presented.possession.use_up(presented.proof)
    signed_in = await _signed_in(presented, code, verifier, redirect_uri)
    return await _written(presented, signed_in, code, redirect_uri, scope, resources)


def _presented(presented: Presentation) -> tuple[str, str, str]:
    form, metadata = presented.form, presented.client.metadata
    code, verifier = form["subject_token"], form.get("code_verifier")
    if not _CODE.match(code):
        raise invalid_grant("The subject_token is not a code of TikTok. Its tokens prove nothing here.")
    if verifier is None or not _VERIFIER.match(verifier):
        raise invalid_request("The code_verifier must be 32 to 128 letters, digits, or one of - . _ ~.")
    redirect_uri = form.required("redirect_uri")
    if not redirects.matches(redirect_uri, metadata.redirect_uris, native=metadata.native):
        raise invalid_request("The redirect_uri is not registered for this app, character for character.")
    return code, verifier, redirect_uri


async def _signed_in(presented: Presentation, code: str, verifier: str, redirect_uri: str) -> SignedIn:
    metadata = presented.client.metadata
    tiktok = presented.vault.tiktok.get(metadata.registration)
    if tiktok is None:
        raise upstream_errors.no_such_registration(metadata.registration)
    approval = Approval(Secret(code), ())
    try:
        return await tiktok.sign_in(
            approval,
            verifier=verifier,
            redirect_uri=redirect_uri,
            required=metadata.required_tiktok_scopes,
            native=True,
        )
    except UpstreamError as error:
        raise _told(error, metadata.registration) from None


def _told(error: UpstreamError, registration: str) -> OAuthError:
    """What is wrong with code, verifier or redirect URI is the app's own mistake here (RFC 6749 §5.2)."""
    refusal = upstream_errors.told(error, registration)
    at_token = error.trace.endpoint == "token"
    if at_token and (isinstance(error, Rejected) or error.trace.error == "invalid_request"):
        return invalid_grant(
            "TikTok did not accept this code with this verifier and redirect URI; it is good once, for minutes."
        )
    return refusal


async def _written(
    presented: Presentation,
    signed_in: SignedIn,
    code: str,
    redirect_uri: str,
    scope: tuple[str, ...],
    resources: tuple[str, ...],
) -> Issue:
    client, now, lifetimes = presented.client, presented.now, presented.lifetimes
    registration, identity = client.metadata.registration, signed_in.identity
    refreshes = "refresh_token" in client.metadata.grant_types
    refresh_key = presented.ring.refresher(now=now) if refreshes else None
    sign_in = SignIn(
        profile=Profile(
            identity.union_id,
            identity.display_name,
            identity.username,
            identity.avatar_url if presented.avatars != "off" else None,
        ),
        authorization=presented.vault.authorization(registration, signed_in, in_doubt_from=now + 1),
        session=Session(
            id=opaque.identifier("ses_"),
            # No browser has a cookie of it.
            cookie_digest=opaque.random_bytes(32),
            auth_time=now,
            expires_at=now + lifetimes.session,
            max_expires_at=now + lifetimes.session_max,
        ),
        grant=NewGrant(
            id=opaque.identifier(),
            client_id=client.client_id,
            login_digest=opaque.digest(f"tiktok code\n{registration}\n{code}"),
            # Born redeemed: nobody ever sees a code of it.
            code_digest=opaque.random_bytes(32),
            code_expires_at=now + 1,
            redirect_uri=redirect_uri,
            code_challenge=None,
            code_jkt=None,
            nonce=None,
            scope=" ".join(scope),
            resources=" ".join(resources),
            offline="offline_access" in scope,
            auth_time=now,
            expires_at=now + lifetimes.grant,
        ),
        old_cookie=None,
        expected_user=None,
        pushed_request=None,
        request_id=presented.request_id,
        copy_avatar=presented.avatars == "copy",
    )
    redemption = Redemption(
        client_version=client.version,
        jkt=presented.jkt,
        refresh_jkt=presented.binding,
        refresh_kid=refresh_key.kid if refresh_key else None,
        refresh_expires_at=now + lifetimes.refresh_token if refreshes else None,
        access_expires_at=now + lifetimes.access_token,
    )
    outcome = await _recorded(presented, sign_in, redemption)
    if isinstance(outcome, Blocked):
        raise access_denied("This account has been blocked by the operator of the service.")
    return Issue(
        grant=outcome.grant,
        scope=scope,
        resources=narrowed((), outcome.grant.resources, client.metadata.audience),
        nonce=None,
        refresh_key=refresh_key,
        exchanged=True,
    )


async def _recorded(presented: Presentation, sign_in: SignIn, redemption: Redemption) -> Spent | Blocked:
    database, now = presented.database, presented.now
    try:
        return await presented.indices.placing(
            lambda place: database.transact(native_sign_ins.record, sign_in.at(place), redemption, now=now)
        )
    except TurnedAway as refusal:
        await database.transact(sign_ins.refuse, sign_in, refusal.reason, now=now)
        if isinstance(refusal, TakenBack):
            raise access_denied("The consent was taken back at TikTok in the meantime.") from None
        raise invalid_grant("This code of TikTok was used before, or the app is not welcome any more.") from None
