"""Where the parts of the demo are found: three ports of `localhost` in a row."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Addresses:
    """Port N is the sample app, N+1 the broker, N+2 the TikTok simulator.

    One name for all three means one cookie jar for all three, so their cookies have names of their own.
    """

    port: int

    @property
    def app(self) -> str:
        """The one address a person opens."""
        return f"http://localhost:{self.port}"

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port + 1}"

    @property
    def tiktok(self) -> str:
        return f"http://localhost:{self.port + 2}"

    @property
    def tiktok_redirect_uri(self) -> str:
        """Where TikTok sends the browser: to be pasted into TikTok's developer portal."""
        return f"{self.issuer}/callback/tiktok"

    @property
    def tiktok_webhook_url(self) -> str:
        """Where TikTok tells what people do at TikTok itself."""
        return f"{self.issuer}/webhooks/tiktok"
