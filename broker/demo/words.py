"""What `broker demo` says to the person who started it."""

from broker.demo.addresses import Addresses
from broker.demo.tiktok import TikTokApp


def running(addresses: Addresses, live: TikTokApp | None) -> str:
    """The one address to open, and what can be done there."""
    return _live(addresses, live) if live else _simulated(addresses)


def _simulated(addresses: Addresses) -> str:
    return f"""
The demo is running. Open this in a browser:

    {addresses.app}

Press “Continue with TikTok”. TikTok is simulated here: choose one of its people, untick what the app
shall not see, or cancel.

    the sample app      {addresses.app}
    the broker          {addresses.issuer}/.well-known/openid-configuration
    the simulator       {addresses.tiktok}/_simulator/ (make things go wrong there)

Everything lives in a scratch folder and is gone afterwards. Ctrl-C stops it.
"""


def _live(addresses: Addresses, app: TikTokApp) -> str:
    return f"""
The demo is running against TikTok itself, with the client key {app.client_key}.

In TikTok's developer portal, https://developers.tiktok.com/apps, that app (until it is reviewed: its sandbox)
needs

  1. the product Login Kit and the platform Desktop, the only one that may use localhost;
  2. this redirect URI, pasted under Login Kit, Desktop:

    {addresses.tiktok_redirect_uri}

  3. in a sandbox: your TikTok account under Target users. It can take an hour until TikTok knows it.

Then open this in a browser:

    {addresses.app}

Everything lives in a scratch folder and is gone afterwards. Ctrl-C stops it.
"""
