"""Client authentication: by the registered method and the current secret, whatever a copy says."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from broker import opaque
from broker.client_auth import authentication
from broker.client_auth import directory as directories
from broker.client_auth.authentication import Authentication
from broker.client_auth.directory import Client, ClientDirectory
from broker.client_auth.jwks import KeySource
from broker.clock import stopwatch
from broker.oauth.errors import OAuthError
from broker.outbound import Outbound, Reach
from broker.rates.allowance import Allowance
from broker.store import clients
from broker.store.database import Database
from broker.store.watched import WatchedDatabase
from tests.stage import HeldClock

SECRET = "brs_canary"
ODD_ID, ODD_SECRET = "an app:+1", "s é+%:&= \u00ff"
METHODS = {"cli_basic": "client_secret_basic", "cli_post": "client_secret_post", "cli_public": "none"}


@pytest.fixture
async def directory(database: Database, clock: HeldClock) -> ClientDirectory:
    """One client for each method, and one with an awkward name."""
    for client_id, method in {**METHODS, ODD_ID: "client_secret_basic"}.items():
        secret = {"cli_public": None, ODD_ID: ODD_SECRET}.get(client_id, SECRET)
        metadata = {"redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": method}
        digest = opaque.digest(secret) if secret else None
        await database.transact(clients.add, client_id, metadata, digest, now=clock())
    return ClientDirectory(database, clock)


async def authenticate(
    directory: ClientDirectory, authorization: str | None, form: Mapping[str, str], *, fresh: bool = False
) -> Client:
    """As an endpoint asks, at first or, `fresh`, after the client has changed."""
    nowhere = Outbound(httpx.AsyncClient(verify=False), Reach(private=False, loopback=False))
    asked = Authentication(
        "https://id.example",
        directory,
        KeySource(nowhere),
        directory.database,
        Allowance(None, stopwatch),
        directory.clock,
    )
    if fresh:
        return await asked.again(authorization, form)
    return await asked.client(authorization, form, address=None)


def basic(client_id: str, secret: str, scheme: str = "Basic") -> str:
    """The header as given: encoding is left to the caller."""
    return f"{scheme} {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"


async def refused(directory: ClientDirectory, authorization: str | None, **form: Any) -> str:
    """The error's code, whose words tell nobody the reason."""
    with pytest.raises(OAuthError) as error:
        await authenticate(directory, authorization, form)
    assert "canary" not in f"{error.value} {error.value.detail} {error.value!r}"
    assert error.value.status == (401 if error.value.code == "invalid_client" else 400)
    return error.value.code


async def test_each_client_proves_itself_by_its_method(directory: ClientDirectory) -> None:
    by_header = await authenticate(directory, basic("cli_basic", SECRET), {})
    by_form = await authenticate(directory, None, {"client_id": "cli_post", "client_secret": SECRET})
    public = await authenticate(directory, None, {"client_id": "cli_public"})
    assert [client.client_id for client in (by_header, by_form, public)] == list(METHODS)


async def test_every_other_method_is_refused(directory: ClientDirectory) -> None:
    for client_id in METHODS:
        if client_id != "cli_basic":
            assert await refused(directory, basic(client_id, SECRET)) == "invalid_client"
        if client_id != "cli_post":
            assert await refused(directory, None, client_id=client_id, client_secret=SECRET) == "invalid_client"
        if client_id != "cli_public":
            assert await refused(directory, None, client_id=client_id) == "invalid_client"


async def test_a_header_is_form_encoded_before_it_is_base64(directory: ClientDirectory) -> None:
    """RFC 6749 §2.3.1 and appendix B: `+` or `%20` for a space, `%3A`, `%2B`, and UTF-8."""
    for encode in (quote_plus, lambda text: quote(text, safe="")):
        header = basic(encode(ODD_ID), encode(ODD_SECRET))
        assert (await authenticate(directory, header, {})).client_id == ODD_ID
    assert await refused(directory, basic(ODD_ID, ODD_SECRET)) == "invalid_client"


async def test_the_scheme_is_of_any_case_and_nothing_else_is(directory: ClientDirectory) -> None:
    """RFC 9110 §11.1."""
    for scheme in ("basic", "BASIC", "bAsIc"):
        assert await authenticate(directory, basic("cli_basic", SECRET, scheme), {})
    assert await refused(directory, basic("CLI_BASIC", SECRET)) == "invalid_client"
    assert await refused(directory, basic("cli_basic", SECRET.upper())) == "invalid_client"


async def test_a_wrong_or_missing_secret_is_refused(directory: ClientDirectory) -> None:
    for secret in ("", SECRET[:-1], SECRET + "x", SECRET + " ", " " + SECRET, "\x00"):
        assert await refused(directory, basic("cli_basic", quote_plus(secret))) == "invalid_client"
    assert await refused(directory, None) == "invalid_client"
    assert await refused(directory, basic("cli_unknown", SECRET)) == "invalid_client"
    assert await refused(directory, None, client_id="cli_unknown") == "invalid_client"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic Y2xp",
        "Basic " + "A" * 5,
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(b"%ff:x").decode(),
        "Basic " + base64.b64encode(b":" + SECRET.encode()).decode(),
        "Basic " + base64.b64encode(b"cli%00_basic:" + SECRET.encode()).decode(),
        "Basic é",
        "Bearer " + SECRET,
        "Digest username=x",
    ],
)
async def test_an_unreadable_header_is_refused(directory: ClientDirectory, header: str) -> None:
    assert await refused(directory, header) == "invalid_client"


async def test_two_ways_at_once_are_one_too_many(directory: ClientDirectory) -> None:
    """RFC 6749 §2.3; the same client_id beside the header is no second way."""
    header = basic("cli_basic", SECRET)
    assert await refused(directory, header, client_id="cli_basic", client_secret=SECRET) == "invalid_request"
    assert await refused(directory, header, client_id="cli_post") == "invalid_request"
    assert await authenticate(directory, header, {"client_id": "cli_basic"})


async def test_a_rotated_secret_holds_at_once_and_the_old_one_until_the_copy_is_read_again(
    directory: ClientDirectory, database: Database, clock: HeldClock
) -> None:
    """The statement that spends requires the copy's version, so the old secret gets nothing meanwhile."""
    await authenticate(directory, basic("cli_basic", SECRET), {})
    await database.transact(clients.set_secret, "cli_basic", opaque.digest("brs_new"), now=clock())
    stale = await authenticate(directory, basic("cli_basic", SECRET), {})
    assert stale.version == 1
    with pytest.raises(OAuthError):
        await authenticate(directory, basic("cli_basic", SECRET), {}, fresh=True)
    assert (await authenticate(directory, basic("cli_basic", "brs_new"), {})).version == 2
    assert await refused(directory, basic("cli_basic", SECRET)) == "invalid_client"


async def test_a_new_secret_is_good_at_once_where_the_old_one_is_still_kept(
    directory: ClientDirectory, database: Database, clock: HeldClock
) -> None:
    await authenticate(directory, basic("cli_basic", SECRET), {})
    await database.transact(clients.set_secret, "cli_basic", opaque.digest("brs_new"), now=clock())
    assert (await authenticate(directory, basic("cli_basic", "brs_new"), {})).version == 2


async def test_a_copy_is_kept_for_seconds_only(
    directory: ClientDirectory, database: Database, clock: HeldClock
) -> None:
    await directory.find("cli_public")
    await database.transact(clients.disable, "cli_public", now=clock())
    clock.advance(4)
    assert not (await authenticate(directory, None, {"client_id": "cli_public"})).disabled
    clock.advance(1)
    assert await refused(directory, None, client_id="cli_public") == "invalid_client"
    await database.transact(clients.enable, "cli_public", now=clock())
    assert await authenticate(directory, None, {"client_id": "cli_public"})


async def test_a_removed_client_is_forgotten(
    directory: ClientDirectory, database: Database, clock: HeldClock
) -> None:
    await directory.find("cli_public")
    await database.transact(clients.remove, "cli_public", now=clock())
    assert await directory.reread("cli_public") is None
    assert await directory.find("cli_public") is None


async def test_the_directory_does_not_grow_without_end(
    directory: ClientDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directories, "_MOST_KEPT", 2)
    for client_id in (*METHODS, "cli_unknown"):
        await directory.find(client_id)
        assert len(directory._kept) <= 2


async def test_a_secret_on_its_way_shows_itself_to_nobody(directory: ClientDirectory) -> None:
    for presented in (
        authentication._presented(basic("cli_basic", SECRET), {}),
        authentication._presented(None, {"client_id": "cli_post", "client_secret": SECRET}),
    ):
        assert presented.secret == SECRET
        assert SECRET not in repr(presented)


async def test_who_wants_the_same_app_at_the_same_time_reads_it_once(directory: ClientDirectory) -> None:
    """Of a busy app hundreds do, whenever its copy is over, and there are few connections to the database."""
    begun: list[int] = []
    fresh = ClientDirectory(WatchedDatabase(directory.database, begun.append), directory.clock)
    found = await asyncio.gather(*(fresh.find("cli_basic") for _ in range(20)))
    assert [client.client_id for client in found if client] == ["cli_basic"] * 20
    assert begun == [1, -1]
    assert fresh._reading == {}
