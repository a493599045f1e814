"""TikTok for the demo: an app registered at the simulator, or one that somebody registered at TikTok itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.applications import Starlette

from broker import opaque
from broker.demo.addresses import Addresses
from broker.opaque import Secret
from broker.simulator.app import create_app
from broker.simulator.apps import App
from broker.simulator.world import World


@dataclass(frozen=True)
class TikTokApp:
    """A developer app, known to TikTok by its client key and secret."""

    client_key: str
    client_secret: Secret

    def settings(self) -> Mapping[str, str]:
        """The broker's settings that name this app."""
        return {
            "BROKER_TIKTOK_CLIENT_KEY": self.client_key,
            "BROKER_TIKTOK_CLIENT_SECRET": self.client_secret.reveal(),
        }


def invented() -> TikTokApp:
    """An app nobody has seen before, for the simulator."""
    return TikTokApp(f"aw{opaque.identifier()[:16]}", Secret(opaque.secret()))


def simulator(app: TikTokApp, addresses: Addresses) -> Starlette:
    """The simulator, with this app registered as TikTok's portal would: platform Desktop, for localhost."""
    world = World()
    redirect_uris, webhook_url = [addresses.tiktok_redirect_uri], addresses.tiktok_webhook_url
    world.add_app(App(app.client_key, app.client_secret.reveal(), redirect_uris, webhook_url=webhook_url))
    return create_app(world)


def simulator_settings(addresses: Addresses) -> Mapping[str, str]:
    """The broker's settings that lead to the simulator in place of TikTok."""
    return {
        "BROKER_TIKTOK_AUTHORIZE_URL": f"{addresses.tiktok}/v2/auth/authorize/",
        "BROKER_TIKTOK_API_URL": addresses.tiktok,
    }
