"""What the person pressed on the consent page."""

from dataclasses import dataclass

from starlette.requests import Request

from broker.simulator import requests
from broker.simulator.authorize_request import AuthorizeRequest
from broker.simulator.people import Person
from broker.simulator.world import World


@dataclass(frozen=True)
class Consent:
    """Who allows which of the scopes that were asked for, in the order in which they were asked for."""

    person: Person
    scopes: tuple[str, ...]


class BadForm(Exception):
    """A form that our page did not make; the message may be shown."""


async def read(request: Request, asked: AuthorizeRequest, world: World) -> Consent | None:
    """The consent, or None for a refusal. Raises `BadForm`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != requests.FORM:
        raise BadForm("The consent page sends a form; this was something else.")
    try:
        pairs = requests.fields(await requests.body(request))
    except requests.Malformed:
        raise BadForm("The form could not be read; go back and try again.") from None
    ticked = {value for name, value in pairs if name == "scope"}
    others = [(name, value) for name, value in pairs if name != "scope"]
    if requests.repeated(others) is not None or not ticked <= set(asked.scopes):
        raise BadForm("The form was changed on its way; go back and try again.")
    choices = dict(others)
    if choices.get("action") == "deny":
        return None
    if choices.get("action") != "allow":
        raise BadForm("Go back and press one of the two buttons.")
    person = world.people.get(choices.get("person", ""))
    if person is None:
        raise BadForm("Go back and choose one of the people.")
    if person.id in world.gone:
        raise BadForm("This account was deleted or banned; restore it on the simulator's control page.")
    return Consent(person, tuple(scope for scope in asked.scopes if scope in ticked))
