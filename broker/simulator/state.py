"""What the control endpoints show of a world: everything that is no secret."""

from dataclasses import asdict
from typing import Any

from broker.simulator.faults import ENDPOINTS
from broker.simulator.world import World


def described(world: World) -> dict[str, Any]:
    """Apps without their secrets, people, counters, faults, switches and webhooks, for JSON."""
    return {
        "apps": [
            {
                "client_key": app.client_key,
                "display_name": app.display_name,
                "developer": app.developer,
                "platform": app.platform,
                "scopes": list(app.scopes),
                "redirect_uris": list(app.redirect_uris),
                "webhook_url": app.webhook_url,
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
                "gone": person.id in world.gone,
                "has_allowed": list(world.grants.clients_of(person.id)),
            }
            for person in world.people.values()
        ],
        "counters": {name: dict(world.counters[name]) for name in ENDPOINTS},
        "faults": world.faults.described(),
        "settings": asdict(world.switches),
        "webhooks": world.webhooks.described(),
    }
