"""Every journey once more, on three processes: no request gets to the one that answered the request before.

What one of them remembered, and the others had to know, would show here. The journeys are those of the other
folders, taken as they are; those that are about one process, or about its start, are left there.
"""

import inspect
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any

import pytest

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
from tests.replicas.balanced import Crew
from tests.stage import HeldClock, Stage, running_stage
from tests.tiktok import test_06_deauthorization
from tests.tokens import test_grants

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


LEFT = {
    # They count what one process does: how often it fetched, and what its metrics say.
    "test_keys_are_fetched_from_the_jwks_uri_and_kept",
    "test_what_needs_no_work_is_written_down_and_acknowledged",
    # It is about the few seconds for which one process keeps what it read of an app.
    "test_a_disabled_app_is_not_answered_from_a_session",
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
async def stage(database_url: str, crew: Crew) -> AsyncIterator[Stage]:
    """Three processes behind one address."""
    crew.clock.now = HeldClock.now
    async with running_stage(database_url, crew.clock, crew.serving) as ready:
        yield ready
