"""What the sign-in library raises, turned into pages in one place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from authlib.integrations.starlette_client import OAuthError
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from broker.demo.sample import messages
from broker.demo.sample.pages import Pages
from broker.demo.sample.sign_in import BrokerAway


@dataclass(frozen=True)
class Troubles:
    """The exception handlers of the sample app."""

    pages: Pages
    issuer: str

    def handlers(self) -> Mapping[type[Exception], Callable[[Request, Exception], Response]]:
        return {OAuthError: self.refused, JoseError: self.untrusted, BrokerAway: self.away}

    def refused(self, _request: Request, error: Exception) -> Response:
        """The broker said no, and why; or this browser never asked."""
        code = str(getattr(error, "error", ""))
        description = str(getattr(error, "description", "") or "")
        return self.pages.trouble(messages.refused(code, description))

    def untrusted(self, _request: Request, error: Exception) -> Response:
        """A token whose signature or claims are wrong."""
        return self.pages.trouble(messages.untrusted(str(getattr(error, "error", ""))))

    def away(self, _request: Request, _error: Exception) -> Response:
        """No broker, or something else in its place."""
        return self.pages.trouble(messages.unreachable(self.issuer))
