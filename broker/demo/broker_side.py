"""The broker of the demo: settings nobody has to make, a fresh database, and one client registered in it."""

from collections.abc import Mapping

from broker import opaque, sealing
from broker.clock import system_clock
from broker.demo.addresses import Addresses
from broker.demo.sample.config import Config
from broker.oauth import client_metadata, registration
from broker.opaque import Secret
from broker.store import clients
from broker.store.database import connect


def settings(addresses: Addresses, database_url: str) -> Mapping[str, str]:
    """What `broker serve` would be given in its environment, less TikTok's side."""
    return {
        "BROKER_ISSUER": addresses.issuer,
        "BROKER_DATABASE_URL": database_url,
        "BROKER_SECRET_KEYS": sealing.new_secret_key(),
    }


async def register(database_url: str, addresses: Addresses, note: str) -> Config:
    """Register the sample app, as `broker clients add` does, and answer what that app has to know."""
    secret = opaque.secret("brs_")
    config = Config(addresses.app, addresses.issuer, opaque.identifier("cli_"), Secret(secret), note)
    metadata = client_metadata.complete(
        {
            "client_name": "Sample app",
            "redirect_uris": [config.redirect_uri],
            "post_logout_redirect_uris": [config.signed_out_uri],
            "audience": [config.api_url],
            "client_uri": addresses.app,
        }
    )
    registration.check(metadata)
    database = await connect(database_url)
    try:
        await database.transact(clients.add, config.client_id, metadata, opaque.digest(secret), now=system_clock())
    finally:
        await database.close()
    return config
