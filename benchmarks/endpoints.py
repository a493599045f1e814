"""Where a target does what, by its discovery document, and how an app proves to be itself there."""

import base64
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from benchmarks.http import Unexpected

_POSSESSION = "ES256"


@dataclass(frozen=True, slots=True)
class Client:
    """A registered app."""

    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """A target's addresses. `document` is its discovery document (OIDC Discovery 1.0 §3)."""

    document: dict[str, Any]

    def has(self, name: str) -> bool:
        """Whether there is an endpoint of this name, as in `token_endpoint`."""
        return name in self.document

    @property
    def proves_possession(self) -> bool:
        """Whether DPoP proofs are taken, signed with ES256 (RFC 9449 §5.1)."""
        return _POSSESSION in self.document.get("dpop_signing_alg_values_supported", ())

    @property
    def origin(self) -> str:
        """Scheme and host under which browsers know the target."""
        parts = urlsplit(self["authorization_endpoint"])
        return f"{parts.scheme}://{parts.netloc}"

    def __getitem__(self, name: str) -> str:
        address = self.document.get(name)
        if not isinstance(address, str):
            raise Unexpected(f"the discovery document names no {name}")
        return address

    def read(self, name: str, headers: str = "") -> bytes:
        """A GET of an endpoint."""
        return f"GET {_head(self[name])}{headers}\r\n".encode()

    def send(self, name: str, client: Client, form: dict[str, str], headers: str = "") -> bytes:
        """A form for an endpoint, with what proves the client in the way that is to be used there."""
        methods = self.document.get(f"{name}_auth_methods_supported", ("client_secret_basic",))
        if "client_secret_basic" in methods:
            headers += _basic(client)
        else:
            form = {**form, "client_id": client.client_id, "client_secret": client.secret}
        body = urlencode(form)
        headers += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        return f"POST {_head(self[name])}{headers}\r\n{body}".encode()


# What is always the same is made once: it is the target that is to be busy.
@lru_cache
def _basic(client: Client) -> str:
    """RFC 6749 §2.3.1: both are encoded as in a form before they are joined."""
    pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
    return f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"


@lru_cache
def _head(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"


@lru_cache
def discovery(issuer: str) -> bytes:
    """The GET that brings the document of an issuer (OIDC Discovery 1.0 §4)."""
    return f"GET {_head(issuer.rstrip('/') + '/.well-known/openid-configuration')}\r\n".encode()
