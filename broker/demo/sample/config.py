"""What an app needs to know to let people sign in."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from broker.opaque import Secret


@dataclass(frozen=True)
class Config:
    """The sample app's own address, and what the broker told it when it was registered.

    `origin` and `issuer` are origins without a trailing slash; `note` is a line for the foot of every page.
    """

    origin: str
    issuer: str
    client_id: str
    client_secret: Secret
    note: str = ""

    @property
    def redirect_uri(self) -> str:
        """Where the broker sends the browser back: registered there, compared exactly."""
        return f"{self.origin}/callback"

    @property
    def signed_out_uri(self) -> str:
        """Where the broker sends the browser after signing it out."""
        return f"{self.origin}/signed-out"

    @property
    def api_url(self) -> str:
        """The backend's address, which is also the audience its access tokens carry."""
        return f"{self.origin}/api/me"

    @property
    def host(self) -> str:
        """The host and port a browser names when it means this app."""
        return urlsplit(self.origin).netloc

    @property
    def secure(self) -> bool:
        """Whether cookies may insist on https."""
        return self.origin.startswith("https://")
