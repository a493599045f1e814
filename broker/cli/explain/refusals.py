"""What would be refused of this client, with which error and why; and what cannot work as it is set up."""

from collections.abc import Iterator
from dataclasses import dataclass

from broker.cli.doctor import apps
from broker.cli.doctor.findings import Finding
from broker.login.addresses import callback_address
from broker.oauth.client_metadata import ClientMetadata
from broker.oauth.registration import AUTH_METHODS, GRANT_TYPES
from broker.outbound import Reach
from broker.settings import Settings
from broker.store.clients import ClientRow
from broker.upstream import tiktok_redirects

_LOOPBACK = ("http://127.0.0.1", "http://[::1]", "http://localhost")
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`what` is asked, `error` the code that answers it (None: it is ignored, or a page is shown), and `why`."""

    what: str
    error: str | None
    why: str


def of_setup(row: ClientRow, metadata: ClientMetadata, settings: Settings) -> Iterator[Refusal]:
    """What is wrong already, whoever asks for whatever."""
    if row.disabled_at is not None:
        yield Refusal("everything", "invalid_client", f"It is disabled; `broker clients enable {row.client_id}`.")
    for finding in _found(row, metadata, settings):
        code = "server_error" if "registration" in finding.found else None
        yield Refusal("sign-in" if code else "what the broker calls", code, f"{finding.found}. {finding.remedy}")
    uri = callback_address(settings.issuer, metadata.registration)
    if not tiktok_redirects.accepted(uri):
        yield Refusal(f"{uri} at TikTok", None, f"Correct BROKER_ISSUER: {tiktok_redirects.advice(uri)}.")


def of_requests(metadata: ClientMetadata) -> Iterator[Refusal]:
    """What a request of this client must not be, by the rules of the protocol and what it is registered for."""
    if "authorization_code" in metadata.grant_types:
        yield from _at_authorize(metadata)
    else:
        code = "unauthorized_client" if metadata.redirect_uris else "invalid_request"
        yield Refusal("any request to /authorize", code, "It is not registered for authorization_code.")
    yield from _at_token(metadata)
    yield from _at_logout(metadata)


def _found(row: ClientRow, metadata: ClientMetadata, settings: Settings) -> Iterator[Finding]:
    yield from apps.bound(row.client_id, metadata, settings)
    private = settings.allow_private_callbacks
    yield from apps.called(row.client_id, metadata, Reach(private=private, loopback=private or settings.loopback))


def _at_authorize(metadata: ClientMetadata) -> Iterator[Refusal]:
    yield Refusal(
        "a redirect_uri that is not registered",
        "invalid_request",
        "It is compared character for character, a slash at the end included; a page tells the person.",
    )
    for uri in metadata.redirect_uris:
        if not uri.startswith(_LOOPBACK):
            continue
        if not metadata.native:
            yield Refusal(
                f"{uri} with another port",
                "invalid_request",
                "Only a public client, or one with application_type native, may choose its port (RFC 8252 §7.3).",
            )
        elif uri.startswith("http://localhost"):
            yield Refusal(
                f"{uri} with another port",
                "invalid_request",
                "Any port goes with 127.0.0.1 and [::1] only (RFC 8252 §8.3); register one of those.",
            )
    if metadata.pkce_required:
        yield Refusal(
            "no code_challenge", "invalid_request", "PKCE is required; --no-pkce waives it for a secret."
        )
    yield Refusal("code_challenge_method=plain, or none", "invalid_request", "It must be S256 (RFC 7636 §4.2).")
    yield Refusal("a response_type other than code", "unsupported_response_type", "There is only the code flow.")
    if metadata.require_pushed_authorization_requests:
        yield Refusal("a request that was not pushed to /par", "invalid_request", "--require-par is registered.")
    if metadata.public:
        yield Refusal("a request pushed to /par", "unauthorized_client", "Only apps that authenticate can push.")
    yield Refusal(
        f"a resource other than {', '.join(metadata.audience)}" if metadata.audience else "any resource",
        "invalid_target",
        "It is no --audience of this client (RFC 8707 §2).",
    )
    yield from _scopes(metadata)


def _scopes(metadata: ClientMetadata) -> Iterator[Refusal]:
    yield Refusal(
        f"a scope other than {' '.join(metadata.scope)}" if metadata.scope else "any scope",
        None,
        "It is left out without an error; the answer says what was granted.",
    )
    if "openid" not in metadata.scope:
        yield Refusal("an ID token, and /userinfo", "insufficient_scope", "openid is not among its scopes.")
    if metadata.required_tiktok_scopes:
        yield Refusal(
            f"a person who unticks {', '.join(metadata.required_tiktok_scopes)} at TikTok",
            "access_denied",
            "They are asked once more on a page, and may decline; with prompt=none it is consent_required.",
        )


def _at_token(metadata: ClientMetadata) -> Iterator[Refusal]:
    others = [method for method in AUTH_METHODS if method != metadata.token_endpoint_auth_method]
    yield Refusal(
        f"authentication by {', '.join(others)}",
        "invalid_client",
        f"Only the registered {metadata.token_endpoint_auth_method} is taken.",
    )
    missing = [grant for grant in GRANT_TYPES if grant not in metadata.grant_types and grant != _EXCHANGE]
    if missing:
        yield Refusal(f"grant_type={', '.join(missing)}", "unauthorized_client", "It is not registered for that.")
    if metadata.dpop_bound_access_tokens:
        yield Refusal("a token request without a DPoP proof", "invalid_dpop_proof", "--dpop-bound is registered.")
    if not metadata.tiktok_tokens:
        yield Refusal(
            "TikTok's tokens by token exchange", "unauthorized_client", "--tiktok-tokens is not registered."
        )


def _at_logout(metadata: ClientMetadata) -> Iterator[Refusal]:
    yield Refusal(
        "a post_logout_redirect_uri that is not registered"
        if metadata.post_logout_redirect_uris
        else "any post_logout_redirect_uri",
        None,
        "The person is signed out and stays on a page of the broker.",
    )
    if metadata.backchannel_logout_uri is None:
        yield Refusal("word of a sign-out elsewhere", None, "No --backchannel-logout-uri is registered.")
