"""Spending a code: one success, and only a fully correct second use ends the grant."""

from typing import Any

from broker.store import clients
from broker.store.database import Database
from broker.store.grant_rows import Refused, Spent, StaleClient
from tests.by_hand import execute
from tests.store.rows import (
    APP,
    CODE_TTL,
    GRANT,
    GRANT_TTL,
    NOW,
    SESSION_TTL,
    add_client,
    grant_row,
    record,
    redeem,
    sign_in,
)

UNSPENT = {"redeemed_at": None, "ended_at": None, "generation": 0}

WRONG_PRESENTATIONS: dict[str, dict[str, Any]] = {
    "another code": {"code_digest": b"digest of another code"},
    "another client": {"client_id": "cli_other"},
    "another redirect URI": {"redirect_uri": "https://app.example/callback/"},
    "another verifier": {"code_challenge": "A" * 43},
    "no verifier": {"code_challenge": None},
}


async def test_a_code_is_spent_once_and_tells_all_that_tokens_need(signed_in: Database) -> None:
    outcome = await redeem(signed_in)
    assert isinstance(outcome, Spent)
    grant = outcome.grant
    assert (grant.id, grant.client_id, grant.session_id, grant.generation) == (GRANT, APP, "ses_1", 0)
    assert (grant.scope, grant.resources, grant.nonce) == ("openid profile offline_access", "", "n")
    assert (grant.union_id, grant.display_name, grant.open_id) == ("u1", "Ada", "o1")
    assert (grant.tiktok_scope, grant.auth_time, grant.refresh_kid) == ("user.info.basic", NOW, "00000001")
    assert (await grant_row(signed_in))["redeemed_at"] == NOW


async def test_a_wrong_presentation_spends_nothing_and_ends_nothing(signed_in: Database) -> None:
    await add_client(signed_in, "cli_other")
    for name, wrong in WRONG_PRESENTATIONS.items():
        assert isinstance(await redeem(signed_in, **wrong), Refused), name
        assert (await grant_row(signed_in)).items() >= UNSPENT.items(), name
    assert isinstance(await redeem(signed_in), Spent)


async def test_a_wrong_second_presentation_ends_nothing(signed_in: Database) -> None:
    await add_client(signed_in, "cli_other")
    await redeem(signed_in)
    for name, wrong in WRONG_PRESENTATIONS.items():
        outcome = await redeem(signed_in, **wrong)
        assert isinstance(outcome, Refused), name
        assert not outcome.ended, name
        assert (await grant_row(signed_in))["ended_at"] is None, name


async def test_a_correct_second_use_ends_the_grant(signed_in: Database) -> None:
    """RFC 6749 §4.1.2: what was issued from the code is revoked with it."""
    await redeem(signed_in)
    outcome = await redeem(signed_in, now=NOW + 1)
    assert outcome == Refused("a code was used a second time", ended=True, grant_id=GRANT)
    ended = await grant_row(signed_in)
    assert (ended["ended_at"], ended["ended_reason"]) == (NOW + 1, "code_reuse")


async def test_a_third_use_finds_the_grant_ended_and_leaves_its_end_alone(signed_in: Database) -> None:
    for second in range(3):
        last = await redeem(signed_in, now=NOW + second)
    assert isinstance(last, Refused)
    assert not last.ended
    assert (await grant_row(signed_in))["ended_at"] == NOW + 1


async def test_a_code_is_void_in_the_very_second_in_which_it_expires(signed_in: Database) -> None:
    assert isinstance(await redeem(signed_in, now=NOW + CODE_TTL), Refused)
    assert (await grant_row(signed_in)).items() >= UNSPENT.items()
    assert isinstance(await redeem(signed_in, now=NOW + CODE_TTL - 1), Spent)


async def test_nobody_unwelcome_gets_tokens(signed_in: Database) -> None:
    for table, change, undo in (
        ("users", f"blocked_at = {NOW}", "blocked_at = NULL"),
        ("sessions", f"ended_at = {NOW}", "ended_at = NULL"),
        ("sessions", f"expires_at = {NOW}", f"expires_at = {NOW + 1}"),
        ("grants", f"ended_at = {NOW}", "ended_at = NULL"),
    ):
        await execute(signed_in, f"UPDATE {table} SET {change}")
        outcome = await redeem(signed_in)
        assert isinstance(outcome, Refused), change
        assert not outcome.ended, change
        assert (await grant_row(signed_in))["redeemed_at"] is None, change
        await execute(signed_in, f"UPDATE {table} SET {undo}")
    assert isinstance(await redeem(signed_in), Spent)


async def test_a_session_lives_until_the_second_before_it_expires(database: Database) -> None:
    await add_client(database)
    await record(database, sign_in(code_expires_at=NOW + GRANT_TTL))
    assert isinstance(await redeem(database, now=NOW + SESSION_TTL), Refused)
    assert isinstance(await redeem(database, now=NOW + SESSION_TTL - 1), Spent)


async def test_a_copy_of_the_client_from_before_a_change_spends_nothing(signed_in: Database) -> None:
    await signed_in.transact(clients.set_secret, APP, b"another digest", now=NOW)
    assert await redeem(signed_in) == StaleClient()
    assert (await grant_row(signed_in)).items() >= UNSPENT.items()
    assert isinstance(await redeem(signed_in, client_version=2), Spent)


async def test_a_stale_copy_of_the_client_ends_nothing_by_a_second_use(signed_in: Database) -> None:
    await redeem(signed_in)
    await signed_in.transact(clients.set_secret, APP, b"another digest", now=NOW)
    assert await redeem(signed_in) == StaleClient()
    assert (await grant_row(signed_in))["ended_at"] is None


async def test_a_disabled_client_spends_nothing_whatever_version_it_names(signed_in: Database) -> None:
    await signed_in.transact(clients.disable, APP, now=NOW)
    for version in (1, 2):
        assert await redeem(signed_in, client_version=version) == StaleClient()
        assert (await grant_row(signed_in)).items() >= UNSPENT.items()


async def test_a_code_without_a_challenge_takes_no_verifier(database: Database) -> None:
    """RFC 9700 §2.1.1: a verifier without a challenge is refused, so that PKCE cannot be downgraded unseen."""
    await add_client(database)
    await record(database, sign_in(code_challenge=None))
    assert isinstance(await redeem(database), Refused)
    assert isinstance(await redeem(database, code_challenge=None), Spent)


async def test_the_refresh_life_ends_with_the_grant_at_the_latest(signed_in: Database) -> None:
    await redeem(signed_in, refresh_expires_at=NOW + GRANT_TTL + 1)
    assert (await grant_row(signed_in))["refresh_expires_at"] == NOW + GRANT_TTL


async def test_a_client_without_refresh_leaves_no_refresh_life(signed_in: Database) -> None:
    await redeem(signed_in, refresh_kid=None, refresh_expires_at=None)
    spent = await grant_row(signed_in)
    assert (spent["refresh_expires_at"], spent["refresh_kid"]) == (None, None)
    assert spent["access_expires_at"] == NOW + 600
