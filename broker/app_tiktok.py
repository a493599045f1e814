"""TikTok as each configured registration speaks to it, in both directions."""

from typing import cast

import httpx

from broker import telemetry
from broker.clock import Clock
from broker.settings import Settings
from broker.upstream.tiktok import Pkce, TikTok
from broker.upstream.tiktok_events import WebhookKeys


def connectors(settings: Settings, http: httpx.AsyncBaseTransport, clock: Clock) -> dict[str, TikTok]:
    """TikTok, as each registration speaks to it."""
    for app in settings.registrations:
        telemetry.begin(app.name)
    return {
        app.name: TikTok(
            name=app.name,
            client_key=app.client_key,
            client_secret=app.client_secret,
            scopes=app.scopes,
            pkce=cast("Pkce", app.pkce),
            authorize_url=settings.tiktok_authorize_url,
            api_url=settings.tiktok_api_url,
            http=http,
            clock=clock,
        )
        for app in settings.registrations
    }


def webhook_keys(settings: Settings) -> dict[str, WebhookKeys]:
    """With what each client key's webhooks are signed: the secret, and the one before it while both are about."""
    return {
        app.client_key: WebhookKeys(
            app.name,
            tuple(secret for secret in (app.client_secret, app.previous_client_secret) if secret is not None),
        )
        for app in settings.registrations
    }
