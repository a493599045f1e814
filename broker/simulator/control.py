"""`/_simulator/…`: what the simulator knows, and what may be changed while it runs.

| endpoint | does |
|---|---|
| `GET /_simulator/` | a page of forms for the commonest of what follows |
| `GET /_simulator/state` | apps without their secrets, people, counters, faults, switches |
| `POST /_simulator/faults`, `DELETE …` | lets something go wrong (`faults.py` has the kinds), or nothing |
| `POST /_simulator/settings` | switches (`switches.py`) |
| `POST /_simulator/people/{id}` | `display_name` and `username`: a person changes their profile |
| `DELETE /_simulator/sessions` | signs every browser out of the simulator |

JSON in, JSON out; a form of the page is answered with the page. There is no authentication: it is a simulator.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import Response

from broker.simulator import options, requests, switches
from broker.simulator.answers import encoded
from broker.simulator.fault_options import fault_from
from broker.simulator.faults import ENDPOINTS, KINDS
from broker.simulator.options import BadOption, Options
from broker.simulator.pages import render
from broker.simulator.requests import Malformed
from broker.simulator.world import World

HOME = "/_simulator/"

_MAX_BODY = 65_536
_MAX_NAME = 1_000
_PROFILE = ("display_name", "username")
_FOREIGN = ("cross-site", "same-site")


@dataclass(frozen=True)
class Control:
    """The control endpoints."""

    world: World

    async def home(self, _: Request) -> Response:
        """The page of forms."""
        return render.control(self._state(), ENDPOINTS, tuple(KINDS))

    async def state(self, _: Request) -> Response:
        """Everything that is no secret."""
        return _json(self._state())

    async def add_fault(self, request: Request) -> Response:
        """Let something go wrong from the next call on."""
        return await self._change(request, lambda wanted: self.world.faults.add(fault_from(wanted)))

    async def clear_faults(self, request: Request) -> Response:
        """Let nothing go wrong any more."""
        return await self._change(request, lambda _: self.world.faults.clear())

    async def change_settings(self, request: Request) -> Response:
        """Set the switches that are named."""
        return await self._change(request, self._set_switches)

    async def change_person(self, request: Request) -> Response:
        """A person changes their profile."""
        person_id: str = request.path_params["id"]
        if person_id not in self.world.people:
            return _refused(request, f"There is no person {person_id[:64]!r}.", 404)
        return await self._change(request, lambda wanted: self._rename(person_id, wanted))

    async def end_sessions(self, request: Request) -> Response:
        """Sign every browser out."""
        return await self._change(request, lambda _: self.world.end_sessions())

    def _set_switches(self, wanted: Options) -> None:
        self.world.switches = switches.changed(self.world.switches, wanted)

    def _rename(self, person_id: str, wanted: Options) -> None:
        options.refuse_unknown(wanted, _PROFILE)
        names = {name: options.text(wanted, name, longest=_MAX_NAME) for name in wanted}
        self.world.rename(person_id, **names)

    async def _change(self, request: Request, change: Callable[[Options], None]) -> Response:
        # A page of another origin could make a browser on this machine post here.
        if request.headers.get("sec-fetch-site") in _FOREIGN:
            return _refused(request, "Another site may not change the simulator.", 403)
        try:
            change(await _options(request))
        except BadOption as error:
            return _refused(request, str(error), 400)
        if _is_form(request):
            return Response(None, 303, {"location": HOME})
        return _json(self._state())

    def _state(self) -> dict[str, Any]:
        world = self.world
        return {
            "apps": [
                {
                    "client_key": app.client_key,
                    "display_name": app.display_name,
                    "developer": app.developer,
                    "platform": app.platform,
                    "scopes": list(app.scopes),
                    "redirect_uris": list(app.redirect_uris),
                    "sandbox_testers": None if app.sandbox_testers is None else list(app.sandbox_testers),
                }
                for app in world.apps.values()
            ],
            "people": [
                {
                    "id": person.id,
                    "display_name": person.display_name,
                    "username": person.username,
                    "open_id": {app.client_key: person.open_id(app.client_key) for app in world.apps.values()},
                    "union_id": {app.developer: person.union_id(app.developer) for app in world.apps.values()},
                }
                for person in world.people.values()
            ],
            "counters": {name: dict(world.counters[name]) for name in ENDPOINTS},
            "faults": world.faults.described(),
            "settings": asdict(world.switches),
        }


async def _options(request: Request) -> Options:
    """The options of a JSON or form body. Raises `BadOption`."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return {}
    try:
        body = await requests.body(request, _MAX_BODY)
        if _is_form(request):
            # An empty field of a form means that it was left alone.
            return {name: value for name, value in requests.fields(body) if value}
        value = json.loads(body, parse_constant=_not_a_number)
    except (Malformed, ValueError, RecursionError):
        raise BadOption("The body must be a JSON object of at most 64 KiB, or a form.") from None
    if not _is_json(request) or not isinstance(value, dict):
        raise BadOption("The body must be a JSON object, sent as application/json.")
    return value


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(constant)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_form(request: Request) -> bool:
    return _media_type(request) == requests.FORM


def _is_json(request: Request) -> bool:
    return _media_type(request) == "application/json"


def _refused(request: Request, sentence: str, status: int) -> Response:
    return render.message(sentence, status) if _is_form(request) else _json({"error": sentence}, status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(encoded(value), status, {"cache-control": "no-store"}, media_type="application/json")
