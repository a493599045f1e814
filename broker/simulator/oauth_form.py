"""The form that the token and revoke endpoints read, as strictly as TikTok, and the app it names.

Source: page "Manage User Access Tokens" and field reports: JSON, HTTP Basic and even a charset on the content
type are "malformed". Credentials come in the body and nowhere else, under `client_key`, never `client_id`.
"""

from starlette.requests import Request

from broker.simulator import opaque, requests
from broker.simulator.answers import OAuthRefusal
from broker.simulator.apps import App
from broker.simulator.world import World

_MALFORMED = "The request parameters are malformed."


async def read_form(request: Request) -> dict[str, str]:
    """The fields of the body. Raises `OAuthRefusal` for another content type and for repeated fields."""
    if request.headers.getlist("content-type") != [requests.FORM]:
        raise OAuthRefusal("invalid_request", _MALFORMED)
    try:
        pairs = requests.fields(await requests.body(request))
    except requests.Malformed:
        raise OAuthRefusal("invalid_request", _MALFORMED) from None
    if requests.repeated(pairs) is not None:
        raise OAuthRefusal("invalid_request", _MALFORMED)
    return dict(pairs)


def required(form: dict[str, str], name: str) -> str:
    """A field that must be there and not be empty. Raises `OAuthRefusal`."""
    value = form.get(name)
    if not value:
        raise OAuthRefusal("invalid_request", _MALFORMED)
    return value


def app_of(world: World, form: dict[str, str]) -> App:
    """The app whose key and secret the form carries. Raises `OAuthRefusal`."""
    client_key = required(form, "client_key")
    client_secret = form.get("client_secret")
    if not client_secret:
        raise OAuthRefusal("invalid_request", "Client secret is missed in request.")
    app = world.apps.get(client_key)
    if app is None or not opaque.equal(app.client_secret, client_secret):
        raise OAuthRefusal("invalid_client", "Client key or secret is incorrect.")
    return app
