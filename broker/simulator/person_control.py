"""`/_simulator/people/{id}…`: what people do at TikTok itself, away from any app.

| endpoint | does |
|---|---|
| `POST /_simulator/people/{id}` | `display_name` and `username`: a person changes their profile |
| `POST /_simulator/people/{id}/remove` | `reason` 0 to 4 and `client_key`: tokens die, then the webhook goes out |
| `POST /_simulator/people/{id}/restore` | an account that was deleted or banned is there again |

With the reasons 2 (deleted) and 4 (banned) it is the account that goes: every app that the person has allowed
anything loses them, `client_key` need not be named, and until restored they cannot sign in.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from broker.simulator import options
from broker.simulator.control_exchange import carry_out, refused
from broker.simulator.options import BadOption, Options
from broker.simulator.webhook_events import ACCOUNT_IS_GONE, REASONS
from broker.simulator.world import World

_MAX_NAME = 1_000
_PROFILE = ("display_name", "username")


@dataclass(frozen=True)
class PersonControl:
    """The control endpoints for one person."""

    world: World

    async def change(self, request: Request) -> Response:
        """A person changes their profile."""
        return await self._carry_out(request, self._rename)

    async def remove(self, request: Request) -> Response:
        """A person disconnects an app, or TikTok does away with the account."""
        return await self._carry_out(request, self._remove)

    async def restore(self, request: Request) -> Response:
        """TikTok lets a person in again."""
        return await self._carry_out(request, self._restore)

    async def _carry_out(self, request: Request, change: Callable[[str, Options], None]) -> Response:
        person_id: str = request.path_params["id"]
        if person_id not in self.world.people:
            return refused(request, f"There is no person {person_id[:64]!r}.", 404)

        async def changed(wanted: Options) -> None:
            change(person_id, wanted)

        return await carry_out(self.world, request, changed)

    def _rename(self, person_id: str, wanted: Options) -> None:
        options.refuse_unknown(wanted, _PROFILE)
        names = {name: options.text(wanted, name, longest=_MAX_NAME) for name in wanted}
        self.world.rename(person_id, **names)

    def _remove(self, person_id: str, wanted: Options) -> None:
        options.refuse_unknown(wanted, ("client_key", "reason"))
        reason = options.whole(wanted, "reason", min(REASONS), max(REASONS)) if "reason" in wanted else 1
        if reason in ACCOUNT_IS_GONE:
            self.world.close_account(person_id, reason=reason)
            return
        allowed = self.world.grants.clients_of(person_id)
        client_key = options.text(wanted, "client_key") if "client_key" in wanted else ""
        if client_key not in allowed:
            raise BadOption(
                f"client_key must be an app that {person_id} has allowed something: {_listed(allowed)}."
            )
        self.world.remove_grant(person_id, client_key, reason=reason)

    def _restore(self, person_id: str, wanted: Options) -> None:
        options.refuse_unknown(wanted, ())
        self.world.gone.discard(person_id)


def _listed(client_keys: tuple[str, ...]) -> str:
    return ", ".join(client_keys) or "there is none"
