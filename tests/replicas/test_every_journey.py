"""Every journey once more, on three replicas: no request gets to the one that answered the request before.

What one of them remembered, and the others had to know, would show here. The journeys are those of the other
folders, taken as they are; those that are about one process, or about its start, are left there.
"""

import contextlib
import inspect
import itertools
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.app import running
from broker.clock import Clock
from broker.settings import Settings
from tests.journeys import (
    test_sign_in,
    test_tokens_over_http,
    test_userinfo,
    test_what_is_kept,
)
from tests.login import test_whose_login_it_is
from tests.provider import (
    test_client_credentials,
    test_dpop,
    test_form_post,
    test_introspection,
    test_par,
    test_private_key_jwt,
    test_revocation,
    test_single_sign_on,
    test_two_secrets,
)
from tests.stage import HeldClock, Stage, running_stage
from tests.tiktok import test_06_deauthorization
from tests.tokens import test_grants

REPLICAS = 3
MODULES = (
    test_sign_in,
    test_tokens_over_http,
    test_userinfo,
    test_what_is_kept,
    test_whose_login_it_is,
    test_client_credentials,
    test_dpop,
    test_form_post,
    test_introspection,
    test_par,
    test_private_key_jwt,
    test_revocation,
    test_single_sign_on,
    test_two_secrets,
    test_06_deauthorization,
    test_grants,
)


# They count what one process does, or race two of their own.
LEFT = {
    "test_keys_are_fetched_from_the_jwks_uri_and_kept",
    "test_a_disabled_app_is_not_answered_from_a_session",
    "test_of_two_hundred_copies_on_two_brokers_one_is_taken",
    "test_of_many_uses_of_one_proof_at_once_one_counts",
}


def journeys(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Its tests that need a stage and nothing else, by a name that is theirs alone."""
    return {
        f"{name}_in_{module.__name__.rpartition('.')[2]}": test
        for name, test in vars(module).items()
        if name.startswith("test_") and name not in LEFT and needs(test) == ["stage"]
    }


def needs(test: Callable[..., Any]) -> list[str]:
    """The fixtures that it asks for."""
    return list(inspect.signature(test).parameters)


for _module in MODULES:
    globals().update(journeys(_module))


@pytest.fixture
def database_url(postgres_with_keys: str) -> str:
    """PostgreSQL, also where a journey takes but one database: replicas have no other."""
    return postgres_with_keys


@pytest.fixture
async def stage(database_url: str, clock: HeldClock) -> AsyncIterator[Stage]:
    """Three brokers behind one address."""
    async with running_stage(database_url, clock, REPLICAS) as ready:
        yield ready


async def test_no_two_requests_in_a_row_get_to_the_same_one(
    database_url: str, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the journeys above stand on."""
    numbers, heard = itertools.count(), []

    @contextlib.asynccontextmanager
    async def listening(settings: Settings, *, clock: Clock) -> AsyncIterator[ASGIApp]:
        number = next(numbers)

        async def listens(scope: Scope, receive: Receive, send: Send) -> None:
            heard.append(number)
            await app(scope, receive, send)

        async with running(settings, clock=clock) as app:
            yield listens

    monkeypatch.setattr("tests.stage.running_broker", listening)
    async with running_stage(database_url, clock, REPLICAS) as stage:
        await stage.sign_in()
    assert len(heard) >= REPLICAS
    assert heard == [request % REPLICAS for request in range(len(heard))]
