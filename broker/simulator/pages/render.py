"""Templates to answers: everything autoescaped, under a policy that runs no script and loads from here alone."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from broker.simulator.authorize_request import AuthorizeRequest
from broker.simulator.people import Person
from broker.simulator.webhook_events import DEVELOPER_REVOKED, REASONS

_FOLDER = Path(__file__).parent
_TEMPLATES = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
_STYLE = (_FOLDER / "style.css").read_bytes()

# No `form-action`: browsers hold it against every redirect that follows the form, and the consent form leads
# through the app's callback to wherever the app goes on.
_POLICY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
_LONGEST_SHOWN = 200

SCOPE_TEXTS: Mapping[str, str] = {
    "user.info.basic": "Your display name and profile picture",
    "user.info.profile": "Your username, bio and profile link",
    "user.info.stats": "Your follower, like and video counts",
    "video.list": "The list of your public videos",
    "video.upload": "Upload drafts for you",
    "video.publish": "Post videos for you",
}
"""What a scope is called on the consent page."""

HINTS: Mapping[str, str] = {
    "client_key": "no app with this client key is registered here. TikTok also says so before an app is approved,"
    " when sandbox and production keys are mixed, and when Login Kit was not added to the app.",
    "redirect_uri": "the redirect URI must equal a registered one, character for character, slash included.",
    "response_type": "the response type can only be code.",
    "scope": "every scope must be approved for the app, and commas join them, without spaces.",
    "state": "the app must send a state.",
    "code_challenge": "apps for desktop and phones must send a code_challenge, the lower-case hexadecimal SHA-256"
    " of the verifier.",
    "code_challenge_method": "the method can only be S256, and a desktop app must name it.",
    "non_sandbox_target": "this account is not among the target users of the sandbox.",
    "query": "the query is too long or is not percent-encoded UTF-8.",
}
"""What to do about an `error_type`, which TikTok's own page leaves to be guessed."""


def consent(
    asked: AuthorizeRequest, people: Sequence[Person], *, chosen: Person | None, gone: Collection[str]
) -> Response:
    """Who are you, and what may the app know? The form posts to the page's own URL, query and all."""
    scopes = [(scope, SCOPE_TEXTS.get(scope, scope)) for scope in asked.scopes]
    chosen = chosen or next((person for person in people if person.id not in gone), people[0])
    return _page("consent.html", app=asked.app, people=people, chosen=chosen, gone=gone, scopes=scopes)


def page_error(parameters: Mapping[str, str]) -> Response:
    """The page of TikTok's that tells an app's developer what to correct, with status 200 as a web page has."""
    names = ("error", "error_type", "errCode")
    shown = {name: parameters[name][:_LONGEST_SHOWN] for name in names if name in parameters}
    culprit = shown.get("error_type", shown["error"])
    return _page("error.html", shown=shown, culprit=culprit, hint=HINTS.get(culprit))


def message(sentence: str, status: int) -> Response:
    """One sentence about a form that could not be used."""
    return _page("message.html", status, sentence=sentence)


def control(state: Mapping[str, Any], endpoints: Sequence[str], kinds: Sequence[str]) -> Response:
    """The control page."""
    removable = {number: text for number, text in REASONS.items() if number != DEVELOPER_REVOKED}
    return _page("control.html", state=state, endpoints=endpoints, kinds=kinds, reasons=removable)


async def style(_: Request) -> Response:
    """The one style sheet."""
    return Response(_STYLE, 200, {"cache-control": "no-cache"}, media_type="text/css")


def _page(name: str, status: int = 200, **values: Any) -> Response:
    return Response(_TEMPLATES.get_template(name).render(values), status, _HEADERS, media_type="text/html")
