"""TikTok's dialect: `client_key`, and two calls for what OpenID Connect calls a token answer."""

import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests


class Refused(Exception):
    """TikTok did not say who it is."""


@dataclass(frozen=True, slots=True)
class TikTok:
    """Sign-in through the TikTok at `base`, which sends the browser back to `redirect_uri`."""

    base: str
    client_key: str
    client_secret: str
    redirect_uri: str
    # A session keeps its connections and is not to be shared between threads.
    _kept: threading.local = field(default_factory=threading.local)

    def authorize_url(self, state: str) -> str:
        """Where to send the browser."""
        asked = {
            "client_key": self.client_key,
            "scope": "user.info.basic",
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "state": state,
        }
        return f"{self.base}/v2/auth/authorize/?{urlencode(asked)}"

    def who_is(self, code: str) -> dict[str, str]:
        """`open_id`, `union_id`, `display_name` and `avatar_url` of who came back with this code."""
        form = {
            "client_key": self.client_key,
            "client_secret": self.client_secret,
            "code": code,
            "grant_type": "authorization_code",
            "redirect_uri": self.redirect_uri,
        }
        tokens = self._session().post(f"{self.base}/v2/oauth/token/", data=form, timeout=10).json()
        if "access_token" not in tokens:
            raise Refused
        told = (
            self._session()
            .get(
                f"{self.base}/v2/user/info/",
                params={"fields": "open_id,union_id,avatar_url,display_name"},
                headers={"Authorization": f"Bearer {tokens['access_token']}"},
                timeout=10,
            )
            .json()
        )
        user: dict[str, str] = told.get("data", {}).get("user", {})
        if told.get("error", {}).get("code") != "ok" or user.get("open_id") != tokens["open_id"]:
            raise Refused
        return user

    def _session(self) -> Any:
        if not hasattr(self._kept, "session"):
            self._kept.session = requests.Session()
            # No look at the environment for proxies with every call.
            self._kept.session.trust_env = False
        return self._kept.session
