"""`GET/POST /v2/auth/authorize/`: the consent page, and the way back to the app.

A good request shows the page, or skips it for a browser that is signed in here and whose person has allowed all
of this before (unless `disable_auto_auth=1`). A bad one gains error parameters on its own URL and stays.
Source: Login Kit for Web and Desktop, and field reports for what they leave out.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from broker.simulator import authorize_request, consent_form, opaque, redirects
from broker.simulator.authorize_request import OLD_API, AuthorizeRequest, PageError
from broker.simulator.consent_form import BadForm
from broker.simulator.grants import Code
from broker.simulator.pages import render
from broker.simulator.people import Person
from broker.simulator.world import World

PATH = "/v2/auth/authorize/"
COOKIE = "tiktok_simulator_session"

_USER_DENIED = "-2"


@dataclass(frozen=True)
class Authorize:
    """The authorize page."""

    world: World

    async def show(self, request: Request) -> Response:
        """The page, the error page, or the way back at once."""
        query: bytes = request.scope["query_string"]
        error = authorize_request.error_shown(query)
        if error is not None:
            return render.page_error(error)
        try:
            asked = authorize_request.read(self.world.apps, query)
        except PageError as found:
            return self._to_itself(request, found)
        fault = self.world.faults.take("authorize", {"error"})
        if fault is not None:
            self.world.count("authorize", "faults")
            err_code = None if fault.err_code is None else str(fault.err_code)
            return self._refusal(asked, fault.error, fault.error_description, fault.error_type, err_code)
        person = self.world.signed_in(request.cookies.get(COOKIE))
        if person is not None and asked.may_skip_page and self._has_allowed(person, asked):
            return self._approval(asked, person, asked.scopes)
        return render.consent(asked, tuple(self.world.people.values()), chosen=person, gone=self.world.gone)

    async def decide(self, request: Request) -> Response:
        """What the person pressed, on the same URL."""
        try:
            asked = authorize_request.read(self.world.apps, request.scope["query_string"])
            consent = await consent_form.read(request, asked, self.world)
        except PageError as found:
            return self._to_itself(request, found)
        except BadForm as found:
            return render.message(str(found), 400)
        if consent is None:
            # Source: Login Kit for Web; `errCode` and the bare description from field reports.
            return self._refusal(asked, "access_denied", "access_denied", None, _USER_DENIED)
        if not asked.app.admits(consent.person.id):
            return self._not_a_target_user(request, asked)
        self.world.grants.consent(
            consent.person.id, asked.app.client_key, asked=asked.scopes, ticked=consent.scopes
        )
        response = self._approval(asked, consent.person, consent.scopes)
        secure = request.scope["scheme"] == "https"
        cookie = self.world.begin_session(consent.person.id)
        response.set_cookie(COOKIE, cookie, secure=secure, httponly=True, samesite="lax")
        return response

    async def old_path(self, request: Request) -> Response:
        """`/auth/authorize/` of the first API: answered like a request without `client_key`."""
        return self._to_itself(request, PageError("param_error", "client_key", OLD_API))

    def _has_allowed(self, person: Person, asked: AuthorizeRequest) -> bool:
        return self.world.grants.cover(person.id, asked.app.client_key, asked.scopes)

    def _approval(self, asked: AuthorizeRequest, person: Person, scopes: tuple[str, ...]) -> Response:
        code = Code(
            text=opaque.authorization_code(),
            client_key=asked.app.client_key,
            person_id=person.id,
            scopes=scopes,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
            expires_at=self.world.clock() + self.world.switches.code_lifetime,
        )
        self.world.grants.add_code(code)
        answer = [("code", code.text), ("scopes", ",".join(scopes)), ("state", asked.state)]
        return redirects.to_app(asked.redirect_uri, answer)

    def _not_a_target_user(self, request: Request, asked: AuthorizeRequest) -> Response:
        # Field reports saw it in both places.
        if self.world.switches.non_sandbox_target == "page":
            return self._to_itself(request, PageError("access_denied", "non_sandbox_target"))
        return self._refusal(asked, "access_denied", "access_denied", "non_sandbox_target", None)

    def _refusal(
        self,
        asked: AuthorizeRequest,
        error: str,
        description: str,
        error_type: str | None,
        err_code: str | None,
    ) -> Response:
        self.world.count("authorize", "errors")
        parameters = (
            ("error", error),
            ("error_description", description),
            ("error_type", error_type),
            ("errCode", err_code),
            ("state", None if self._forgets_state() else asked.state),
        )
        return redirects.to_app(
            asked.redirect_uri, [(name, value) for name, value in parameters if value is not None]
        )

    def _forgets_state(self) -> bool:
        return self.world.faults.take("authorize", {"drop_state_on_error"}) is not None

    def _to_itself(self, request: Request, error: PageError) -> Response:
        self.world.count("authorize", "errors")
        return redirects.to_itself(PATH, request.scope["query_string"], error.parameters())
