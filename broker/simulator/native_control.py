"""`POST /_simulator/native-code`: what TikTok's own app hands to an app on a phone through the OpenSDK.

| option | means |
|---|---|
| `client_key`, `redirect_uri` | the app, and where its App Link or Universal Link leads |
| `code_challenge` | hexadecimal SHA-256 of the verifier, which may have 32 characters; kept as it comes |
| `person`, `scopes` | who allows what: `p1`, and a list or a text with commas |
| `state` | handed back when given: the SDK leaves it to the app |

The answer has `code`, `scopes` and `state`, as the SDK gives them to the app. No method is named, and there is no
browser in it. Source: the OpenSDK for iOS 2.5.0 and for Android 2.3.1.
"""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from broker.simulator import options
from broker.simulator.apps import OPENSDK_VERIFIER, App
from broker.simulator.control_exchange import carry_out
from broker.simulator.options import BadOption, Options
from broker.simulator.people import Person
from broker.simulator.world import World

_KNOWN = ("client_key", "redirect_uri", "code_challenge", "person", "scopes", "state")


@dataclass(frozen=True)
class NativeControl:
    """The control endpoint that stands for TikTok's app on a phone."""

    world: World

    async def respond(self, request: Request) -> Response:
        """A person allows an app what it asks for."""
        return await carry_out(self.world, request, self._allow)

    async def _allow(self, wanted: Options) -> dict[str, Any]:
        options.refuse_unknown(wanted, _KNOWN)
        app = self.world.apps.get(_text(wanted, "client_key"))
        if app is None:
            raise BadOption("client_key must be an app.")
        redirect_uri = _text(wanted, "redirect_uri")
        if not app.has_native_redirect_uri(redirect_uri):
            raise BadOption("redirect_uri must be one that the app has for phones, character for character.")
        challenge = _text(wanted, "code_challenge")
        if not challenge:
            raise BadOption("code_challenge must be there: apps on phones must use PKCE.")
        person = self._person(wanted, app)
        scopes = _scopes(wanted, app)
        self.world.grants.consent(person.id, app.client_key, asked=scopes, ticked=scopes)
        code = self.world.issue_code(
            app,
            person,
            scopes=scopes,
            redirect_uri=redirect_uri,
            challenge=challenge,
            shortest_verifier=OPENSDK_VERIFIER,
        )
        state = {"state": _text(wanted, "state")} if "state" in wanted else {}
        return {"code": code.text, "scopes": ",".join(scopes)} | state

    def _person(self, wanted: Options, app: App) -> Person:
        person = self.world.people.get(_text(wanted, "person"))
        if person is None or person.id in self.world.gone:
            raise BadOption("person must be somebody who can sign in, such as p1.")
        if not app.admits(person.id):
            raise BadOption(f"{person.id} is no target user of this sandbox.")
        return person


def _text(wanted: Options, name: str) -> str:
    return options.text(wanted, name) if name in wanted else ""


def _scopes(wanted: Options, app: App) -> tuple[str, ...]:
    value = wanted.get("scopes", "user.info.basic")
    scopes = value.split(",") if isinstance(value, str) else value
    known = isinstance(scopes, list) and all(scope in app.scopes for scope in scopes)
    if not known or len(set(scopes)) != len(scopes):
        raise BadOption(f"scopes must be of those of the app: {', '.join(app.scopes)}.")
    return tuple(scopes)
