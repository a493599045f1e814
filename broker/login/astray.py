"""Browsers that bring an answer to a login which is not theirs, not there any more, or over.

Their cookies stayed in another browser, as when an app opens a view of its own, or ten minutes went by. There is
no going on: whoever sent this browser here may be somebody else (RFC 9700 §4.7). The page explains, and shows the
way back to the app that the login was for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from broker.client_auth.directory import ClientDirectory
from broker.login import refusals
from broker.login.browser import Browser
from broker.login.pages.rendering import Link, Pages
from broker.oauth import redirects
from broker.store.database import DatabaseUnavailable, SchemaMismatch
from broker.upstream.tiktok import TikTok


@dataclass(frozen=True, slots=True)
class Astray:
    """Answers such browsers with a page."""

    issuer: str
    directory: ClientDirectory
    browser: Browser
    pages: Pages
    tiktok: Mapping[str, TikTok]

    async def page(self, request: Request, state: str, registration: str) -> Response:
        """What happened and what to do, with a link to the app that TikTok's `state` names, if there is one."""
        link = await self._way_back(request, state)
        tiktok = self.tiktok.get(registration)
        if tiktok is not None and tiktok.circuit.is_open:
            # Starting again, which the other page advises, would lead nowhere.
            return refusals.tiktok_away_page(self.pages, request, link)
        return refusals.lost(self.pages, request, link)

    async def _way_back(self, request: Request, state: str) -> Link | None:
        app = self.browser.app_of(state)
        try:
            client = await self.directory.find(app) if app else None
        except (DatabaseUnavailable, SchemaMismatch):
            # The page says what happened without the link, too.
            return None
        if client is None or client.disabled:
            return None
        metadata = client.metadata
        if metadata.initiate_login_uri:
            # OIDC Core §4: an app is told who asks it to begin a login.
            address = redirects.with_answer(metadata.initiate_login_uri, {"iss": self.issuer})
        elif metadata.client_uri:
            address = metadata.client_uri
        else:
            return None
        return self.pages.back_to(request, address, metadata.client_name)
