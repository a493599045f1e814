"""`/_simulator/webhooks/…`: sending what TikTok would send, when TikTok would, or what it never would.

| endpoint | does |
|---|---|
| `POST /_simulator/webhooks/send` | sends any event to an app: `client_key` and `event`, and if wanted `content` \
(an object, or a text that goes out as it is), `open_id`, `create_time`, `signed_at` and `secret` |
| `POST /_simulator/webhooks/deliver` | tries everything due now, or at the epoch second `at`; answers when done |

`secret` signs with another secret than the app's, `signed_at` with another time than the clock's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from broker.simulator import options
from broker.simulator.control_exchange import carry_out
from broker.simulator.options import BadOption, Options
from broker.simulator.webhook_events import Event, content_of
from broker.simulator.world import World

_LATEST = 1 << 40
_EVENT = ("client_key", "event", "content", "open_id", "create_time", "signed_at", "secret")


@dataclass(frozen=True)
class WebhookControl:
    """The control endpoints for webhooks."""

    world: World

    async def send(self, request: Request) -> Response:
        """Put an event on its way."""
        return await carry_out(self.world, request, self._send)

    async def deliver(self, request: Request) -> Response:
        """Try what is due."""
        return await carry_out(self.world, request, self._deliver)

    async def _send(self, wanted: Options) -> None:
        options.refuse_unknown(wanted, _EVENT)
        app = self.world.apps.get(_text(wanted, "client_key") or "")
        if app is None or app.webhook_url is None:
            raise BadOption("client_key must be an app that has a webhook_url.")
        name = _text(wanted, "event")
        if not name:
            raise BadOption("event must be the name of an event, such as authorization.removed.")
        created = _time(wanted, "create_time")
        event = Event(
            client_key=app.client_key,
            name=name,
            create_time=self.world.clock() if created is None else created,
            user_openid=_text(wanted, "open_id"),
            content=_content(wanted),
        )
        signed_at = _time(wanted, "signed_at")
        self.world.webhooks.announce(app, event, secret=_text(wanted, "secret"), signed_at=signed_at)

    async def _deliver(self, wanted: Options) -> None:
        options.refuse_unknown(wanted, ("at",))
        await self.world.webhooks.deliver(_time(wanted, "at"))


def _text(wanted: Options, name: str) -> str | None:
    return options.text(wanted, name) if name in wanted else None


def _time(wanted: Options, name: str) -> int | None:
    return options.whole(wanted, name, 0, _LATEST) if name in wanted else None


def _content(wanted: Options) -> str:
    value: Any = wanted.get("content", {})
    return content_of(value) if isinstance(value, Mapping) else options.text(wanted, "content")
