"""What `/authorize` would say to one request, asked of the very rules that the endpoint asks."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from broker.cli.explain.refusals import Refusal
from broker.oauth import authorization_request, parameters
from broker.oauth.client_metadata import ClientMetadata
from broker.oauth.errors import OAuthError
from broker.store.clients import ClientRow

_PUSHED: Final = "urn:ietf:params:oauth:request_uri:"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why it is refused, or None; and the scopes that it would be granted."""

    refusal: Refusal | None
    scope: tuple[str, ...] = ()


def verdict(address: str, row: ClientRow, metadata: ClientMetadata) -> Verdict:
    """Of a request as the browser brings it, by its address or its query alone. Raises nothing."""
    shown = "a page tells the person; the app hears nothing"
    query = urlsplit(address).query or address.removeprefix("?")
    try:
        given = parameters.parse(query.encode())
        if given.get("client_id") != row.client_id:
            raise OAuthError("invalid_client", "The request names another client_id.")
        if row.disabled_at is not None:
            raise OAuthError("invalid_client", "No app is registered under this client_id.")
        if given.get("request_uri", "").startswith(_PUSHED):
            return Verdict(Refusal("this request", None, "It was pushed to /par; explain what was pushed."))
        authorization_request.redirect_uri(given, metadata)
        shown = "sent to the redirect URI"
        if metadata.require_pushed_authorization_requests:
            raise OAuthError("invalid_request", "This app must push its requests to /par.")
        asked = authorization_request.read(given, metadata)
    except OAuthError as error:
        return Verdict(Refusal("this request", error.code, f"{error.description} ({shown})"))
    return Verdict(None, asked.scope)
