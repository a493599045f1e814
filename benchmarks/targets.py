"""What can be measured: any program that serves OpenID Connect and signs people in through TikTok.

The broker is one target (`service.BROKER`); others, for comparison, are in `peers.table`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from benchmarks.endpoints import Client

Kind: TypeAlias = Literal["sqlite", "postgresql"]

REDIRECT_URI = "https://app.example/callback"
"""Where the app of the benchmark awaits its people; nobody listens there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target is to run. Its database is empty and its own; the folder is for whatever it has to write.

    TikTok's stand-in listens on `tiktok_port` of loopback, without TLS.
    """

    port: int
    tiktok_port: int
    database_url: str
    workers: int
    folder: Path

    @property
    def tiktok(self) -> str:
        """The origin of TikTok's API: `/v2/oauth/token/` and `/v2/user/info/` are there."""
        return f"http://127.0.0.1:{self.tiktok_port}"

    @property
    def tiktok_page(self) -> str:
        """The authorize page to which browsers are sent, with `redirect_uri` and `state` in the query."""
        return f"{self.tiktok}/v2/auth/authorize/"


@dataclass(frozen=True, slots=True)
class Program:
    """How to start a target that is prepared, and as whom to speak to it once it runs.

    It must listen on `place.port` of 127.0.0.1. `ready` is asked until it answers 200; it is told the host of
    `issuer`. `app` is a confidential client with `REDIRECT_URI`, `openid profile offline_access`, PKCE and refresh
    tokens; `backend` one that may introspect the app's access tokens. `resource` goes with every measured request
    for tokens; the tokens for userinfo and introspection come from a refresh without it. `tiktok_resource`: the
    `resource` for which token exchange hands out TikTok's token, where there is such a thing.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    issuer: str
    app: Client
    backend: Client
    ready: str = "/.well-known/openid-configuration"
    resource: str | None = None
    tiktok_resource: str | None = None
    folder: Path | None = None

    def plan(self, place: Place, *, at_once: int) -> dict[str, Any]:
        """What a load generator is to know, as JSON's types."""
        return {
            "port": place.port,
            "at_once": at_once,
            "issuer": self.issuer,
            "app": asdict(self.app),
            "backend": asdict(self.backend),
            "redirect_uri": REDIRECT_URI,
            "tiktok_page": place.tiktok_page,
            "resource": self.resource,
            "tiktok_resource": self.tiktok_resource,
        }


@dataclass(frozen=True, slots=True)
class Target:
    """Something to measure. `prepare` makes its tables and registers both clients, before anything is measured.

    `kinds` are the databases that it can use; what uses none has them all, and leaves `database_url` alone.
    """

    name: str
    title: str
    kinds: frozenset[Kind]
    prepare: Callable[[Place], Program]
